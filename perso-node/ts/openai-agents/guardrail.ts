/** A tool input guardrail, for function tools that you do not create yourself. */

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
 * Returns a guardrail that judges each call of a tool. A denied call does not run, and the model gets the message as the
 * tool's output. `agent` is called with the guardrail's data: the run's context, the agent and the call.
 *
 * The guardrail judges the JSON text that the model wrote, and denies duplicate keys. It then makes the call's `arguments`
 * read-only: a hook or another guardrail that assigns to it gets a TypeError. It does not see what the tool's schema changes
 * (defaults, transformations). Prefer {@link guardedTool} and {@link guardMcpServer}, which judge what runs; use the
 * guardrail for function tools that you do not create yourself, such as `agent.asTool()`.
 *
 * Rules match the name that the model calls: `namespace.name` for tools in a namespace.
 *
 * @throws TypeError or RangeError if an option is invalid
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
				// The SDK reads the call's text again after the guardrails, when it runs the tool.
				const text = fixed(toolCall, 'arguments');
				const { denied, ran } = await judge.judge(called(toolCall), new Json(text), data);
				// The SDK runs the tool, or another guardrail rejects the call.
				ran?.('unknown');
				return denied
					? ToolGuardrailFunctionOutputFactory.rejectContent(denied.message, denied.meta())
					: ToolGuardrailFunctionOutputFactory.allow();
			},
		}),
	);
}

/** Reads a property and makes it read-only. Throws if that is not possible. */
function fixed<T extends object, K extends keyof T>(object: T, key: K): T[K] {
	const value = object[key];
	Object.defineProperty(object, key, { value, enumerable: true, writable: false, configurable: false });
	return value;
}
