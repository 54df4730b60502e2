/** Ledgers, independent of the engine that opens them. */

import { LedgerError } from './errors.js';

/** An open ledger of the native addon. */
export interface OpenLedger {
	labels(session: string): Promise<string[]>;
	pending(): Promise<string>;
	show(id: string): Promise<string | null>;
	decide(id: string, approved: boolean, by: string): Promise<void>;
}

/** The name of an answer to a question. `failed`: nobody could be asked. */
export type Answered = 'approved' | 'denied' | 'pending' | 'unanswered' | 'used' | 'too_large' | 'failed';

/** What a person is asked about: one call. The texts are as the call has them: make them safe for where you show them. */
export interface Question {
	/** The name of the tool that is called. */
	readonly tool: string;
	/** A copy of the arguments. Changing it does not change the call. */
	readonly args: { readonly [key: string]: unknown };
	/** Who wants to make the call: `agent.id` if it is a string, and empty otherwise. */
	readonly agent: string;
	/** The id of the session; null if there is none. */
	readonly session: string | null;
	/** The id of the rule that asks or, with a limit, of the rule that lets the call through; null if no rule does. */
	readonly rule: string | null;
	/** The id of the limit that the call goes over; null if a rule asks. */
	readonly limit: string | null;
	/** Why a person is asked. */
	readonly reason: string;
}

/** What a person has decided about a call. */
export interface Verdict {
	/** Whether the call may run. */
	readonly approved: boolean;
	/** Who has decided, for logs. */
	readonly by: string;
}

/** A call about which a person is asked in a ledger. */
export interface Waiting {
	/** The id of the question: ten letters and digits. */
	readonly id: string;
	/** `used`: somebody has approved the call, and it has run. */
	readonly state: 'pending' | 'approved' | 'denied' | 'used';
	/** Who has decided; null if nobody has. */
	readonly by: string | null;
	/** When the question was asked, in RFC 3339. */
	readonly requestedAt: string;
	/** When the question is over, whatever has been decided, in RFC 3339. */
	readonly expiresAt: string;
	/** The call. */
	readonly call: Question;
}

/**
 * The base class of `Ledger` in both entries: remembers what limits, labels and approvals need. What happens in one call of a
 * method happens at once or not at all.
 */
export abstract class BaseLedger {
	/** @internal */
	readonly open: OpenLedger;

	/** @internal */
	protected constructor(open: OpenLedger) {
		this.open = open;
	}

	/**
	 * The calls that wait for a person, the oldest first: at most 1000.
	 *
	 * @throws LedgerError if the ledger does not answer
	 * @example
	 * for (const { id, call } of await ledger.list()) console.log(id, call.tool, call.args, call.reason);
	 */
	async list(): Promise<Waiting[]> {
		return JSON.parse(await answered(this.open.pending())) as Waiting[];
	}

	/**
	 * The call that a person is asked about under this id; undefined if there is none or the question has expired.
	 *
	 * @throws LedgerError if the ledger does not answer
	 */
	async show(id: string): Promise<Waiting | undefined> {
		const found = await answered(this.open.show(id));
		return found === null ? undefined : (JSON.parse(found) as Waiting);
	}

	/**
	 * Decides about a call, once. An approval is for one run of this very call.
	 *
	 * @throws LedgerError if there is no such question, it has expired or is decided, or the ledger does not answer
	 * @throws TypeError if `approved` is not a boolean or `by` not a string
	 * @example
	 * await ledger.decide('7k2m9qxw4t', { approved: true, by: 'ann' });
	 */
	async decide(id: string, verdict: Verdict): Promise<void> {
		const { approved, by } = checked(verdict);
		await answered(this.open.decide(id, approved, by));
	}
}

/** Returns a person's verdict as a copy. Throws TypeError if it is none. */
export function checked(verdict: Verdict): Verdict {
	// Own properties only: a polluted `Object.prototype` must not approve anything.
	const { approved, by } = Object.assign(Object.create(null) as object, verdict);
	if (typeof approved !== 'boolean') throw new TypeError('`approved` must be of type boolean');
	if (typeof by !== 'string') throw new TypeError('`by` must be of type string');
	return { approved, by };
}

async function answered<T>(answer: Promise<T>): Promise<T> {
	try {
		return await answer;
	} catch (error) {
		throw new LedgerError(error instanceof Error ? error.message : String(error), { cause: error });
	}
}

/** The longest time that a question can be open: 7 days, in milliseconds. */
const MOST_OPEN = 7 * 24 * 3_600_000;

/** Options of {@link Queue}. */
export interface QueueSettings {
	/**
	 * How long a call waits for a decision, in milliseconds. The default is 45 seconds, because many clients give up after a minute.
	 * After that the call is denied, and the same call can be made again to use a later decision.
	 */
	readonly wait?: number;
	/** How long after the question the call can run, in milliseconds. The default is 5 minutes; at most 7 days. */
	readonly expiresIn?: number;
}

/**
 * Asks in the guard's ledger: people list and decide what is asked with `Ledger.list` and `Ledger.decide`, the command
 * `perso approvals`, or the gateway's page. An approval is used by the first same call that runs, and is void after that.
 *
 * @example
 * guard(server, policy, { agent, ledger: 'file:/var/lib/perso/ledger', approver: new Queue() });
 */
export class Queue {
	/** @internal */
	readonly wait: number;
	/** @internal */
	readonly expiresIn: number;

	/** @throws RangeError if a time is not valid */
	constructor({ wait = 45_000, expiresIn = 300_000 }: QueueSettings = {}) {
		for (const [name, time] of Object.entries({ wait, expiresIn })) {
			if (!(time > 0 && time <= MOST_OPEN))
				throw new RangeError(`\`${name}\` must be more than 0 and at most ${MOST_OPEN} milliseconds`);
		}
		this.wait = wait;
		this.expiresIn = expiresIn;
	}
}

/** The error for a ledger, which an engine without native code does not have. */
export function noLedger(): LedgerError {
	return new LedgerError(
		'a ledger needs the native package, which this engine does not run; without `ledger`, calls that need one are denied',
	);
}
