/** The package in Node and Bun. Policies run in the native addon if there is one for this platform, else in WebAssembly. */

import { type Diagnostic, LoadError } from './errors.js';
import { compile, type Extended, files, isNative, open as openNative } from './engine/native.js';
import { open as openPortable } from './engine/portable.js';
import { filePath, get, isModule } from './files.js';
import { BasePolicy, type Engine, type Source } from './policy.js';
import { warn } from './platform.js';
import type { CompileOptions } from './resolve.js';

export * from './exports.js';

/**
 * A policy that is ready to judge calls.
 *
 * @example
 * const policy = await Policy.load('support.wasm');
 * policy.decide({ tool: 'process_refund', args: { amount: 800 }, agent: { roles: ['agent'] } }).reason;
 */
export class Policy extends BasePolicy {
	/**
	 * Compiles a policy's JSON text. The compiler's warnings are emitted as process warnings named `PolicyWarning`.
	 *
	 * @throws PolicyError with all errors in the policy, or if there is no native addon for this platform. If `resolve` threw an
	 * error, that is the `cause`
	 * @throws TypeError if `text` is not a string
	 * @example
	 * Policy.compile('{ "perso": 1, "rules": [{ "id": "view", "allow": "view_customer" }] }');
	 */
	static compile(text: string, options: CompileOptions = {}): Policy {
		return new Policy(openNative(compiled(text, { resolve: options.resolve })));
	}

	/**
	 * Loads a compiled module or a policy's JSON text from a file, a URL or bytes. The first bytes tell which of the two it is.
	 * Documents that a file's text extends are read from the file's folder and the folders below it.
	 *
	 * @throws LoadError if the source is not a valid module
	 * @throws PolicyError if the policy does not compile
	 * @throws Error of the system if a file cannot be read
	 * @example
	 * const policy = await Policy.load(new URL('./support.wasm', import.meta.url));
	 */
	static async load(source: Source): Promise<Policy> {
		return new Policy(await open(source));
	}

	protected override open(source: Source): Promise<Engine> {
		return open(source);
	}

	protected override files(path: string | URL): readonly (string | URL)[] {
		return isNative ? files(filePath(path)) : [path];
	}
}

async function open(source: Source): Promise<Engine> {
	const got = await get(source);
	if ('compiled' in got || !isNative) return openPortable(got);
	return openNative(isModule(got.bytes) ? got.bytes : compiled(text(got.bytes), { path: got.path }));
}

/** Decodes a policy's text. A byte order mark is kept, so that the compiler reports it. */
function text(bytes: Uint8Array): string {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch (error) {
		throw new LoadError("this is neither a module nor a policy's text in UTF-8", { cause: error });
	}
}

function compiled(text: string, extended: Extended): Uint8Array {
	const { module, warnings } = compile(text, extended);
	for (const warning of warnings) warn(warned(warning));
	return module;
}

function warned({ file, line, column, message }: Diagnostic): Error {
	const warning = new Error(`${file === 'policy' ? 'the policy' : `\`${file}\``}, at line ${line}, column ${column}: ${message}`);
	warning.name = 'PolicyWarning';
	return warning;
}
