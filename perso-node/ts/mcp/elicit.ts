/**
 * Asks the person at the client by elicitation (MCP, "Elicitation"): with a request to the client or, from revision 2026-07-28
 * on, in the answer to the call, which the client then makes again with what the person has said.
 */

import { bindingOf } from '../guard/binding.js';
import type { Approver } from '../guard/settings.js';
import type { Question, Verdict } from '../ledger.js';
import { exactText } from '../value/shown.js';
import type { RequestContext } from './index.js';
import { type Id, isModern, isObject, type Message } from './message.js';
import { printable, visible } from './printable.js';

/** Reaches the person at the client, during one request. */
export interface Line {
	/** Returns the result of the elicitation; undefined if there is none. */
	ask(question: Question): unknown;
}

/** The lines of requests, by the argument of `agent`. */
const lines = new WeakMap<object, Line>();

/** The key of the question among the `inputRequests` of an answer, and of the person's answer to it. */
const KEY = 'perso-approval';

/** The key in `_meta` with what the client can do, from revision 2026-07-28 on. */
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

/** The beginning of the ids of questions. It is random, so that other processes and clients do not use it. */
const PREFIX = `perso-ask-${crypto.randomUUID()}-`;

/** The maximum number of open questions in the process. The oldest are dropped first, and their calls denied. */
const MOST = 4096;

/** The most that is kept of calls between rounds, in UTF-16 code units. The oldest are dropped first, and their calls asked about again. */
const MOST_KEPT = 8 << 20;

/** How long the answer to a call waits for the next round, in milliseconds. */
const ROUND_TIME = 300_000;

/** The maximum length of arguments that a person is shown. */
const MOST_SHOWN = 65_536;

/**
 * Asks the person at the client about calls that need an approval, if the client has elicitation: they see the tool, the
 * arguments and the reason, and answer yes or no. A call is not approved if they decline or cancel, or if the client has no
 * elicitation.
 *
 * **The answer comes from the client**: use it where you trust the client to ask its user.
 *
 * @example
 * guard(server, policy, { agent, approver: elicit() });
 */
export function elicit(): Approver<RequestContext> {
	return async (question, info) => verdict(await lines.get(info)?.ask(question), question);
}

/** What a person has decided, by the result of an elicitation. */
function verdict(result: unknown, { agent }: Question): Verdict | undefined {
	if (!isObject(result)) return undefined;
	const { action, content } = result;
	const by = agent === '' ? 'the user of the client' : agent;
	if (action === 'decline') return { approved: false, by };
	if (action !== 'accept' || !isObject(content)) return undefined;
	return { approved: content['approve'] === true, by };
}

/** The parameters of an elicitation. Throws if the arguments cannot be shown exactly as they are. */
function form({ tool, args, reason }: Question): Message {
	const text = exactText(args);
	if (text.length > MOST_SHOWN) throw new Error('the arguments are too long for a person to be shown');
	return {
		message: `${reason}\n\nTool: ${printable(tool)}\nArguments: ${visible(text)}`,
		requestedSchema: {
			type: 'object',
			properties: { approve: { type: 'boolean', title: 'Approve', description: 'Whether this call may run, once' } },
			required: ['approve'],
		},
	};
}

/** Whether a client with these capabilities shows forms. */
function showsForms(capabilities: unknown): boolean {
	const elicitation = isObject(capabilities) ? capabilities['elicitation'] : undefined;
	return isObject(elicitation) && (elicitation['form'] !== undefined || elicitation['url'] === undefined);
}

/** The open questions in the process: a client may answer over another connection. */
const open = new Map<string, (result: unknown) => void>();

/** The elicitations of one transport. */
export class Elicitation {
	readonly #send: (message: unknown, options: unknown) => Promise<unknown>;
	#hasForms = false;
	readonly #own = new Set<string>();

	constructor(send: (message: unknown, options: unknown) => Promise<unknown>) {
		this.#send = send;
	}

	/** Reads a message of the client that is not about tools. Returns whether it is the answer to a question. */
	receive({ method, id, params, result }: Message): boolean {
		if (method === 'initialize') this.#hasForms = isObject(params) && showsForms(params['capabilities']);
		if (method !== undefined || typeof id !== 'string' || !id.startsWith(PREFIX)) return false;
		this.#close(id, result);
		return true;
	}

	/** Sets what asks during a request: `info` is the argument of `agent`. */
	connect(info: unknown, line: Line): void {
		if (typeof info === 'object' && info !== null) lines.set(info, line);
	}

