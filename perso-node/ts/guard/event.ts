/** What the host learns of each decision. */

import type { Decision } from '../decision.js';

/** A decision that was made. */
export interface DecisionEvent {
	/** The decision's id (a version 7 UUID): a denial tells it to the caller. */
	readonly id: string;
	/** The tool, as it was called. */
	readonly tool: string;
	readonly decision: Decision;
	/** The rule that decided, or the nearest one. */
	readonly rule: string | null;
	/** Why the caller, the arguments or the resource could not be told, where that is so. */
	readonly failure?: unknown;
	/** Whether the decision is put in force; false when only observing. */
	readonly enforced: boolean;
	/** How long it took, in milliseconds, with asking who calls and what the call is about. */
	readonly duration: number;
}

/** The rule that decided, or the nearest one. */
export const ruleOf = (decision: Decision): string | null => decision.rule ?? decision.cause.rule ?? null;

const random = new Uint8Array(10);

/** A version 7 UUID (RFC 9562, 5.7): ids in the order of decisions, to the millisecond. */
export function newId(): string {
	crypto.getRandomValues(random);
	const time = Date.now().toString(16).padStart(12, '0');
	const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
	const variant = ((random[2]! & 0x3f) | 0x80).toString(16);
	return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${variant}${hex.slice(6, 8)}-${hex.slice(8)}`;
}
