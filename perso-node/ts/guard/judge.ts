/** Judges calls with a policy and a guard's options, and reports the decisions. */

import { notJudged, notRecorded, type Decision } from '../decision.js';
import { hook, isPromise, MOST_TIME } from '../hook.js';
import { BaseJournal, noJournal, type Ran } from '../journal.js';
import { type Answered, BaseLedger, checked, noLedger, Queue } from '../ledger.js';
import { warn } from '../platform.js';
import type { Active, Asking, BasePolicy, Enforcement, Reading } from '../policy.js';
import { copy } from '../value/copy.js';
import { Json } from '../value/json.js';
import { shownText } from '../value/shown.js';
import { bind } from './binding.js';
import { Denied } from './denied.js';
import { newId, ruleOf, type DecisionEvent } from './event.js';
import { publish } from './publish.js';
import { AGENT_TIME, APPROVAL_TIME, RESOURCE_TIME, type Settings } from './settings.js';
import { Late, waited } from './wait.js';

const NOBODY = 'it is not known who calls';
const UNREADABLE = 'the arguments cannot be read';
const RESERVED = 'no tool can have this name: the policy uses names that begin with `mcp:` for requests';
const UNSHOWN = 'a person has to approve this call, but cannot be shown its arguments exactly as they are';
const NOT_COMPLETED = 'a completion is allowed only for what the caller could get or read';

/** The decision about a call that should have been remembered. */
const NOT_ENFORCED = notJudged('the ledger could not be asked');

/** The decision about a call that should have been recorded. */
const NOT_RECORDED = notRecorded('the journal could not be written');

/** What the warning about a failed callback says about the effect. */
const STANDS = 'the decision stands';

/** The call by which a resource in a list is judged. */
export const READ = 'mcp:resources/read';

/** The call by which a prompt in a list is judged, with its `name`. The rules for `mcp:prompts/get` decide about it. */
const LISTED = 'mcp:prompts/list';

/** What lists are of. */
export type Listed = 'tools' | 'resources' | 'prompts';

/** Gives back what a call was charged. */
export type Undo = () => void;

/**
 * The verdict on a call: it is denied, or runs with exactly `args`. If it does not run after all, call `undo`; if it ran, call `ran`,
 * or have `running` do so.
 */
export type Verdict =
	| { readonly denied: Denied; readonly args?: undefined; readonly undo?: undefined; readonly ran?: undefined }
	| { readonly denied?: undefined; readonly args: unknown; readonly undo?: Undo | undefined; readonly ran?: Ran | undefined };

/** The caller and the id of the session, or the error of finding out who it is. */
interface Who {
	readonly agent: unknown;
	readonly session?: string | undefined;
	readonly failure?: { readonly error: unknown } | undefined;
}

/** What is known of a session. */
interface Session {
	readonly part?: object;
	readonly isWithheld: boolean;
}

/** The caller of a list, and what is known of the session. */
export interface Viewer {
	readonly who: Who;
	readonly session: Session;
}

const NO_SESSION: Session = { isWithheld: false };
const WITHHELD: Session = { isWithheld: true };

/** A call that is being judged, and the module that judges it until its decision is final. */
interface Called<CallInfo> {
	readonly active: Active;
	readonly tool: string;
	/** The guard's copy of the arguments. */
	readonly args: unknown;
	readonly who: Who;
	readonly info: CallInfo;
}

/** A judged call whose decision is not reported yet. */
interface Judged {
	/** The call; undefined if nothing is known of it, or its arguments could not be copied. */
	readonly called?: Omit<Called<never>, 'info'> | undefined;
	readonly decision: Decision;
	/** The call as it was judged; undefined if it was not judged by the policy. */
	readonly reading?: Reading | undefined;
	/** Who has approved the call, if a person had to. */
	readonly approvedBy?: string | undefined;
	/** Present if the call was charged. */
	readonly undo?: Undo | undefined;
	/** The error of a callback of the host, or of reading the arguments. */
	readonly failure?: { readonly error: unknown } | undefined;
	/** The original arguments, if they could not be copied. */
	readonly unread?: unknown;
}