	/** What asks during a request with this id, of a client that began with a handshake. */
	line(related: Id): Line {
		return { ask: (question) => (this.#hasForms ? this.#ask(question, related) : undefined) };
	}

	/** Drops the questions of this transport. */
	close(): void {
		for (const id of this.#own) this.#close(id, undefined);
	}

	#close(id: string, result: unknown): void {
		this.#own.delete(id);
		open.get(id)?.(result);
		open.delete(id);
	}

	#ask(question: Question, related: Id): Promise<unknown> {
		const id = `${PREFIX}${crypto.randomUUID()}`;
		const params = form(question);
		return new Promise((resolve, reject) => {
			open.set(id, resolve);
			this.#own.add(id);
			if (open.size > MOST) this.#close(open.keys().next().value!, undefined);
			this.#send({ jsonrpc: '2.0', id, method: 'elicitation/create', params }, { relatedRequestId: related }).catch(reject);
		});
	}
}

/** A question: what a person is shown and what that depends on, and the version of the policy that asks. */
interface Asked {
	readonly text: string;
	readonly policy: WeakRef<object>;
}

/** The result of an elicitation, and the version of the policy that asked. */
interface Answered {
	readonly policy: WeakRef<object>;
	readonly result: unknown;
}

/** What is kept of a call between its rounds. */
interface Kept {
	readonly until: number;
	/** The tool and the arguments, as text. */
	readonly call: string;
	/** The results of elicitations, by the question as text. */
	readonly results: ReadonlyMap<string, Answered>;
	/** The question that was asked last. */
	readonly asked: Asked;
	readonly size: number;
	/** What the server gets in the next round. */
	readonly inputResponses: unknown;
	readonly requestState: unknown;
	/**
	 * How many guards of this process are between the client and the guard that asked. A server may have a guard for each request, so
	 * that guards have no names by which they would know what is theirs.
	 */
	inFront: number;
}

/** The calls between rounds, by the state that the client has to send with the next one. */
const kept = new Map<string, Kept>();

/** What is kept for a state. */
const keptFor = (state: unknown): Kept | undefined => (typeof state === 'string' && state.startsWith(PREFIX) ? kept.get(state) : undefined);

/** The result of a request passes a guard on its way to the client. If it asks, a guard behind that one does. */
export function passedOut(result: unknown): void {
	const asking = isObject(result) ? keptFor(result['requestState']) : undefined;
	if (asking !== undefined) asking.inFront += 1;
}

/** A call passes a guard on its way to the server. */
export function passedIn({ params }: Message): void {
	const asked = isObject(params) ? keptFor(params['requestState']) : undefined;
	if (asked !== undefined && asked.inFront > 0) asked.inFront -= 1;
}
let keptSize = 0;

/** Takes what is kept for a state: once, because an approval is for one run of the call. */
function take(state: string): Kept | undefined {
	const taken = kept.get(state);
	kept.delete(state);
	keptSize -= taken?.size ?? 0;
	return taken;
}

/** Keeps what a call needs in its next round, and returns the state for it; undefined if that is too much. */
function keep(what: Omit<Kept, 'until' | 'size' | 'inFront'>): string | undefined {
	const { call, results, asked, inputResponses, requestState } = what;
	const texts = [call, asked.text, ...results.keys(), JSON.stringify([inputResponses, requestState])];
	const size = texts.reduce((size, text) => size + text.length, 0);
	if (size > MOST_KEPT) return undefined;
	const state = `${PREFIX}${crypto.randomUUID()}`;
	kept.set(state, { ...what, until: Date.now() + ROUND_TIME, size, inFront: 0 });
	keptSize += size;
	while (kept.size > MOST || keptSize > MOST_KEPT) take(kept.keys().next().value!);
	return state;
}

/** The tool and the arguments of a call, as text. */
const callText = (params: Message): string => JSON.stringify([params['name'], params['arguments']]);

/** What counts of the result of an elicitation. */
function essential(result: unknown): unknown {
	if (!isObject(result)) return undefined;
	const { action, content } = result;
	return { action, content: isObject(content) ? { approve: content['approve'] === true } : undefined };
}

/** A call of revision 2026-07-28 or later, which may be one of several rounds. */
export class Round implements Line {
	/** The call for the server, without what the guard has asked. */
	readonly message: Message;
	readonly #hasForms: boolean;
	readonly #results: ReadonlyMap<string, Answered>;
	#asks: { readonly asked: Asked; readonly params: Message } | undefined;

	private constructor(message: Message, results: ReadonlyMap<string, Answered>) {
		const meta = (message['params'] as Message)['_meta'];
		this.message = message;
		this.#hasForms = isObject(meta) && showsForms(meta[CAPABILITIES]);
		this.#results = results;
	}

	/** Reads a call; undefined if it is of an earlier revision. */
	static of(message: Message): Round | undefined {
		const params = message['params'] as Message;
		if (!isModern(params)) return undefined;
		const { inputResponses, requestState, ...rest } = params;
		const isAnswered = isObject(inputResponses) && Object.hasOwn(inputResponses, KEY);
		// What another guard or the tool has asked is theirs.
		if (!isAnswered || typeof requestState !== 'string' || !requestState.startsWith(PREFIX)) return new Round(message, new Map());
		if ((keptFor(requestState)?.inFront ?? 0) > 0) return new Round(message, new Map());
		const before = take(requestState);
		// An answer to no question of this process or of another call, or a late one: the person is asked again.
		if (before === undefined || before.until < Date.now() || before.call !== callText(params))
			return new Round({ ...message, params: rest }, new Map());
		const again = {
			...rest,
			...(before.inputResponses !== undefined && { inputResponses: before.inputResponses }),
			...(before.requestState !== undefined && { requestState: before.requestState }),
		};
		const answered = { policy: before.asked.policy, result: essential(inputResponses[KEY]) };
		return new Round({ ...message, params: again }, new Map([...before.results, [before.asked.text, answered]]));
	}

	ask(question: Question): unknown {
		const binding = bindingOf(question);
		if (binding === undefined) return undefined;
		// A caller without an id is the same only with the same attributes.
		const text = exactText([question, question.agent === '' ? binding.caller : null]);
		const answered = this.#results.get(text);
		if (answered !== undefined && answered.policy.deref() === binding.policy) return answered.result;
		if (this.#hasForms) this.#asks = { asked: { text, policy: new WeakRef(binding.policy) }, params: form(question) };
		return undefined;
	}

	/** The result that asks the person, in place of a denial; undefined if there is nothing to ask. */
	required(): Message | undefined {
		if (this.#asks === undefined) return undefined;
		const { asked, params } = this.#asks;
		const sent = this.message['params'] as Message;
		const { inputResponses, requestState } = sent;
		const state = keep({ call: callText(sent), results: this.#results, asked, inputResponses, requestState });
		if (state === undefined) return undefined;
		return {
			resultType: 'input_required',
			inputRequests: { [KEY]: { method: 'elicitation/create', params } },
			requestState: state,
		};
	}
}
