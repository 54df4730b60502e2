/** The middleware that guards an agent's tools. */

import { ToolMessage } from '@langchain/core/messages';
import { createMiddleware, type ToolCallRequest } from 'langchain';
import { Judge } from '../guard/judge.js';
import type { Settings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { isParsed } from './classes.js';
import { denial } from './denial.js';
import { guarded, invoking } from './tool.js';

/** The argument of the `agent` function. `runtime.context` is set by the host. */
export type GuardedRequest<CONTEXT = unknown> = ToolCallRequest<Record<string, unknown>, CONTEXT>;

const NOT_LAST = 'a middleware after `perso` did not run the tool that was judged: make `perso` the last one';

const NO_CALLS = 'the arguments have the form of a tool call';

const isCall = (input: unknown): boolean => (input as { type?: unknown } | null | undefined)?.type === 'tool_call';

const guards = new WeakSet<object>();

/** Whether `toolGuard` made this middleware. */
export const isGuard = (middleware: object): boolean => guards.has(middleware);

/**
 * Returns a middleware that judges each tool call of an agent. A denied call does not run. The model gets the message as the
 * tool's error, and the tool message's `artifact` has the decision.
 *
 * The policy judges the arguments after the tool's schema has parsed them, with defaults applied, and the tool runs with
 * exactly those. For tools that do not use LangChain's own `invoke` and `call` (`runnable.asTool()`, or a class that
 * overrides them), the policy judges the model's arguments, and the tool is invoked with exactly those.
 *
 * **Make it the last middleware: a middleware after it can replace the tool that was judged.** {@link verify} checks this
 * ahead of time; at run time, a call whose tool was replaced throws an error. Tools that a later middleware adds do not run.
 * Tools that the provider executes cannot be guarded.
 *
 * @throws TypeError or RangeError if an option is invalid
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
	const middleware = createMiddleware({
		name: 'perso',
		wrapToolCall: async (request, handler) => {
			const { tool, toolCall } = request;
			// The host chooses `CONTEXT` to match the context of its own agent.
			const info = request as GuardedRequest<CONTEXT>;
			if (tool === undefined) {
				const { denied, undo } = await judge.judge(toolCall.name, toolCall.args, info);
				undo?.();
				return denied ? denial(denied, toolCall.id) : unknown(toolCall);
			}
			let isJudged = false;
			const judged = (input: unknown) => {
				isJudged = true;
				return judge.judge(tool.name as string, input, info);
			};
			// LangChain would treat arguments of this form as a tool call and run the tool with the arguments inside.
			const raw = (input: unknown) => {
				const denied = isCall(input) ? judge.refuse(tool.name as string, NO_CALLS) : undefined;
				isJudged ||= denied !== undefined;
				return denied ? { denied } : judged(input);
			};
			const answer = await handler({ ...request, tool: isParsed(tool) ? guarded(tool, judged) : invoking(tool, raw) });
			if (!isJudged && !(ToolMessage.isInstance(answer) && answer.status === 'error')) throw new Error(NOT_LAST);
			return answer;
		},
	});
	guards.add(middleware);
	return middleware;
}

/** The tool message that answers a call of a tool that the agent does not have. */
function unknown({ name, id }: { readonly name: string; readonly id?: string | undefined }): ToolMessage {
	const content = `Error: ${name} is not a valid tool. Call one of the tools that you were given.`;
	return new ToolMessage({ name, content, status: 'error', tool_call_id: id ?? '' });
}
