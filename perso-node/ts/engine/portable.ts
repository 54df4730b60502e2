/** Runs modules in the JavaScript engine's WebAssembly, with the host kit. */

import { type Decision, decision } from '../decision.js';
import { LoadError, PolicyError } from '../errors.js';
import { type Got, isModule } from '../files.js';
import type { Engine } from '../policy.js';
import { PARTS, TIME_OPEN } from '../value/reads.js';
import { AskingOnly } from './asking.js';
import { manifest } from './manifest.js';
import { Policy as Kit } from '../../host/perso.mjs';

/** The names of the parts whose bits are set. */
const parts = (bits: number) => PARTS.filter((_, part) => bits & (1 << part));

/** Loads a module. */
export async function open(got: Got): Promise<Engine> {
	const source = 'compiled' in got ? got.compiled : got.bytes;
	if (source instanceof Uint8Array && !isModule(source)) throw noCompiler();
	let kit: Awaited<ReturnType<typeof Kit.load>>;
	try {
		kit = await Kit.load(source);
	} catch (error) {
		throw new LoadError(`the module does not load: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
	}
	const decide = (text: string | Uint8Array, unknown: number): Decision => {
		const time = unknown & TIME_OPEN ? (['context.now'] as const) : [];
		const states = unknown === 0 ? undefined : { open: [...parts(unknown), ...time], withheld: parts(unknown >> 8) };
		return decision(kit.decide(text, states));
	};
	return {
		module: source instanceof Uint8Array ? source : undefined,
		manifest: manifest(source),
		decide,
		outcome(text, unknown) {
			const { decision, cause } = decide(text, unknown);
			// The rules let the call through, or ask; there is nothing that remembers it.
			return cause.kind === 'ledger' ? 'allow' : decision;
		},
		hasLedgers: false,
		enforce: () => new AskingOnly(decide),
	};
}

/** The error for a policy's text, which cannot be compiled here. */
export function noCompiler(): PolicyError {
	const message =
		"a policy's text is compiled by the native package, which this engine does not run: compile it with `npx perso compile policy.json -o policy.wasm`, and load the module";
	return new PolicyError(message, []);
}
