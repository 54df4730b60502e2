/** Guarded tools. */

import { ToolMessage } from '@langchain/core/messages';
import type { StructuredToolInterface, ToolRunnableConfig } from '@langchain/core/tools';
import { Judge, type Verdict } from '../guard/judge.js';
import { running } from '../guard/running.js';
import type { Settings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { isParsed, type ParsedTool } from './classes.js';
import { denial } from './denial.js';

export type InputJudge = (input: unknown, config: ToolRunnableConfig) => Verdict | Promise<Verdict>;

const guardedTools = new WeakSet<object>();

/** Whether `guardTool` made this tool. */
export const isGuarded = (tool: unknown): boolean => typeof tool === 'object' && tool !== null && guardedTools.has(tool);

/**
 * Returns a guarded copy of a tool, for use without {@link toolGuard}. The policy judges the arguments after the tool's
 * schema has parsed them, and the tool runs with exactly those. An input that is a string is judged as `args.input`. The
 * original tool is not changed.
 *
 * If a tool call of a model is denied, the result is a tool message with the decision's message and the status `error`. Any
 * other denied call throws `Denied`. `agent` is called with the call's configuration, which comes from the host; only its
 * `toolCall` comes from the model.
 *
 * @throws TypeError if the tool does not use LangChain's own `invoke` and `call`, or an option is invalid
 * @example
 * const guarded = guardTool(processRefund, policy, { agent: ({ configurable }) => configurable?.user });
 * await guarded.invoke({ order_id: '1', amount: 5 }, { configurable: { user: session.user } });
 */
export function guardTool<TOOL extends StructuredToolInterface>(
	tool: TOOL,
	policy: BasePolicy,
	settings: Settings<ToolRunnableConfig> = {},
): TOOL {
	const judge = new Judge(policy, settings);
	if (!isParsed(tool)) {
		throw new TypeError(
			`\`${tool.name}\` cannot be guarded, because its class overrides \`invoke\` or \`call\`, or is not LangChain's: override \`_call\` instead`,
		);
	}
	const made = guarded(tool, (input, config) => judge.judge(tool.name, input, config));
	guardedTools.add(made);
	return made;
}

/** Whether what a tool answered is an error: a tool message that says so, by itself or with an artifact. */
function isError(answer: unknown): boolean {
	const message: unknown = Array.isArray(answer) ? answer[0] : answer;
	return ToolMessage.isInstance(message) && message.status === 'error';
}

/** Returns a copy of a tool whose parsed arguments are judged before it runs. */
export function guarded<T extends ParsedTool>(tool: T, judge: InputJudge): T {
	const call = async (input: unknown, manager: unknown, config: ToolRunnableConfig): Promise<unknown> => {
		const isObject = typeof input === 'object' && input !== null;
		const { denied, args, ran } = await judge(isObject ? input : { input }, config);
		if (!denied) {
			const run = (): unknown => tool._call(isObject ? args : (args as { input: unknown }).input, manager, config);
			return running(ran, run, { signal: config?.signal, isError });
		}
		if (config?.toolCall === undefined) throw denied;
		const message = denial(denied, config.toolCall.id);
		return tool.responseFormat === 'content_and_artifact' ? [message, undefined] : message;
	};
	const members: PropertyDescriptorMap = {
		...Object.getOwnPropertyDescriptors(tool),
		_call: { value: call },
		// Own properties, so that later changes of the prototype cannot replace LangChain's methods.
		invoke: { value: tool.invoke },
		call: { value: tool.call },
		...(typeof tool.func === 'function' && { func: { value: call, enumerable: true } }),
	};
	return Object.create(Object.getPrototypeOf(tool) as object, members) as T;
}

/** Returns a tool of any kind whose unparsed arguments are judged before it is invoked. */
export function invoking<T extends object>(tool: T, judge: (args: unknown) => Verdict | Promise<Verdict>): T {
	const { invoke } = tool as unknown as { invoke: (call: object, config: unknown) => unknown };
	const judged = async (call: { readonly args: unknown; readonly id?: string }, config: unknown): Promise<unknown> => {
		const { denied, args, ran } = await judge(call.args);
		if (denied) return denial(denied, call.id);
		const run = (): unknown => Reflect.apply(invoke, tool, [{ ...call, args }, config]);
		return running(ran, run, { signal: (config as ToolRunnableConfig | undefined)?.signal, isError });
	};
	return Object.create(tool, { invoke: { value: judged } }) as T;
}
