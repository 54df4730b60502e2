/** Asks a person about calls where there is no ledger, in the engine that has none. */

import { type Decision, decision, type DecisionRecord } from '../decision.js';
import type { Answered } from '../ledger.js';
import type { Enforcement, Step } from '../policy.js';

/** The hints of calls that a person was asked about: the same as in perso-core. */
const HINTS: { readonly [answer in Answered]?: string } = {
	denied: 'a person has denied this call: do not repeat it',
	unanswered: 'nobody has decided in time: repeat the same call later to ask again',
	used: 'the approval has expired or was used: repeat the same call to ask again',
	failed: 'nobody could be asked: repeat the same call later to try again',
};

/** Makes the final decision about one call, by what `decide` says of its text. */
export class AskingOnly implements Enforcement {
	readonly #decide: (text: string, unknown: number) => Decision;
	/** The ids of the rules that a person has approved the call for. */
	readonly #approved = new Set<string>();
	#asked: Decision | undefined;
	#by: string | undefined;

	constructor(decide: (text: string, unknown: number) => Decision) {
		this.#decide = decide;
	}

	async step(text: string, unknown: number, shown?: string): Promise<Step> {
		const judged = this.#decide(text, unknown);
		const { rule, reason } = judged;
		if (judged.decision !== 'ask' || rule === null)
			return { decision: judged, approvedBy: judged.allowed ? this.#by : undefined, charged: false };
		if (this.#approved.has(rule)) {
			return { decision: decision({ ...judged, decision: 'allow', hint: null }), approvedBy: this.#by, charged: false };
		}
		this.#asked = judged;
		if (shown === undefined) return { decision: judged, charged: false };
		const { id } = ((JSON.parse(shown) as { agent: unknown }).agent ?? {}) as { id?: unknown };
		return { decision: judged, charged: false, question: { agent: typeof id === 'string' ? id : '', rule, limit: null, reason } };
	}

	approve(by: string): void {
		if (this.#asked?.rule) this.#approved.add(this.#asked.rule);
		this.#by = by;
	}

	ask(): Promise<Answered> {
		return Promise.reject(new Error('there is no ledger to ask in'));
	}

	denial(answer: Answered): Decision {
		const { rule = null, reason = '' } = this.#asked ?? {};
		const cause = { kind: 'approval', ...(answer === 'failed' && { detail: 'nobody could be asked' }) } as const;
		const denied: DecisionRecord = { decision: 'deny', rule, reason, hint: HINTS[answer] ?? null, cause };
		return decision(denied);
	}

	async undo(): Promise<void> {}
}
