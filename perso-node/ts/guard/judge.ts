/** Judges calls with a policy and a guard's options, and reports the decisions. */

import { notJudged, type Decision } from '../decision.js';
import type { BasePolicy } from '../policy.js';
import { hook, isPromise, MOST_TIME } from '../hook.js';
import { copy } from '../value/copy.js';
import { Json } from '../value/json.js';
import { Denied } from './denied.js';
import { newId, ruleOf, type DecisionEvent } from './event.js';
import { publish } from './publish.js';
import { AGENT_TIME, RESOURCE_TIME, type Settings } from './settings.js';
import { waited } from './wait.js';

const NOBODY = 'it is not known who calls';
const UNREADABLE = 'the arguments cannot be read';
const RESERVED = 'no tool can have this name: the policy uses names that begin with `mcp:` for requests';
const NOT_COMPLETED = 'a completion is allowed only for what the caller could get or read';

/** What the warning about a failed callback says about the effect. */
const STANDS = 'the decision stands';

/** The call by which a resource in a list is judged. */
export const READ = 'mcp:resources/read';

/** The call by which a prompt in a list is judged, with its `name`. The rules for `mcp:prompts/get` decide about it. */
const LISTED = 'mcp:prompts/list';

/** What lists are of. */
export type Listed = 'tools' | 'resources' | 'prompts';

/** The verdict on a call: it is denied, or runs with exactly `args`. */
export type Verdict = { readonly denied: Denied; readonly args?: undefined } | { readonly denied?: undefined; readonly args: unknown };

/** The caller, or the error of finding out who it is. */
export type Who = { readonly agent: unknown; readonly failure?: { readonly error: unknown } };

/** A judged call whose decision is not reported yet. */
interface Judged {
	/** The guard's copy of the arguments; undefined if they could not be copied. */
	readonly args: unknown;
	readonly decision: Decision;
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

/** Judges calls with a policy, for any guard. `CallInfo` is the argument of the `agent` function. */
export class Judge<CallInfo> {
	readonly policy: BasePolicy;
	readonly observes: boolean;
	readonly #settings: Settings<CallInfo>;

	constructor(policy: BasePolicy, settings: Settings<CallInfo> = {}) {
		// Copy the own properties only, once: a polluted `Object.prototype` must not set the caller.
		const own: Settings<CallInfo> = Object.assign(Object.create(null) as object, settings);
		const { mode = 'enforce', agent, agentTime, resource, resourceTime, context } = own;
		if (mode !== 'enforce' && mode !== 'observe') {
			throw new TypeError(`\`${String(mode)}\` is no mode: \`enforce\` and \`observe\` are`);
		}
		const kinds = {
			agent: ['object', 'function'],
			resource: ['function'],
			context: ['object'],
			agentTime: ['number'],
			resourceTime: ['number'],
		};
		for (const [name, value] of Object.entries({ agent, resource, context, agentTime, resourceTime })) {
			const expected = kinds[name as keyof typeof kinds];
			if (value !== undefined && (value === null || !expected.includes(typeof value))) {
				throw new TypeError(`\`${name}\` must be of type ${expected.join(' or ')}`);
			}
		}
		for (const [name, time] of Object.entries({ agentTime, resourceTime })) {
			if (time !== undefined && !(time > 0 && time <= MOST_TIME)) {
				throw new RangeError(`\`${name}\` must be more than 0 and at most ${MOST_TIME} milliseconds`);
			}
		}
		if (isPromise(agent) || isPromise(context)) {
			throw new TypeError('`agent` and `context` cannot be promises: await them first; `agent` may be an async function');
		}
		this.policy = policy;
		this.observes = mode === 'observe';
		this.#settings = own;
	}

