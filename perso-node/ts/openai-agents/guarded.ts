/** Marks guarded tools, guardrails and servers, so that `verify` can find unguarded ones. */

const guarded = new WeakSet<object>();

/** The mark of a guarded tool. Copies of the tool, as the SDK makes them for a namespace, keep it. */
const MARK = Symbol('perso.guarded');

/** Marks a guardrail or an MCP server. */
export function mark<T extends object>(value: T): T {
	guarded.add(value);
	return value;
}

/** Whether this is a guardrail or an MCP server of perso. */
export const isMarked = (value: object): boolean => guarded.has(value);

/** Marks a tool and makes its `invoke` read-only: hooks get the tool before it runs and could otherwise replace it. */
export function markTool<T extends { readonly invoke: unknown }>(tool: T): T {
	const { invoke } = tool;
	return Object.defineProperties(tool, {
		invoke: { value: invoke, enumerable: true, writable: false, configurable: false },
		[MARK]: { value: invoke, enumerable: true },
	});
}

/** Whether this is a guarded tool. */
export const isMarkedTool = (tool: { readonly invoke: unknown }): boolean => (tool as { [MARK]?: unknown })[MARK] === tool.invoke;
