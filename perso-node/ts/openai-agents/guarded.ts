/** What is known to judge its calls, so that `verify` can find what does not. */

const guarded = new WeakSet<object>();

/** How a guarded tool is marked: a copy of it, as the SDK makes for a namespace, is marked as well. */
const MARK = Symbol('perso.guarded');

/** Marks a guardrail or an MCP server. */
export function mark<T extends object>(value: T): T {
	guarded.add(value);
	return value;
}

/** Whether it is a guardrail or an MCP server that judges its calls. */
export const isMarked = (value: object): boolean => guarded.has(value);

/** Marks a tool by the function that runs it, which nobody can exchange: hooks are given the tool before it runs. */
export function markTool<T extends { readonly invoke: unknown }>(tool: T): T {
	const { invoke } = tool;
	return Object.defineProperties(tool, {
		invoke: { value: invoke, enumerable: true, writable: false, configurable: false },
		[MARK]: { value: invoke, enumerable: true },
	});
}

/** Whether it is a tool that judges its calls. */
export const isMarkedTool = (tool: { readonly invoke: unknown }): boolean => (tool as { [MARK]?: unknown })[MARK] === tool.invoke;
