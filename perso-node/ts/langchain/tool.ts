/** Tools that judge each call. */

import type { StructuredToolInterface, ToolRunnableConfig } from '@langchain/core/tools';
import { Judge, type Verdict } from '../guard/judge.js';
import type { Settings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { isParsed, type ParsedTool } from './classes.js';
import { denial } from './denial.js';

export type InputJudge = (input: unknown, config: ToolRunnableConfig) => Verdict | Promise<Verdict>;

const guardedTools = new WeakSet<object>();

/** Whether `guardTool` made it. */
export const isGuarded = (tool: unknown): boolean => typeof tool === 'object' && tool !== null && guardedTools.has(tool);

/**
 * A tool like the given one that judges each call, for use without an agent's middleware. Judged is what the tool's
 * schema makes of the arguments, and just that runs; an input that is just a text is judged as `args.input`. The given
 * tool stays as it is.
 *
 * A tool call of a model that is denied is answered by a message with the reason, whose status is `error`; any other
 * call that is denied throws `Denied`. `agent` is called with the configuration of the call, which comes from the host:
 * nothing that the model sends is in it but the call itself, as `toolCall`.
 *
 * @throws TypeError for a tool that LangChain's own `invoke` and `call` do not run: one of another class, or of a class that
 * overrides them
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
		throw new TypeError(
			`\`${tool.name}\` cannot be guarded, because its class overrides \`invoke\` or \`call\`, or is not LangChain's: override \`_call\` instead`,
		);
	}
	const made = guarded(tool, (input, config) => judge.judge(tool.name, input, config));
	guardedTools.add(made);
	return made;
}

/** A tool like another that asks before it runs. */
export function guarded<T extends ParsedTool>(tool: T, judge: InputJudge): T {
	const call = async (input: unknown, manager: unknown, config: ToolRunnableConfig): Promise<unknown> => {
		const isObject = typeof input === 'object' && input !== null;
		const { denied, args } = await judge(isObject ? input : { input }, config);
		if (!denied) return tool._call(isObject ? args : (args as { input: unknown }).input, manager, config);
		if (config?.toolCall === undefined) throw denied;
		const message = denial(denied, config.toolCall.id);
		return tool.responseFormat === 'content_and_artifact' ? [message, undefined] : message;
	};
	const members: PropertyDescriptorMap = {
		...Object.getOwnPropertyDescriptors(tool),
		_call: { value: call },
		// What was found to be LangChain's own stays it.
		invoke: { value: tool.invoke },
		call: { value: tool.call },
		...(typeof tool.func === 'function' && { func: { value: call, enumerable: true } }),
	};
	return Object.create(Object.getPrototypeOf(tool) as object, members) as T;
}

/** A tool of whatever kind that asks before it is invoked with a model's arguments. */
export function invoking<T extends object>(tool: T, judge: (args: unknown) => Verdict | Promise<Verdict>): T {
	const { invoke } = tool as unknown as { invoke: (call: object, config: unknown) => unknown };
	const judged = async (call: { readonly args: unknown; readonly id?: string }, config: unknown): Promise<unknown> => {
		const { denied, args } = await judge(call.args);
		return denied ? denial(denied, call.id) : Reflect.apply(invoke, tool, [{ ...call, args }, config]);
	};
	return Object.create(tool, { invoke: { value: judged } }) as T;
}
