/** A middleware that judges each tool call of an agent. */

import { ToolMessage } from '@langchain/core/messages';
import { createMiddleware, type ToolCallRequest } from 'langchain';
import { Judge } from '../guard/judge.js';
import type { Settings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { isParsed } from './classes.js';
import { denial } from './denial.js';
import { guarded, invoking } from './tool.js';

/** What `agent` is called with: `runtime.context` is the host's. */
export type GuardedRequest<CONTEXT = unknown> = ToolCallRequest<Record<string, unknown>, CONTEXT>;

const NOT_LAST = 'a middleware after `perso` ran another tool than the one that was judged, or none: make `perso` the last one';

const NO_CALLS = 'the arguments have the form of a call';

const isCall = (input: unknown): boolean => (input as { type?: unknown } | null | undefined)?.type === 'tool_call';

const guards = new WeakSet<object>();

/** Whether `toolGuard` made it. */
export const isGuard = (middleware: object): boolean => guards.has(middleware);

/**
 * A middleware that judges each tool call of an agent. A denied call does not run, and the model reads the reason as
 * the tool's error; the message's `artifact` has the decision.
 *
 * Judged is what the tool's schema makes of the model's arguments, defaults and all, and just that runs. Of a tool that
 * LangChain's own classes do not run (`runnable.asTool()`, a class that overrides `invoke` or `call`) the model's
 * arguments are judged, and just these the tool is invoked with.
 *
 * **Make it the last middleware: one after it can exchange the tool that was judged.** `verify(agent)` throws an error
 * where it is not; a call whose tool was exchanged ends in one. A tool that a later middleware brings does not run. Tools
 * that the provider executes never get here.
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
	const middleware = createMiddleware({
		name: 'perso',
		wrapToolCall: async (request, handler) => {
			const { tool, toolCall } = request;
			// What the agent's context is, the host says of its own agent.
			const told = request as GuardedRequest<CONTEXT>;
			if (tool === undefined) {
				const { denied } = await judge.judge(toolCall.name, toolCall.args, told);
				return denied ? denial(denied, toolCall.id) : unknown(toolCall);
			}
			let isJudged = false;
			const judged = (input: unknown) => {
				isJudged = true;
				return judge.judge(tool.name as string, input, told);
			};
			// LangChain takes arguments of this form for a call, and runs what they say in place of what was judged.
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

/** What the model reads of a call to a tool that the agent does not have. */
function unknown({ name, id }: { readonly name: string; readonly id?: string | undefined }): ToolMessage {
	const content = `Error: ${name} is not a valid tool. Call one of the tools that you were given.`;
	return new ToolMessage({ name, content, status: 'error', tool_call_id: id ?? '' });
}
