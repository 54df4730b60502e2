/** What a module says of itself, as far as calls are written by it (docs/module.md, "The manifest"). */

import { LoadError } from '../errors.js';
import type { CompiledModule } from '../platform.js';

/** What a policy reads. */
export interface Manifest {
	/** The attributes that the policy reads, as an author writes them. */
	readonly attributes: readonly string[];
	/** The tools that it names, with the attributes, by their numbers, that rules for them read. */
	readonly tools: readonly { readonly name: string; readonly reads: readonly number[] }[];
}

/** The section that has it. */
const SECTION = 'perso';

const text = new TextDecoder('utf-8', { fatal: true });

/** The manifest of a module that has been found good. */
export function manifest(module: Uint8Array | CompiledModule): Manifest {
	const found = module instanceof Uint8Array ? section(module) : WebAssembly.Module.customSections(module, SECTION)[0];
	if (found === undefined) throw new LoadError('the module has no manifest');
	return JSON.parse(text.decode(found)) as Manifest;
}

/** A custom section of that name (WebAssembly 3.0, 5.5.3). */
function section(module: Uint8Array): Uint8Array | undefined {
	let at = 8;
	const number = (): number => {
		let value = 0;
		for (let shift = 0; at < module.length; shift += 7) {
			const byte = module[at++]!;
			value |= (byte & 0x7f) << shift;
			if (byte < 0x80) break;
		}
		return value >>> 0;
	};
	while (at < module.length) {
		const id = module[at++];
		const size = number();
		const end = at + size;
		if (id === 0) {
			const length = number();
			if (text.decode(module.subarray(at, at + length)) === SECTION) return module.subarray(at + length, end);
		}
		at = end;
	}
	return undefined;
}
