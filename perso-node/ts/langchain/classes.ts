/** Recognizes tools that run by LangChain's own classes, which parse the arguments and then call one method with them. */

import { DynamicStructuredTool, DynamicTool, StructuredTool, type ToolRunnableConfig, Tool } from '@langchain/core/tools';
import type { createRequire } from 'node:module';
import { builtin } from '../platform.js';

/** A tool whose arguments LangChain parses before it calls `_call`. */
export interface ParsedTool {
	readonly name: string;
	readonly responseFormat?: string;
	invoke(input: unknown, config?: unknown): Promise<unknown>;
	call(input: unknown, config?: unknown): Promise<unknown>;
	_call(input: unknown, manager: unknown, config: ToolRunnableConfig): unknown;
	func?(input: unknown, manager: unknown, config: ToolRunnableConfig): unknown;
}

type Classes = readonly { readonly prototype: object }[];

/** LangChain's own `invoke` and `call` methods. */
const functions = (classes: Classes) => ({
	invoke: new Set(classes.map(({ prototype }) => (prototype as ParsedTool).invoke)),
	call: new Set(classes.map(({ prototype }) => (prototype as ParsedTool).call)),
});

const esm = functions([StructuredTool, Tool, DynamicTool, DynamicStructuredTool]);

let cjs: ReturnType<typeof functions> | undefined;

/** The methods of the CommonJS copy of LangChain, if it can be loaded. A program may have tools of either copy. */
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

/** Whether a tool is called by LangChain's own methods. A class that overrides them may run anything. */
export function isParsed<T>(tool: T): tool is T & ParsedTool {
	const { invoke, call, _call } = (tool ?? {}) as Partial<ParsedTool>;
	if (typeof _call !== 'function' || typeof invoke !== 'function' || typeof call !== 'function') return false;
	return [esm, ofRequire].some((found) => {
		const known = typeof found === 'function' ? found() : found;
		return known.invoke.has(invoke) && known.call.has(call);
	});
}
