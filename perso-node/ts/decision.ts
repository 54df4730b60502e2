/** Decisions: the result, the reason and hint for the caller, and the cause for the operator. */

/** What decided: a rule, the policy's default, a limit, a person, or an error. */
export type Kind =
	'rule' | 'default' | 'no_rule' | 'unknown_tool' | 'malformed' | 'limit' | 'engine' | 'ledger' | 'over_limit' | 'approval' | 'journal';

/** What is wrong with an attribute. */
export type Problem = 'missing' | 'null' | 'type' | 'out_of_range' | 'value' | 'withheld';

/** Why a decision was made, for operators and programs. Keys that do not apply are absent. */
export interface Cause {
	readonly kind: Kind;
	/** With `no_rule`: the id of the nearest allow rule, whose reason is given. */
	readonly rule?: string;
	/** With `over_limit` and `approval`: the id of the limit. */
	readonly limit?: string;
	/** The attribute that the rule checked last, as written in the policy (`args.amount`). */
	readonly attribute?: string;
	/** What is wrong with the attribute. */
	readonly problem?: Problem;
	/** With `malformed`, `limit`, `engine`, `ledger`, `approval` and `journal`: a description of the error. */
	readonly detail?: string;
	/** With `malformed` and `limit`: the offset in the call's JSON text at which the error was detected, in bytes of UTF-8. */
	readonly offset?: number;
}

/** The result of judging a call. `ask`: a person has to approve the call first. */
export type Outcome = 'allow' | 'ask' | 'deny';

/**
 * The decision on a call: the record of docs/decision.md, plus `allowed` and `message`. A decision is an object and thus always
 * truthy: test `decision.allowed`.
 */
export interface Decision {
	/** Whether the call may run now. False for `ask`. */
	readonly allowed: boolean;
	/** `ask`: the call may run only after a person has approved it. Without an approval, treat it as `deny`. */
	readonly decision: Outcome;
	/** The id of the rule that decided; null if no rule did. */
	readonly rule: string | null;
	/** The reason, for the caller or model. It is fixed when the policy is compiled and never contains values of the call. */
	readonly reason: string;
	/** What the caller or model can do about it (`args.amount must be a number`); null if there is no hint. */
	readonly hint: string | null;
	/** The text for a model whose call does not run: the reason, the hint, and for `ask` that a person has to approve the call. */
	readonly message: string;
	readonly cause: Cause;
}

/** A decision as the engines return it. */
export type DecisionRecord = Omit<Decision, 'allowed' | 'message'>;

/** Makes a decision from its record. It is frozen, because many calls may share it. */
export function decision(record: DecisionRecord): Decision {
	const { decision, rule, reason, hint, cause } = record;
	const allowed = decision === 'allow';
	return Object.freeze({ allowed, decision, rule, reason, hint, message: messageOf(record), cause: Object.freeze(cause) });
}

const ASK = 'This call needs the approval of a person.';

/** Composes the text for a model: the same as `Decision::message` in perso-core. */
export function messageOf({ decision, reason, hint }: Pick<DecisionRecord, 'decision' | 'reason' | 'hint'>): string {
	const more = `${hint === null ? '' : ` Hint: ${hint}.`}${decision === 'ask' ? ` ${ASK}` : ''}`;
	return more === '' || /[.!?:]$/.test(reason) ? reason + more : `${reason}.${more}`;
}

/** Returns the denial of a call whose decision could not be recorded: the same as `Decision::not_recorded` in perso-core. */
export function notRecorded(detail: string): Decision {
	return decision({
		decision: 'deny',
		rule: null,
		reason: 'the call cannot be recorded',
		hint: null,
		cause: { kind: 'journal', detail },
	});
}

/** Returns the denial of a call that cannot be judged because of an error outside the policy. */
export function notJudged(detail: string, reason = 'the call cannot be judged'): Decision {
	return decision({ decision: 'deny', rule: null, reason, hint: null, cause: { kind: 'engine', detail } });
}
