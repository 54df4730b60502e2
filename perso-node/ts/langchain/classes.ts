/** Which tools run as LangChain's own classes run them: they parse the arguments, and then call one method with them. */

import { DynamicStructuredTool, DynamicTool, StructuredTool, type ToolRunnableConfig, Tool } from '@langchain/core/tools';
import type { createRequire } from 'node:module';
import { builtin } from '../platform.js';

/** A tool whose arguments LangChain parses, before it runs the tool by `_call`. */
export interface ParsedTool {
	readonly name: string;
	readonly responseFormat?: string;
	invoke(input: unknown, config?: unknown): Promise<unknown>;
	call(input: unknown, config?: unknown): Promise<unknown>;
	_call(input: unknown, manager: unknown, config: ToolRunnableConfig): unknown;
	func?(input: unknown, manager: unknown, config: ToolRunnableConfig): unknown;
}

type Classes = readonly { readonly prototype: object }[];

/** The functions of LangChain's by which a tool is called. */
const functions = (classes: Classes) => ({
	invoke: new Set(classes.map(({ prototype }) => (prototype as ParsedTool).invoke)),
	call: new Set(classes.map(({ prototype }) => (prototype as ParsedTool).call)),
});

const esm = functions([StructuredTool, Tool, DynamicTool, DynamicStructuredTool]);

let cjs: ReturnType<typeof functions> | undefined;

/** The same of the copy of LangChain that `require` loads, where there is one. */
function ofRequire(): ReturnType<typeof functions> {
	if (cjs !== undefined) return cjs;
	const node = builtin<{ createRequire: typeof createRequire }>('node:module');
	try {
		const core = node?.createRequire(import.meta.url)('@langchain/core/tools') as { [name: string]: Classes[number] } | undefined;
		cjs = functions(core ? [core['StructuredTool']!, core['Tool']!, core['DynamicTool']!, core['DynamicStructuredTool']!] : []);
	} catch {
		cjs = functions([]);
	}
	return cjs;
}

/** Whether LangChain's own functions call a tool: a class that overrides them may run whatever it likes. */
export function isParsed<T>(tool: T): tool is T & ParsedTool {
	const { invoke, call, _call } = (tool ?? {}) as Partial<ParsedTool>;
	if (typeof _call !== 'function' || typeof invoke !== 'function' || typeof call !== 'function') return false;
	return [esm, ofRequire].some((found) => {
		const known = typeof found === 'function' ? found() : found;
		return known.invoke.has(invoke) && known.call.has(call);
	});
}