type Maybe<T> = T | Promise<T>;

/** Calls `next` with a value: synchronously unless it is a promise, so that calls which need no waiting keep their order. */
export function after<T, R>(value: T | PromiseLike<T>, next: (value: T) => Maybe<R>): Maybe<R> {
	return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

/** Judges calls one after the other. If one is denied, gives back what those before it were charged. */
export function allOf(count: number, judge: (at: number) => Maybe<Verdict>): Maybe<Verdict> {
	const charged: Undo[] = [];
	const recorded: Ran[] = [];
	const undo = (): void => charged.forEach((undo) => undo());
	const from = (at: number): Maybe<Verdict> => {
		if (at === count) {
			return { args: undefined, undo, ran: recorded.length === 0 ? undefined : (became) => recorded.forEach((ran) => ran(became)) };
		}
		return after(judge(at), (verdict) => {
			if (verdict.denied === undefined) {
				if (verdict.undo) charged.push(verdict.undo);
				if (verdict.ran) recorded.push(verdict.ran);
				return from(at + 1);
			}
			undo();
			return verdict;
		});
	};
	return from(0);
}

/** Judges calls with a policy, for any guard. `CallInfo` is the argument of the `agent` function. */
export class Judge<CallInfo> {
	readonly policy: BasePolicy;
	readonly observes: boolean;
	/** Whether a function asks a person. */
	readonly asks: boolean;
	readonly #settings: Settings<CallInfo>;
	readonly #ledger: BaseLedger | undefined;

	constructor(policy: BasePolicy, settings: Settings<CallInfo> = {}) {
		// Copy the own properties only, once: a polluted `Object.prototype` must not set the caller.
		const own: Settings<CallInfo> = Object.assign(Object.create(null) as object, settings);
		const {
			mode = 'enforce',
			agent,
			agentTime,
			resource,
			resourceTime,
			context,
			ledger,
			session,
			approver,
			approvalTime,
			journal,
		} = own;
		if (mode !== 'enforce' && mode !== 'observe') {
			throw new TypeError(`\`${String(mode)}\` is no mode: \`enforce\` and \`observe\` are`);
		}
		const kinds = {
			agent: ['object', 'function'],
			resource: ['function'],
			context: ['object'],
			session: ['function'],
			agentTime: ['number'],
			resourceTime: ['number'],
			approvalTime: ['number'],
		};
		const given = { agent, resource, context, session, agentTime, resourceTime, approvalTime };
		for (const [name, value] of Object.entries(given)) {
			const expected = kinds[name as keyof typeof kinds];
			if (value !== undefined && (value === null || !expected.includes(typeof value))) {
				throw new TypeError(`\`${name}\` must be of type ${expected.join(' or ')}`);
			}
		}
		for (const [name, time] of Object.entries({ agentTime, resourceTime, approvalTime })) {
			if (time !== undefined && !(time > 0 && time <= MOST_TIME)) {
				throw new RangeError(`\`${name}\` must be more than 0 and at most ${MOST_TIME} milliseconds`);
			}
		}
		if (isPromise(agent) || isPromise(context)) {
			throw new TypeError('`agent` and `context` cannot be promises: await them first; `agent` may be an async function');
		}
		if (ledger !== undefined && typeof ledger !== 'string' && !(ledger instanceof BaseLedger)) {
			throw new TypeError('`ledger` must be a `Ledger` or its address');
		}
		if (approver !== undefined && typeof approver !== 'function' && !(approver instanceof Queue)) {
			throw new TypeError('`approver` must be a function or a `Queue`');
		}
		if (approver instanceof Queue && ledger === undefined) {
			throw new TypeError('a `Queue` asks in the ledger: set `ledger`, too');
		}
		if (ledger !== undefined && !policy.active.engine.hasLedgers) throw noLedger();
		if (journal !== undefined && !(journal instanceof BaseJournal)) throw new TypeError('`journal` must be a `Journal`');
		if (journal !== undefined && policy.active.engine.record === undefined) throw noJournal();
		this.policy = policy;
		this.observes = mode === 'observe';
		this.asks = !this.observes && typeof approver === 'function';
		this.#settings = own;
		this.#ledger = typeof ledger === 'string' ? policy.ledgerAt(ledger) : ledger;
	}

	/** Finds out who gets a list, and what is known of the session. */
	viewer(info: CallInfo): Maybe<Viewer> {
		return after(this.#who(info), (who) => this.#viewer(this.policy.active, who));
	}

	#viewer(active: Active, who: Who): Maybe<Viewer> {
		return after(this.#sessionOf(active, who), (session) => ({ who, session }));
	}

	/** What is known of a session: its labels, too, if the policy reads them. */
	#sessionOf({ engine, writer }: Active, { session: id }: Who): Maybe<Session> {
		if (id === undefined) return NO_SESSION;
		if (!writer.readsLabels) return { part: { id }, isWithheld: false };
		if (this.#ledger === undefined || !engine.hasLedgers) return WITHHELD;
		return this.#ledger.open.labels(id).then(
			(labels) => ({ part: { id, labels }, isWithheld: false }),
			() => WITHHELD,
		);
	}

	/** Finds out who makes a call, and in which session. */
	#who(info: CallInfo): Maybe<Who> {
		if (this.#settings.session === undefined) return this.#agent(info);
		return after(this.#agent(info), (who) => (who.failure ? who : this.#inSession(who, info)));
	}

	#inSession(who: Who, info: CallInfo): Maybe<Who> {
		const { session, agentTime = AGENT_TIME } = this.#settings;
		const found = (id: unknown): Who => {
			if (id === undefined || id === null) return who;
			if (typeof id !== 'string' || !id.isWellFormed()) throw new TypeError('`session` must return a string or undefined');
			return { agent: who.agent, session: id };
		};
		const failed = (error: unknown): Who => ({ agent: undefined, failure: { error } });
		try {
			const answer: unknown = session!(info);
			return isPromise(answer) ? waited(answer, 'session', agentTime).then(found).catch(failed) : found(answer);
		} catch (error) {
			return failed(error);
		}
	}

	#agent(info: CallInfo): Maybe<Who> {
		const { agent, agentTime = AGENT_TIME } = this.#settings;
		if (typeof agent !== 'function') return { agent };
		const failed = (error: unknown): Who => ({ agent: undefined, failure: { error } });
		try {
			const answer = (agent as (info: CallInfo) => unknown)(info);
			if (isPromise(answer)) return waited(answer, 'agent', agentTime).then((agent) => ({ agent }), failed);
			return { agent: answer };
		} catch (error) {
			return failed(error);
		}
	}

	/** Judges a call. Returns a promise only if a callback returns one, or if the ledger or a person is asked. */
	judge(tool: string, args: unknown, info: CallInfo): Maybe<Verdict> {
		const begin = performance.now();
		return after(this.#judged(tool, args, info, true), (judged) => this.#conclude(begin, tool, judged));
	}

	/**
	 * Judges a request for something that the policy covers: calls of a tool with these arguments, all of which must be allowed.
	 * For a completion, the caller must also be able to see what it is for.
	 */
	judgeRequest(tool: string, calls: readonly unknown[], info: CallInfo, reference?: { kind: Listed; name: string }): Maybe<Verdict> {
		const begin = performance.now();
		const [first] = calls;
		return after(this.#who(info), (who) => {
			const judged = (): Maybe<Verdict> =>
				allOf(calls.length, (at) => {
					const called = { active: this.policy.active, tool, args: calls[at], who, info };
					return after(this.#final(called, true), (judged) => this.#conclude(begin, tool, judged));
				});
			const all = (): Maybe<Verdict> => after(judged(), (verdict) => (verdict.denied ? verdict : { ...verdict, args: first }));
			if (!reference || who.failure) return all();
			return after(this.#viewer(this.policy.active, who), (viewer) => {
				if (this.#sees(reference.kind, reference.name, viewer)) return all();
				const called = { active: this.policy.active, tool, args: first, who, info };
				return this.#conclude(begin, tool, { called, decision: notJudged(NOT_COMPLETED, NOT_COMPLETED) });
			});
		});
	}

	/**
	 * Whether a call would be denied if it were made now, as far as that is known without charging anything and asking anyone.
	 * Not reported: the call itself is judged later.
	 */
	denies(tool: string, args: unknown, info: CallInfo): Maybe<boolean> {
		if (this.observes) return false;
		return after(this.#judged(tool, args, info, false), ({ decision, reading }) => {
			if (reading === undefined || !this.#isOpen(decision)) return !decision.allowed;
			const outcome = reading.outcome();
			return outcome === 'deny' || (outcome === 'ask' && this.#settings.approver === undefined);
		});
	}

	/** Judges a call: finally, or by itself. */
	#judged(tool: string, args: unknown, info: CallInfo, isFinal: boolean): Maybe<Judged> {
		let own: unknown;
		try {
			own = copy(args);
		} catch (error) {
			return { decision: notJudged(UNREADABLE), failure: { error }, unread: args };
		}
		return after(this.#who(info), (who) => {
			const called = { active: this.policy.active, tool, args: own, who, info };
			return isFinal ? this.#final(called) : this.#assessed(called);
		});
	}

	/** Judges a call finally: with what the ledger remembers, and what a person says. */
	#final(called: Called<CallInfo>, isRequest = false): Maybe<Judged> {
		return after(this.#assessed(called, isRequest), (judged) =>
			judged.reading !== undefined && this.#isOpen(judged.decision) ? this.#enforced(called, judged.reading, judged.failure) : judged,
		);
	}

	/** Whether a decision about a call by itself depends on the ledger or on a person. */
	#isOpen({ decision, cause }: Decision): boolean {
		if (cause.kind === 'ledger') return this.#ledger !== undefined;
		return decision === 'ask' && this.#settings.approver !== undefined && !this.observes;
	}

	/** Judges a call by itself, with all that can be looked up. */
	#assessed(called: Called<CallInfo>, isRequest = false): Maybe<Judged> {
		const { active, tool, who } = called;
		if (!isRequest && this.policy.reserves(tool)) return { called, decision: notJudged(RESERVED, RESERVED) };
		if (who.failure) return { called, decision: notJudged(NOBODY), failure: who.failure };
		if (who.session === undefined) return this.#assessedIn(NO_SESSION, called);
		return after(this.#sessionOf(active, who), (session) => this.#assessedIn(session, called));
	}

	#assessedIn({ part: session, isWithheld }: Session, called: Called<CallInfo>): Maybe<Judged> {
		const { active, tool, args, who } = called;
		const { agent } = who;
		const { context, resource } = this.#settings;
		const call = session === undefined ? { tool, args, agent, context } : { tool, args, agent, context, session };
		const reading = active.read(call, isWithheld);
		if (resource === undefined || !reading.needsResource()) return { called, decision: reading.decide(), reading };
		return after(this.#resource(tool, args, agent), ({ resource, failure }) => {
			return { called, decision: failure ? reading.decideWithheld() : reading.decide(resource), reading, failure };
		});
	}

	async #enforced(called: Called<CallInfo>, reading: Reading, failure: Judged['failure']): Promise<Judged> {
		const { active, tool, args, who } = called;
		const enforcement = active.engine.enforce(tool, this.#ledger);
		let shown: string | undefined;
		let unshown: Judged['failure'];
		if (this.#settings.approver !== undefined && !this.observes) {
			try {
				shown = shownText(args, who.agent, who.session);
			} catch (error) {
				unshown = { error };
			}
		}
		let judged: Judged = { called, decision: NOT_ENFORCED, reading, failure };
		try {
			while (judged.reading !== undefined) {
				const { failure } = judged;
				const { decision, approvedBy, charged, question } = await judged.reading.step(enforcement, shown);
				if (question === undefined) {
					if (decision.decision === 'ask' && unshown) return { called, decision: notJudged(UNSHOWN, UNSHOWN), failure: unshown };
					return { called, decision, approvedBy, failure, undo: charged ? undoing(tool, enforcement) : undefined };
				}
				const outdated = enforcement.denial('used');
				const { answer, failure: unasked } = await this.#ask(called, enforcement, question);
				// An approval is for the policy that asked, and another one may deny the call.
				if (answer === 'approved' && this.policy.active !== active) return { called, decision: outdated, failure };
				if (answer !== 'approved') return { called, decision: enforcement.denial(answer), failure: unasked ?? failure };
				// An approval can take minutes, so the call is judged by what is known when it is about to run.
				judged = await this.#assessed(called, true);
			}
			return judged;
		} catch (error) {
			return { called, decision: NOT_ENFORCED, failure: { error } };
		}
	}

	/** Asks a person about a call. */
	async #ask(
		{ active, tool, args, who, info }: Called<CallInfo>,
		enforcement: Enforcement,
		{ agent, rule, limit, reason }: Asking,
	): Promise<{ readonly answer: Answered; readonly failure?: { readonly error: unknown } }> {
		const { approver, approvalTime = APPROVAL_TIME } = this.#settings;
		try {
			if (approver instanceof Queue) return { answer: await waited(enforcement.ask(approver), 'approver', approvalTime) };
			const session = who.session ?? null;
			const caller = who.agent instanceof Json ? who.agent.value() : who.agent;
			const question = bind({ tool, args: argsForHost(args), agent, session, rule, limit, reason }, { policy: active, caller });
			const verdict = await waited(Promise.resolve(approver!(question, info)), 'approver', approvalTime);
			if (verdict === undefined || verdict === null) return { answer: 'unanswered' };
			const { approved, by } = checked(verdict);
			if (approved) enforcement.approve(by);
			return { answer: approved ? 'approved' : 'denied' };
		} catch (error) {
			return error instanceof Late ? { answer: 'unanswered' } : { answer: 'failed', failure: { error } };
		}
	}

	#resource(tool: string, args: unknown, agent: unknown): Maybe<{ resource?: unknown; failure?: { error: unknown } }> {
		const { resource, resourceTime = RESOURCE_TIME } = this.#settings;
		const failed = (error: unknown) => ({ failure: { error } });
		try {
			const answer: unknown = resource!({ tool, args: argsForHost(args), agent });
			if (!isPromise(answer)) return { resource: answer };
			return waited(answer, 'resource', resourceTime).then((resource) => ({ resource }), failed);
		} catch (error) {
			return failed(error);
		}
	}

	/** What the caller could be allowed to call, read or get. In `observe` mode, everything. */
	shown<T>(found: readonly T[], name: (one: T) => unknown, viewer: Viewer, kind: Listed = 'tools'): T[] {
		if (this.observes) return [...found];
		if (viewer.who.failure) return [];
		return found.filter((one) => {
			const called = name(one);
			return typeof called === 'string' && this.#sees(kind, called, viewer);
		});
	}

	/** Whether the caller sees a tool, a resource (or a template, by its text) or a prompt in lists. */
	#sees(kind: Listed, name: string, { who, session: { part, isWithheld } }: Viewer): boolean {
		const { context } = this.#settings;
		const { policy } = this;
		const rest = { agent: who.agent, context, ...(part && { session: part }) };
		if (kind === 'tools') return !policy.reserves(name) && policy.shows({ tool: name, ...rest }, isWithheld);
		if (kind === 'resources') return policy.showsExactly({ tool: READ, args: { uri: name }, ...rest }, isWithheld);
		return policy.showsExactly({ tool: LISTED, args: { name }, ...rest }, isWithheld);
	}

	/** Denies a call that cannot be judged, regardless of the policy. Returns undefined in `observe` mode: the call passes. */
	refuse(tool: string, why: string, reason?: string): Denied | undefined {
		// A denial waits for nothing.
		return (this.#conclude(performance.now(), tool, { decision: notJudged(why, reason) }) as Verdict).denied;
	}

	/** Records and reports a decision, and returns the verdict: a promise only if the call has to wait until the decision is written. */
	#conclude(begin: number, tool: string, judged: Judged): Maybe<Verdict> {
		const { journal } = this.#settings;
		if (journal === undefined) return this.#reported(begin, tool, judged);
		const { called, decision, approvedBy, undo } = judged;
		const { active = this.policy.active, args, who } = called ?? {};
		const id = newId();
		const isRequired = journal.required && decision.allowed && !this.observes;
		const recorded = (): Verdict => {
			const verdict = this.#reported(begin, tool, judged, id);
			return verdict.denied ? verdict : { ...verdict, ran: journal.began(id) };
		};
		const unrecorded = (error: unknown): Verdict => {
			undo?.();
			return this.#reported(begin, tool, { called, decision: NOT_RECORDED, failure: { error } }, id);
		};
		const decided = {
			id,
			tool,
			decision,
			args,
			agent: who?.agent,
			session: who?.session,
			approvedBy,
			enforced: decision.allowed || !this.observes,
			duration: performance.now() - begin,
		};
		let written: Promise<void> | undefined;
		try {
			written = journal.record(active.engine, decided, isRequired);
		} catch (error) {
			// The journal counts it.
			return isRequired ? unrecorded(error) : recorded();
		}
		return written === undefined ? recorded() : written.then(recorded, unrecorded);
	}

	/** Reports a decision, under an id if it has one already, and returns the verdict. */
	#reported(begin: number, tool: string, judged: Judged, id?: string): Verdict {
		const { called, decision, approvedBy, undo, failure, unread = called?.args } = judged;
		const { onDecision, denial } = this.#settings;
		const args = called?.args;
		const passes = decision.allowed || this.observes;
		if (decision.allowed && onDecision === undefined && !publish.isHeard()) return { args, undo };
		const event: DecisionEvent = Object.freeze({
			id: id ?? newId(),
			tool,
			decision,
			rule: ruleOf(decision),
			...(failure && { failure: failure.error }),
			...(approvedBy !== undefined && { approvedBy }),
			enforced: !this.observes,
			duration: performance.now() - begin,
		});
		publish(event);
		if (onDecision !== undefined) hook('onDecision', STANDS, () => onDecision(event, argsForHost(args)));
		if (passes) return { args: unread, undo };
		const denied = new Denied(event);
		const text: unknown = denial && hook('denial', STANDS, () => denial(denied));
		return { denied: typeof text === 'string' ? new Denied(event, text) : denied };
	}
}

/** Gives back what a call of a tool was charged, in the background. */
const undoing = (tool: string, enforcement: Enforcement) => (): void => {
	enforcement.undo().catch((error: unknown) => {
		warn(new Error(`a call of \`${tool}\` did not run, but what it was charged stays`, { cause: error }));
	});
};

/** A copy of a call's arguments for callbacks of the host. Changing it does not change the call. */
function argsForHost(args: unknown): { [key: string]: unknown } {
	const copied = args instanceof Json ? args.value() : copy(args);
	return (typeof copied === 'object' && copied !== null ? copied : {}) as { [key: string]: unknown };
}
