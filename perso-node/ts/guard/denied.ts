/** The error that guards throw for denied calls. */

import type { Decision } from '../decision.js';
import { ruleOf, type DecisionEvent } from './event.js';

/** The key in `_meta` under which a denial has its decision, for programs. */
export const META = 'dev.perso/decision';

/**
 * Thrown for a denied call. The message is the text for the caller or model: the reason, or what the `denial` option
 * returned in its place.
 *
 * @example
 * try {
 *   await guarded.invoke({ amount: 800 });
 * } catch (error) {
 *   if (!(error instanceof Denied)) throw error;
 *   console.log(error.tool, error.rule, error.reason);
 * }
 */
export class Denied extends Error {
	override readonly name: string = 'Denied';
	/** The id of the decision, the same as in its {@link DecisionEvent}. */
	readonly id: string;
	/** The name of the tool that was called. */
	readonly tool: string;
	readonly decision: Decision;

	constructor(event: DecisionEvent, text: string = event.decision.reason) {
		super(text, event.failure === undefined ? undefined : { cause: event.failure });
		this.id = event.id;
		this.tool = event.tool;
		this.decision = event.decision;
	}

	/** The decision's reason, fixed when the policy was compiled. */
	get reason(): string {
		return this.decision.reason;
	}

	/** The id of the rule that decided, or else of the nearest allow rule; null if there is neither. */
	get rule(): string | null {
		return ruleOf(this.decision);
	}

	/** The decision for programs, as sent in the `_meta` of a tool's result. */
	meta(): { [META]: { rule: string | null; decision_id: string } } {
		return { [META]: { rule: this.rule, decision_id: this.id } };
	}
}
