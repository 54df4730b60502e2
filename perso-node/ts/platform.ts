/** What of Node may be there: in Node, Deno, Bun and some workers, but not in browsers. Nothing of it is imported. */

type Loaded = { getBuiltinModule?: (name: string) => unknown; emitWarning?: (warning: Error) => void };

const host = (globalThis as { process?: Loaded }).process;

/** A module of Node's, where this is an engine that has it. */
export function builtin<T>(name: string): T | undefined {
	return host?.getBuiltinModule?.(name) as T | undefined;
}

/** Tells the operator what went wrong without going further. */
export function warn(error: Error): void {
	if (host?.emitWarning) host.emitWarning(error);
	else console.warn(error);
}

/** A `WebAssembly.Module`, where the program's types have any: Node's own don't. */
export type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : never;
