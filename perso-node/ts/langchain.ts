/** LangChain: a middleware for agents, and tools that judge each call. */

import { ToolMessage } from '@langchain/core/messages';
import type { StructuredToolInterface, ToolRunnableConfig } from '@langchain/core/tools';
import { createMiddleware, type ToolCallRequest } from 'langchain';
import type { Denied } from './guard/denied.js';
import { Judge, type Verdict } from './guard/judge.js';
import type { Settings } from './guard/settings.js';
import type { BasePolicy } from './policy.js';

/** What `agent` is told of a call: `runtime.context` is the host's. */
export type GuardedRequest<CONTEXT = unknown> = ToolCallRequest<Record<string, unknown>, CONTEXT>;

/** A tool of LangChain's classes: they parse the arguments, and then run it by this one method. */
interface ParsedTool {
	readonly name: string;
	readonly responseFormat?: string;
	_call(input: unknown, manager: unknown, config: ToolRunnableConfig): unknown;
}

type InputJudge = (input: unknown, config: ToolRunnableConfig) => Verdict | Promise<Verdict>;

/**
 * A middleware that judges each tool call of an agent. What is denied does not run, and the model reads the reason as
 * the tool's error; the message's `artifact` has the decision.
 *
 * Judged is what the tool's schema makes of the model's arguments, defaults and all, and just that runs. Of a tool that
 * is no `StructuredTool` (`runnable.asTool()`, one that a later middleware brings) the model's arguments are judged.
 *
 * Put it last: a middleware after it can exchange the tool that was guarded. Tools that the provider executes never get
 * here.
 *
 * @example
 * const agent = createAgent({
 *   model,
 *   tools: [processRefund],
 *   middleware: [toolGuard(policy, { agent: ({ runtime }) => runtime.context.user })],
 * });
 * await agent.invoke({ messages }, { context: { user: session.user } });
 */
export function toolGuard<CONTEXT = unknown>(policy: BasePolicy, settings: Settings<GuardedRequest<CONTEXT>> = {}) {
	const judge = new Judge(policy, settings);
	return createMiddleware({
		name: 'perso',
		wrapToolCall: async (request, handler) => {
			const { tool, toolCall } = request;
			// What the agent's context is, the host says of its own agent.
			const told = request as GuardedRequest<CONTEXT>;
			if (isParsed(tool)) {
				return handler({ ...request, tool: guarded(tool, (input) => judge.judge(tool.name, input, told)) });
			}
			const name = typeof tool?.name === 'string' ? tool.name : toolCall.name;
			const { denied, args } = await judge.judge(name, toolCall.args, told);
			if (denied) return denial(denied, toolCall.id);
			return handler({ ...request, toolCall: { ...toolCall, args: args as typeof toolCall.args } });
		},
	});
}

/**
 * A tool like the given one that judges each call, for use without an agent's middleware. Judged is what the tool's
 * schema makes of the arguments, and just that runs; an input that is just a text is judged as `args.input`. The given
 * tool stays as it is.
 *
 * A tool call of a model that is denied is answered by a message with the reason, whose status is `error`; any other
 * call that is denied throws `Denied`. `agent` is told the configuration of the call.
 *
 * @throws TypeError for what is no `StructuredTool`, and for one that overrides `invoke`
 * @example
 * const guarded = guardTool(processRefund, policy, { agent: ({ configurable }) => configurable?.user });
 * await guarded.invoke({ order: '1', amount: 5 }, { configurable: { user: session.user } });
 */
export function guardTool<TOOL extends StructuredToolInterface>(
	tool: TOOL,
	policy: BasePolicy,
	settings: Settings<ToolRunnableConfig> = {},
): TOOL {
	const judge = new Judge(policy, settings);
	if (!isParsed(tool)) {
		throw new TypeError(`\`${tool.name}\` can not be guarded: it does not run as a \`StructuredTool\` does`);
	}
	return guarded(tool, (input, config) => judge.judge(tool.name, input, config));
}

/** Whether LangChain parses the arguments of a tool and runs it by `_call`. */
function isParsed<T>(tool: T): tool is T & ParsedTool {
	if (typeof (tool as Partial<ParsedTool> | undefined)?._call !== 'function') return false;
	let invokes = 0;
	for (let at: unknown = tool; at !== null; at = Object.getPrototypeOf(at)) {
		if (Object.hasOwn(at as object, 'invoke')) invokes += 1;
	}
	return invokes === 1;
}

/** A tool like another that asks before it runs. */
function guarded<T extends ParsedTool>(tool: T, judge: InputJudge): T {
	const call = async (input: unknown, manager: unknown, config: ToolRunnableConfig): Promise<unknown> => {
		const isObject = typeof input === 'object' && input !== null;
		const { denied, args } = await judge(isObject ? input : { input }, config);
		if (!denied) return tool._call(isObject ? args : (args as { input: unknown }).input, manager, config);
		if (config.toolCall === undefined) throw denied;
		const message = denial(denied, config.toolCall.id);
		return tool.responseFormat === 'content_and_artifact' ? [message, undefined] : message;
	};
	const members = { ...Object.getOwnPropertyDescriptors(tool), _call: { value: call } };
	return Object.create(Object.getPrototypeOf(tool) as object, members) as T;
}

/** What the model reads of a call that is denied. */
function denial(denied: Denied, id: string | undefined): ToolMessage {
	return new ToolMessage({
		name: denied.tool,
		content: denied.message,
		status: 'error',
		tool_call_id: id ?? '',
		artifact: denied.meta(),
	});
}
