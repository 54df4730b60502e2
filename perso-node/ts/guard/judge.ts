/** Judges a call, and tells what came of it. */

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

/** What a function of the host's that fails changes. */
const STANDS = 'the decision stands';

/** What came of a call: it runs with `args` and nothing else, or is denied. */
export type Verdict = { readonly denied: Denied; readonly args?: undefined } | { readonly denied?: undefined; readonly args: unknown };

/** Who calls, or why there is no telling. */
export type Who = { readonly agent: unknown; readonly failure?: { readonly error: unknown } };

/** A call that was judged, before anybody hears of it. */
interface Judged {
	/** The guard's own copy of the arguments; undefined where they could not be copied. */
	readonly args: unknown;
	readonly decision: Decision;
	/** Why a function of the host's, or reading the arguments, failed. */
	readonly failure?: { readonly error: unknown } | undefined;
	/** The arguments where they could not be copied. */
	readonly unread?: unknown;
}

type Maybe<T> = T | Promise<T>;

/** Goes on with a value: at once where it is there, so that what needs no waiting keeps its order. */
export function after<T, R>(value: T | PromiseLike<T>, next: (value: T) => Maybe<R>): Maybe<R> {
	return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

/** A policy with all that is needed to put it in force. */
export class Judge<Told> {
	readonly policy: BasePolicy;
	readonly observes: boolean;
	readonly #settings: Settings<Told>;

	constructor(policy: BasePolicy, settings: Settings<Told> = {}) {
		// Taken once, and nothing inherited: a polluted `Object.prototype` must not tell who calls.
		const own: Settings<Told> = Object.assign(Object.create(null) as object, settings);
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
			throw new TypeError('a promise is no agent and no context: await it before; `agent` may be an async function');
		}
		this.policy = policy;
		this.observes = mode === 'observe';
		this.#settings = own;
	}

	/** Who makes a call. */
	who(told: Told): Maybe<Who> {
		const { agent, agentTime = AGENT_TIME } = this.#settings;
		if (typeof agent !== 'function') return { agent };
		const failed = (error: unknown): Who => ({ agent: undefined, failure: { error } });
		try {
			const answer = (agent as (told: Told) => unknown)(told);
			if (isPromise(answer)) return waited(answer, 'agent', agentTime).then((agent) => ({ agent }), failed);
			return { agent: answer };
		} catch (error) {
			return failed(error);
		}
	}

	/** Judges a call. At once, where none of the host's functions has to be waited for. */
	judge(tool: string, args: unknown, told: Told): Maybe<Verdict> {
		const begin = performance.now();
		return after(this.#judged(tool, args, told), (judged) => this.#conclude(begin, tool, judged));
	}

	/** Whether a call would be denied if it were made now. Nobody hears of it: the call itself is still to be judged. */
	denies(tool: string, args: unknown, told: Told): Maybe<boolean> {
		if (this.observes) return false;
		return after(this.#judged(tool, args, told), ({ decision }) => !decision.allowed);
	}

	#judged(tool: string, args: unknown, told: Told): Maybe<Judged> {
		let own: unknown;
		try {
			own = copy(args);
		} catch (error) {
			return { args: undefined, decision: notJudged(UNREADABLE), failure: { error }, unread: args };
		}
		return after(this.who(told), (who) => this.#judgedAs(tool, own, who));
	}

	#judgedAs(tool: string, args: unknown, who: Who): Maybe<Judged> {
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
			const answer: unknown = resource!({ tool, args: toldArgs(args), agent });
			if (!isPromise(answer)) return { resource: answer };
			return waited(answer, 'resource', resourceTime).then((resource) => ({ resource }), failed);
		} catch (error) {
			return failed(error);
		}
	}

	/** The tools that the caller could ever be allowed to call: all of them, where nobody is kept from any. */
	shown<T>(tools: readonly T[], name: (tool: T) => unknown, who: Who): T[] {
		if (this.observes) return [...tools];
		if (who.failure) return [];
		const { context } = this.#settings;
		return tools.filter((tool) => {
			const called = name(tool);
			return typeof called === 'string' && this.policy.shows({ tool: called, agent: who.agent, context });
		});
	}

	/** Denies what cannot be judged, whatever the policy says; in observe mode it passes. */
	refuse(tool: string, why: string, reason?: string): Denied | undefined {
		return this.#conclude(performance.now(), tool, { args: undefined, decision: notJudged(why, reason) }).denied;
	}

	/** Publishes a decision and enforces it. */
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
		if (onDecision !== undefined) hook('onDecision', STANDS, () => onDecision(event, toldArgs(args)));
		if (passes) return { args: unread };
		const denied = new Denied(event);
		const text: unknown = denial && hook('denial', STANDS, () => denial(denied));
		return { denied: typeof text === 'string' ? new Denied(event, text) : denied };
	}
}

/** A copy of a call's arguments for the host's functions: what they do to it changes nothing. */
function toldArgs(args: unknown): { [key: string]: unknown } {
	const told = args instanceof Json ? args.value() : copy(args);
	return (typeof told === 'object' && told !== null ? told : {}) as { [key: string]: unknown };
}
