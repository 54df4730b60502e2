/** The OpenAI Agents SDK: a tool input guardrail. */

import {
	defineToolInputGuardrail,
	ToolGuardrailFunctionOutputFactory,
	type ToolInputGuardrailData,
	type ToolInputGuardrailDefinition,
} from '@openai/agents';
import { Judge } from './guard/judge.js';
import type { Settings } from './guard/settings.js';
import type { BasePolicy } from './policy.js';
import { Json } from './value/json.js';

/**
 * A guardrail that judges each call of a tool. What is denied does not run, and the model reads the reason as the
 * tool's output. `agent` is told the guardrail's data: the context that the host has given to the run, the agent, the
 * call.
 *
 * Judged is the text that the model has written, to the letter, for the SDK parses it anew: keys that stand twice are
 * denied. What a tool's schema makes of it afterwards (defaults, transformations) is not judged.
 *
 * It guards the tools that it is given to: as `inputGuardrails` of `tool()`, or for all tools of an MCP server as its
 * `toolInputGuardrails`, by the names that the model calls (`namespace.name` for tools in a namespace); in realtime
 * sessions, too. What the SDK runs without such guardrails is not judged: hosted tools and hosted MCP servers, which
 * run at the provider, agents as tools (their own tools can be guarded), handoffs, and the computer, shell and patch
 * tools.
 *
 * @example
 * const agent = ({ context }: ToolInputGuardrailData<Session>) => context.context.user;
 * const guard = toolInputGuardrail(policy, { agent });
 * const processRefund = tool({ name: 'process_refund', parameters, execute, inputGuardrails: [guard] });
 * await run(new Agent({ name: 'desk', tools: [processRefund] }), prompt, { context: session });
 */
export function toolInputGuardrail<CONTEXT = unknown>(
	policy: BasePolicy,
	settings: Settings<ToolInputGuardrailData<CONTEXT>> = {},
): ToolInputGuardrailDefinition<CONTEXT> {
	const judge = new Judge(policy, settings);
	return defineToolInputGuardrail<CONTEXT>({
		name: 'perso',
		run: async (data) => {
			const { name, namespace, arguments: text } = data.toolCall;
			// A tool that is loaded late is in a namespace of its own name.
			const tool = namespace && namespace !== name ? `${namespace}.${name}` : name;
			const { denied } = await judge.judge(tool, new Json(text), data);
			return denied
				? ToolGuardrailFunctionOutputFactory.rejectContent(denied.message, denied.meta())
				: ToolGuardrailFunctionOutputFactory.allow();
		},
	});
}
