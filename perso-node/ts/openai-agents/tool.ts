/** Function tools that judge what their `execute` is about to run with. */

import { tool, type RunContext } from '@openai/agents';
import { Judge } from '../guard/judge.js';
import type { Settings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { markTool } from './guarded.js';
import { called } from './name.js';

/** What `agent` is called with. */
export interface GuardedToolCall<CONTEXT = unknown> {
	/** The tool's name: `namespace.name` for a tool in a namespace. */
	readonly tool: string;
	/** The run's context: `context.context` is what you gave to the run. Undefined where the tool is invoked without one. */
	readonly context: RunContext<CONTEXT>;
	/** The call, as the model made it. */
	readonly toolCall?: Details['toolCall'];
}

type AnyTool = ReturnType<typeof tool>;
type Details = Exclude<Parameters<AnyTool['invoke']>[2], undefined>;

/** What is used of a tool's options. */
interface Options {
	readonly name?: string;
	readonly outputSchema?: unknown;
	readonly execute: (input: unknown, context?: RunContext<never>, details?: Details) => unknown;
}

/**
 * A function like the SDK's `tool` whose tools judge each call right before `execute` runs: judged is what the tool's
 * schema made of the arguments, whatever hooks and guardrails did to them before, and exactly that runs. Arguments must
 * be plain data (also `Date`, `Map`, `Set`): a call with anything else is denied.
 *
 * The model reads the reason of a denial as the tool's output. A tool with an `outputSchema` throws `Denied` instead, for
 * its `errorFunction` to answer, as for any error. A tool that needs approval is judged once it is approved.
 *
 * @example
 * const tool = guardedTool(policy, { agent: ({ context }) => context.context.user });
 * const processRefund = tool({ name: 'process_refund', description, parameters, execute });
 */
export function guardedTool<CONTEXT = unknown>(policy: BasePolicy, settings: Settings<GuardedToolCall<CONTEXT>> = {}): typeof tool {
	const judge = new Judge(policy, settings);
	const make = tool as unknown as (options: Options) => AnyTool;
	const guarded = (options: Options): AnyTool => {
		const { execute, outputSchema, name = execute.name } = options;
		const made: AnyTool = make({
			...options,
			name,
			execute: async (input, context, details) => {
				const { toolCall } = details ?? {};
				// The name is the tool's own: hooks can change the call's.
				const tool = called({ name: made.name, namespace: toolCall?.namespace });
				const told = { tool, context: context as unknown as RunContext<CONTEXT>, ...(toolCall && { toolCall }) };
				const { denied, args } = await judge.judge(tool, input, told);
				if (!denied) return execute(args, context, details);
				if (outputSchema !== undefined) throw denied;
				return denied.message;
			},
		});
		return markTool(made);
	};
	return guarded as unknown as typeof tool;
}
