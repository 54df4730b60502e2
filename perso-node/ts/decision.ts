/** What comes out: a decision, its reason for the caller and its cause for the operator. */

/** What kind of thing decided. */
export type Kind = 'rule' | 'default' | 'no_rule' | 'unknown_tool' | 'malformed' | 'limit' | 'engine';

/** What is wrong with an attribute. */
export type Problem = 'missing' | 'null' | 'type' | 'out_of_range' | 'value' | 'withheld';

/** Why, for whoever runs the system and for programs. A key that does not apply is absent. */
export interface Cause {
	readonly kind: Kind;
	/** With `no_rule`: the nearest allow rule, the one whose reason is given. */
	readonly rule?: string;
	/** The attribute that the rule looked at last, as an author writes it (`args.amount`). */
	readonly attribute?: string;
	/** What is wrong with it. */
	readonly problem?: Problem;
	/** With `malformed`, `limit` and `engine`: what exactly. */
	readonly detail?: string;
	/** With `malformed` and `limit`: the byte of the call's text at which it was noticed. */
	readonly offset?: number;
}

/** The answer to a call: the record of docs/decision.md, and `allowed`. It is an object: test `allowed`, not the decision. */
export interface Decision {
	/** Whether the call may run. */
	readonly allowed: boolean;
	readonly decision: 'allow' | 'deny';
	/** The rule that decided; null where none did. */
	readonly rule: string | null;
	/** For the caller, and so for the model: fixed when the policy was compiled, it never has a value of the call in it. */
	readonly reason: string;
	readonly cause: Cause;
}

/** A decision from its record; frozen, because many calls may share it. */
export function decision(record: Omit<Decision, 'allowed'>): Decision {
	const { decision, rule, reason, cause } = record;
	return Object.freeze({ allowed: decision === 'allow', decision, rule, reason, cause: Object.freeze(cause) });
}

/** The denial of a call that cannot be judged for a reason outside of it. */
export function notJudged(detail: string, reason = 'the call cannot be judged'): Decision {
	return decision({ decision: 'deny', rule: null, reason, cause: { kind: 'engine', detail } });
}
