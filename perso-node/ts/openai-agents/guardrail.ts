/** A tool input guardrail, for function tools that you do not make yourself. */

import {
	defineToolInputGuardrail,
	ToolGuardrailFunctionOutputFactory,
	type ToolInputGuardrailData,
	type ToolInputGuardrailDefinition,
} from '@openai/agents';
import { Judge } from '../guard/judge.js';
import type { Settings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { Json } from '../value/json.js';
import { mark } from './guarded.js';
import { called } from './name.js';

/**
 * A guardrail that judges each call of a tool. A denied call does not run, and the model reads the reason as the tool's
 * output. `agent` is called with the guardrail's data: the run's context, the agent, the call.
 *
 * It judges the text that the model wrote, to the letter: duplicate keys are denied. The text is then fixed: a hook or
 * another guardrail that changes the call's `arguments` gets a TypeError. What a tool's schema makes of the text
 * (defaults, transformations) is not judged. Where you can, use `guardedTool` and `guardMcpServer`, which judge what
 * runs; the guardrail is for function tools that others make, such as `agent.asTool()`.
 *
 * Calls are judged by the name that the model calls: `namespace.name` for tools in a namespace.
 *
 * @example
 * const guard = toolInputGuardrail(policy, { agent: ({ context }) => context.context.user });
 * const research = researcher.asTool({ toolName: 'research' });
 * research.inputGuardrails = [guard];
 */
export function toolInputGuardrail<CONTEXT = unknown>(
	policy: BasePolicy,
	settings: Settings<ToolInputGuardrailData<CONTEXT>> = {},
): ToolInputGuardrailDefinition<CONTEXT> {
	const judge = new Judge(policy, settings);
	return mark(
		defineToolInputGuardrail<CONTEXT>({
			name: 'perso',
			run: async (data) => {
				const { toolCall } = data;
				// The SDK hands the call's text to the tool later than to its guardrails.
				const text = fixed(toolCall, 'arguments');
				const { denied } = await judge.judge(called(toolCall), new Json(text), data);
				return denied
					? ToolGuardrailFunctionOutputFactory.rejectContent(denied.message, denied.meta())
					: ToolGuardrailFunctionOutputFactory.allow();
			},
		}),
	);
}

/** Reads a property, and makes it one that nobody can change. Throws where that is not possible. */
function fixed<T extends object, K extends keyof T>(object: T, key: K): T[K] {
	const value = object[key];
	Object.defineProperty(object, key, { value, enumerable: true, writable: false, configurable: false });
	return value;
}
