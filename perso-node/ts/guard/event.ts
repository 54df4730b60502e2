/** The event that reports a decision to the host. */

import type { Decision } from '../decision.js';

/** Describes a decision, for logs and metrics. */
export interface DecisionEvent {
	/** The id of the decision, a version 7 UUID. Denials include it in what the caller gets. */
	readonly id: string;
	/** The name of the tool that was called. */
	readonly tool: string;
	readonly decision: Decision;
	/** The id of the rule that decided, or else of the nearest allow rule; null if there is neither. */
	readonly rule: string | null;
	/** The error of `agent`, `session`, `resource` or `approver`, or of reading the arguments, if one of them failed. */
	readonly failure?: unknown;
	/** Who has approved the call, if a person had to. */
	readonly approvedBy?: string;
	/** Whether the decision is enforced; false in `observe` mode. */
	readonly enforced: boolean;
	/** How long the decision took, in milliseconds. Includes the calls of `agent`, `session`, `resource` and `approver`. */
	readonly duration: number;
}

/** The id of the rule that decided, or else of the nearest allow rule. */
export const ruleOf = (decision: Decision): string | null => decision.rule ?? decision.cause.rule ?? null;

const random = new Uint8Array(10);

/** Makes a version 7 UUID (RFC 9562, 5.7). Ids sort by time, to the millisecond. */
export function newId(): string {
	crypto.getRandomValues(random);
	const time = Date.now().toString(16).padStart(12, '0');
	const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
	const variant = ((random[2]! & 0x3f) | 0x80).toString(16);
	return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${variant}${hex.slice(6, 8)}-${hex.slice(8)}`;
}
