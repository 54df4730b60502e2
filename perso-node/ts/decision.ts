/** Decisions: the result, the reason for the caller, and the cause for the operator. */

/** What decided: a rule, the policy's default, or an error. */
export type Kind = 'rule' | 'default' | 'no_rule' | 'unknown_tool' | 'malformed' | 'limit' | 'engine';

/** What is wrong with an attribute. */
export type Problem = 'missing' | 'null' | 'type' | 'out_of_range' | 'value' | 'withheld';

/** Why a decision was made, for operators and programs. Keys that do not apply are absent. */
export interface Cause {
	readonly kind: Kind;
	/** With `no_rule`: the id of the nearest allow rule, whose reason is given. */
	readonly rule?: string;
	/** The attribute that the rule checked last, as written in the policy (`args.amount`). */
	readonly attribute?: string;
	/** What is wrong with the attribute. */
	readonly problem?: Problem;
	/** With `malformed`, `limit` and `engine`: a description of the error. */
	readonly detail?: string;
	/** With `malformed` and `limit`: the offset in the call's JSON text at which the error was detected, in bytes of UTF-8. */
	readonly offset?: number;
}

/**
 * The decision on a call: the record of docs/decision.md, plus `allowed`. A decision is an object and thus always truthy:
 * test `decision.allowed`.
 */
export interface Decision {
	/** Whether the call may run. */
	readonly allowed: boolean;
	readonly decision: 'allow' | 'deny';
	/** The id of the rule that decided; null if no rule did. */
	readonly rule: string | null;
	/** The reason, for the caller or model. It is fixed when the policy is compiled and never contains values of the call. */
	readonly reason: string;
	readonly cause: Cause;
}

/** Makes a decision from its record. It is frozen, because many calls may share it. */
export function decision(record: Omit<Decision, 'allowed'>): Decision {
	const { decision, rule, reason, cause } = record;
	return Object.freeze({ allowed: decision === 'allow', decision, rule, reason, cause: Object.freeze(cause) });
}

/** Returns the denial of a call that cannot be judged because of an error outside the policy. */
export function notJudged(detail: string, reason = 'the call cannot be judged'): Decision {
	return decision({ decision: 'deny', rule: null, reason, cause: { kind: 'engine', detail } });
}
