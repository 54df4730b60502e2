/** Guarded function tools. */

import { tool, type RunContext } from '@openai/agents';
import { Judge } from '../guard/judge.js';
import { running } from '../guard/running.js';
import type { Settings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { markTool } from './guarded.js';
import { called } from './name.js';

/** The argument of the `agent` function. */
export interface GuardedToolCall<CONTEXT = unknown> {
	/** The tool's name: `namespace.name` for a tool in a namespace. */
	readonly tool: string;
	/** The run's context; `context.context` is what you passed to `run`. Undefined if the tool is invoked without one. */
	readonly context: RunContext<CONTEXT>;
	/** The model's call. */
	readonly toolCall?: Details['toolCall'];
}

type AnyTool = ReturnType<typeof tool>;
type Details = Exclude<Parameters<AnyTool['invoke']>[2], undefined>;

/** The tool options that are used here. */
interface Options {
	readonly name?: string;
	readonly outputSchema?: unknown;
	readonly execute: (input: unknown, context?: RunContext<never>, details?: Details) => unknown;
}

/**
 * Returns a replacement for the SDK's `tool` whose tools judge each call right before `execute` runs. The policy judges the
 * arguments after the tool's schema has parsed them and after any changes by hooks and guardrails, and `execute` runs with
 * exactly those. Arguments must be plain data (`Date`, `Map` and `Set` included): a call with anything else is denied.
 *
 * The model gets the message of a denial as the tool's output. A tool with an `outputSchema` throws `Denied` instead, which
 * its `errorFunction` handles like any other error. A tool that needs approval is judged after it has been approved.
 *
 * @throws TypeError or RangeError if an option is invalid
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
				// Use the tool's own name: hooks can change the name in the call.
				const tool = called({ name: made.name, namespace: toolCall?.namespace });
				const info = { tool, context: context as unknown as RunContext<CONTEXT>, ...(toolCall && { toolCall }) };
				const { denied, args, ran } = await judge.judge(tool, input, info);
				if (!denied) return running(ran, () => execute(args, context, details), { signal: details?.signal });
				if (outputSchema !== undefined) throw denied;
				return denied.message;
			},
		});
		return markTool(made);
	};
	return guarded as unknown as typeof tool;
}
