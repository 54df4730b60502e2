/** The error that guards throw for denied calls. */

import type { Decision, Outcome } from '../decision.js';
import { ruleOf, type DecisionEvent } from './event.js';

/** The key in `_meta` under which a denial has its decision, for programs. */
export const META = 'dev.perso/decision';

/**
 * Thrown for a denied call, and for a call that needs the approval of a person. The message is the text for the caller or
 * model: that of the decision, or what the `denial` option returned in its place.
 *
 * @example
 * try {
 *   await guarded.invoke({ amount: 800 });
 * } catch (error) {
 *   if (!(error instanceof Denied)) throw error;
 *   console.log(error.tool, error.rule, error.message);
 * }
 */
export class Denied extends Error {
	override readonly name: string = 'Denied';
	/** The id of the decision, the same as in its {@link DecisionEvent}. */
	readonly id: string;
	/** The name of the tool that was called. */
	readonly tool: string;
	readonly decision: Decision;

	constructor(event: DecisionEvent, text: string = event.decision.message) {
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

	/** What is wrong with an argument of the call; null if there is no hint. */
	get hint(): string | null {
		return this.decision.hint;
	}

	/** The decision for programs, as sent in the `_meta` of a tool's result. */
	meta(): { [META]: { decision: Outcome; rule: string | null; hint: string | null; decision_id: string } } {
		return { [META]: { decision: this.decision.decision, rule: this.rule, hint: this.hint, decision_id: this.id } };
	}
}