	/** Finds out who makes a call. */
	who(info: CallInfo): Maybe<Who> {
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

	/** Judges a call. Returns a promise only if `agent` or `resource` returns one. */
	judge(tool: string, args: unknown, info: CallInfo): Maybe<Verdict> {
		const begin = performance.now();
		return after(this.#judged(tool, args, info), (judged) => this.#conclude(begin, tool, judged));
	}

	/**
	 * Judges a request for something that the policy covers: calls of a tool with these arguments, all of which must be allowed.
	 * For a completion, the caller must also be able to see what it is for.
	 */
	judgeRequest(tool: string, calls: readonly unknown[], info: CallInfo, reference?: { kind: Listed; name: string }): Maybe<Verdict> {
		const begin = performance.now();
		const [first] = calls;
		const next = (at: number, who: Who): Maybe<Verdict> =>
			after(this.#judgedAs(tool, calls[at], who, true), (judged) => {
				const verdict = this.#conclude(begin, tool, judged);
				return verdict.denied !== undefined || at + 1 >= calls.length ? verdict : next(at + 1, who);
			});
		return after(this.who(info), (who) => {
			if (reference && !who.failure && !this.#sees(reference.kind, reference.name, who.agent))
				return this.#conclude(begin, tool, { args: first, decision: notJudged(NOT_COMPLETED, NOT_COMPLETED) });
			return calls.length === 0 ? { args: undefined } : next(0, who);
		});
	}

	/** Whether a call would be denied if it were made now. Not reported: the call itself is judged later. */
	denies(tool: string, args: unknown, info: CallInfo): Maybe<boolean> {
		if (this.observes) return false;
		return after(this.#judged(tool, args, info), ({ decision }) => !decision.allowed);
	}

	#judged(tool: string, args: unknown, info: CallInfo): Maybe<Judged> {
		let own: unknown;
		try {
			own = copy(args);
		} catch (error) {
			return { args: undefined, decision: notJudged(UNREADABLE), failure: { error }, unread: args };
		}
		return after(this.who(info), (who) => this.#judgedAs(tool, own, who));
	}

	#judgedAs(tool: string, args: unknown, who: Who, isRequest = false): Maybe<Judged> {
		if (!isRequest && this.policy.reserves(tool)) return { args, decision: notJudged(RESERVED, RESERVED) };
		if (who.failure) return { args, decision: notJudged(NOBODY), failure: who.failure };
		const { context, resource } = this.#settings;
		const reading = this.policy.read({ tool, args, agent: who.agent, context });
		if (resource === undefined || !reading.needsResource()) return { args, decision: reading.decide() };
		return after(this.#resource(tool, args, who.agent), ({ resource, failure }) => {
			return { args, decision: failure ? reading.decideWithheld() : reading.decide(resource), failure };
		});
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
	shown<T>(found: readonly T[], name: (one: T) => unknown, who: Who, kind: Listed = 'tools'): T[] {
		if (this.observes) return [...found];
		if (who.failure) return [];
		return found.filter((one) => {
			const called = name(one);
			return typeof called === 'string' && this.#sees(kind, called, who.agent);
		});
	}

	/** Whether the caller sees a tool, a resource (or a template, by its text) or a prompt in lists. */
	#sees(kind: Listed, name: string, agent: unknown): boolean {
		const { context } = this.#settings;
		const { policy } = this;
		if (kind === 'tools') return !policy.reserves(name) && policy.shows({ tool: name, agent, context });
		if (kind === 'resources') return policy.showsExactly({ tool: READ, args: { uri: name }, agent, context });
		return policy.showsExactly({ tool: LISTED, args: { name }, agent, context });
	}

	/** Denies a call that cannot be judged, regardless of the policy. Returns undefined in `observe` mode: the call passes. */
	refuse(tool: string, why: string, reason?: string): Denied | undefined {
		return this.#conclude(performance.now(), tool, { args: undefined, decision: notJudged(why, reason) }).denied;
	}

	/** Reports a decision and returns the verdict. */
	#conclude(begin: number, tool: string, { args, decision, failure, unread = args }: Judged): Verdict {
		const { onDecision, denial } = this.#settings;
		const passes = decision.allowed || this.observes;
		if (decision.allowed && onDecision === undefined && !publish.isHeard()) return { args };
		const event: DecisionEvent = Object.freeze({
			id: newId(),
			tool,
			decision,
			rule: ruleOf(decision),
			...(failure && { failure: failure.error }),
			enforced: !this.observes,
			duration: performance.now() - begin,
		});
		publish(event);
		if (onDecision !== undefined) hook('onDecision', STANDS, () => onDecision(event, argsForHost(args)));
		if (passes) return { args: unread };
		const denied = new Denied(event);
		const text: unknown = denial && hook('denial', STANDS, () => denial(denied));
		return { denied: typeof text === 'string' ? new Denied(event, text) : denied };
	}
}

/** A copy of a call's arguments for callbacks of the host. Changing it does not change the call. */
function argsForHost(args: unknown): { [key: string]: unknown } {
	const copied = args instanceof Json ? args.value() : copy(args);
	return (typeof copied === 'object' && copied !== null ? copied : {}) as { [key: string]: unknown };
}
