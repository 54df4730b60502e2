/**
 * Access to Node's APIs where the platform has them (Node, Deno, Bun and some workers). Nothing is imported, so that this
 * file also loads in browsers.
 */

type Loaded = { getBuiltinModule?: (name: string) => unknown; emitWarning?: (warning: Error) => void };

const host = (globalThis as { process?: Loaded }).process;

/** Returns a built-in module of Node; undefined if the platform does not have it. */
export function builtin<T>(name: string): T | undefined {
	return host?.getBuiltinModule?.(name) as T | undefined;
}

/** Reports an error to the operator as a warning. */
export function warn(error: Error): void {
	if (host?.emitWarning) host.emitWarning(error);
	else console.warn(error);
}

/** `WebAssembly.Module` if the program's types declare it (Node's own do not), else `never`. */
export type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : never;
