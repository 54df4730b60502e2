/** What a guard throws where a call is denied. */

import type { Decision } from '../decision.js';
import { ruleOf, type DecisionEvent } from './event.js';

/** The key of `_meta` under which a denial tells programs of the decision. */
export const META = 'dev.perso/decision';

/** A call that is denied. Its message is the reason, for the caller and so for the model. */
export class Denied extends Error {
	override readonly name: string = 'Denied';
	/** The decision's id, the one of its event. */
	readonly id: string;
	readonly tool: string;
	readonly decision: Decision;

	constructor(event: DecisionEvent, text: string = event.decision.reason) {
		super(text, event.failure === undefined ? undefined : { cause: event.failure });
		this.id = event.id;
		this.tool = event.tool;
		this.decision = event.decision;
	}

	/** The text that was fixed when the policy was compiled. */
	get reason(): string {
		return this.decision.reason;
	}

	/** The rule that decided, or the nearest one. */
	get rule(): string | null {
		return ruleOf(this.decision);
	}

	/** The decision, for programs: what is in `_meta` of a result. */
	meta(): { [META]: { rule: string | null; decision_id: string } } {
		return { [META]: { rule: this.rule, decision_id: this.id } };
	}
}
