/** The parts of a module's manifest that are needed to write calls (docs/module.md, "The manifest"). */

import { LoadError } from '../errors.js';
import type { CompiledModule } from '../platform.js';

/** What a policy reads of a call. */
export interface Manifest {
	/** The attributes that the policy reads, as written in the policy. */
	readonly attributes: readonly string[];
	/** The limits and labels, if there are any. */
	readonly obligations?: readonly unknown[];
	/** What the policy judges, if not only tools. */
	readonly covers?: readonly ('tools' | 'resources' | 'prompts')[];
	/** The tools that the policy names. `reads` has the indices in `attributes` of what the rules for the tool read. */
	readonly tools: readonly { readonly name: string; readonly reads: readonly number[] }[];
}

/** The name of the custom section with the manifest. */
const SECTION = 'perso';

const text = new TextDecoder('utf-8', { fatal: true });

/** Reads the manifest of a module that has been validated. */
export function manifest(module: Uint8Array | CompiledModule): Manifest {
	const found = module instanceof Uint8Array ? section(module) : WebAssembly.Module.customSections(module, SECTION)[0];
	if (found === undefined) throw new LoadError('the module has no manifest');
	return JSON.parse(text.decode(found)) as Manifest;
}

/** Finds the custom section with the manifest (WebAssembly 3.0, 5.5.3). */
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
