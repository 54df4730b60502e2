/** The package where no native code runs: in browsers, in workers at the edge, in Deno. */

import { noCompiler, open } from './engine/portable.js';
import { get } from './files.js';
import { BasePolicy, type Engine, type Source } from './policy.js';

export * from './exports.js';

/**
 * A policy, ready to judge calls.
 *
 * @example
 * const policy = await Policy.load(await (await fetch('/support.wasm')).arrayBuffer());
 * policy.decide({ tool: 'process_refund', args: { amount: 800 } }).reason;
 */
export class Policy extends BasePolicy {
	/**
	 * Compiles a policy's JSON text: not here, where there is no native code.
	 *
	 * @throws PolicyError, which says how to compile it beforehand
	 */
	static compile(_text: string): Policy {
		throw noCompiler();
	}

	/**
	 * Loads a module from bytes, from a file or a URL where the engine has them, or takes a `WebAssembly.Module`.
	 *
	 * @throws LoadError where it is no module that can be trusted to judge
	 */
	static async load(source: Source): Promise<Policy> {
		return new Policy(await open(await get(source)));
	}

	protected override async open(source: Source): Promise<Engine> {
		return open(await get(source));
	}
}
