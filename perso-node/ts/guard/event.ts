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
	/** The error of `agent`, `session`, `resource`, `approver` or `journal`, or of reading the arguments, if one of them failed. */
	readonly failure?: unknown;
	/** Who has approved the call, if a person had to. */
	readonly approvedBy?: string;
	/** Whether the decision is enforced; false in `observe` mode. */
	readonly enforced: boolean;
	/** How long the decision took, in milliseconds. Includes the calls of `agent`, `session`, `resource` and `approver`, and the wait for a journal. */
	readonly duration: number;
}

/** The id of the rule that decided, or else of the nearest allow rule. */
export const ruleOf = (decision: Decision): string | null => decision.rule ?? decision.cause.rule ?? null;

/** The random bytes of an id. */
const BYTES = 10;

/** Random bytes of many ids, and how many of the bytes are used: the platform makes many at once faster. */
const random = new Uint8Array(128 * BYTES);
let used = random.length;

/** Bytes in hexadecimal. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Makes a version 7 UUID (RFC 9562, 5.7). Ids sort by time, to the millisecond. */
export function newId(): string {
	if (used === random.length) {
		crypto.getRandomValues(random);
		used = 0;
	}
	let hex = '';
	for (const end = used + BYTES; used < end; used += 1) hex += HEX[random[used]!]!;
	const time = Date.now().toString(16).padStart(12, '0');
	// Two bits are the variant.
	const variant = '89ab'[random[used - 1]! & 3]!;
	return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${variant}${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}
