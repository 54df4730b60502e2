/** The package in Node: native, where a binary fits the machine, else in the engine's own WebAssembly. */

import { type Diagnostic, LoadError } from './errors.js';
import { compile, isNative, open as openNative } from './engine/native.js';
import { open as openPortable } from './engine/portable.js';
import { get, isModule } from './files.js';
import { BasePolicy, type Engine, type Source } from './policy.js';
import { warn } from './platform.js';

export * from './exports.js';

/**
 * A policy, ready to judge calls.
 *
 * @example
 * const policy = await Policy.load('support.wasm');
 * policy.decide({ tool: 'process_refund', args: { amount: 800 }, agent: { roles: ['agent'] } }).reason;
 */
export class Policy extends BasePolicy {
	/**
	 * Compiles a policy's JSON text. What is legal but likely wrong is told as a warning of the process.
	 *
	 * @throws PolicyError with everything that is wrong with the text
	 * @example
	 * Policy.compile('{ "perso": 1, "rules": [{ "id": "view", "allow": "view_customer" }] }');
	 */
	static compile(text: string): Policy {
		return new Policy(openNative(compiled(text)));
	}

	/**
	 * Loads a module, or compiles a policy's JSON text, from a file, a URL or bytes: the first bytes tell which it is.
	 *
	 * @throws LoadError, PolicyError, and the system's error where a file can't be read
	 */
	static async load(source: Source): Promise<Policy> {
		return new Policy(await open(source));
	}

	protected override open(source: Source): Promise<Engine> {
		return open(source);
	}
}

async function open(source: Source): Promise<Engine> {
	const got = await get(source);
	if ('compiled' in got || !isNative) return openPortable(got);
	return openNative(isModule(got.bytes) ? got.bytes : compiled(text(got.bytes)));
}

/** A policy's text as it stands: what is wrong with it, the compiler says. */
function text(bytes: Uint8Array): string {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch (error) {
		throw new LoadError("neither a module nor a policy's text, which is UTF-8", { cause: error });
	}
}

function compiled(text: string): Uint8Array {
	const { module, warnings } = compile(text);
	for (const warning of warnings) warn(warned(warning));
	return module;
}

function warned({ line, column, message }: Diagnostic): Error {
	const warning = new Error(`the policy, at line ${line}, column ${column}: ${message}`);
	warning.name = 'PolicyWarning';
	return warning;
}
