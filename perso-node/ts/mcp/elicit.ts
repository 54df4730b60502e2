/**
 * Asks the person at the client by elicitation (MCP, "Elicitation"): with a request to the client or, from revision 2026-07-28
 * on, in the answer to the call, which the client then makes again with what the person has said.
 */

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

/** What is kept of a call between its rounds. */
interface Kept {
	readonly until: number;
	/** The results of elicitations, by the question as text. */
	readonly results: ReadonlyMap<string, unknown>;
	/** The question that was asked last. */
	readonly asked: string;
	/** What the server gets in the next round. */
	readonly inputResponses: unknown;
	readonly requestState: unknown;
}

/** The calls between rounds, by the state that the client has to send with the next one. */
const kept = new Map<string, Kept>();

/** A call of revision 2026-07-28 or later, which may be one of several rounds. */
export class Round implements Line {
	/** The call for the server, without what the guard has asked. */
	readonly message: Message;
	readonly #hasForms: boolean;
	readonly #results: Map<string, unknown>;
	#asks: { readonly text: string; readonly params: Message } | undefined;

	private constructor(message: Message, results: ReadonlyMap<string, unknown>) {
		const meta = (message['params'] as Message)['_meta'];
		this.message = message;
		this.#hasForms = isObject(meta) && showsForms(meta[CAPABILITIES]);
		this.#results = new Map(results);
	}

	/** Reads a call; undefined if it is of an earlier revision. */
	static of(message: Message): Round | undefined {
		const params = message['params'] as Message;
		if (!isModern(params)) return undefined;
		const { inputResponses, requestState, ...rest } = params;
		const isAnswered = isObject(inputResponses) && Object.hasOwn(inputResponses, KEY);
		if (!isAnswered) return new Round(message, new Map());
		const before = typeof requestState === 'string' ? kept.get(requestState) : undefined;
		// Once: an approval is for one run of the call.
		kept.delete(requestState as string);
		// An answer to no question of this process, or a late one: the person is asked again.
		if (before === undefined || before.until < Date.now()) return new Round({ ...message, params: rest }, new Map());
		const again = {
			...rest,
			...(before.inputResponses !== undefined && { inputResponses: before.inputResponses }),
			...(before.requestState !== undefined && { requestState: before.requestState }),
		};
		return new Round({ ...message, params: again }, new Map([...before.results, [before.asked, inputResponses[KEY]]]));
	}

	ask(question: Question): unknown {
		const text = exactText(question);
		if (this.#results.has(text)) return this.#results.get(text);
		if (this.#hasForms) this.#asks = { text, params: form(question) };
		return undefined;
	}

	/** The result that asks the person, in place of a denial; undefined if there is nothing to ask. */
	required(): Message | undefined {
		if (this.#asks === undefined) return undefined;
		const { text, params } = this.#asks;
		const { inputResponses, requestState } = this.message['params'] as Message;
		const state = `${PREFIX}${crypto.randomUUID()}`;
		kept.set(state, { until: Date.now() + ROUND_TIME, results: this.#results, asked: text, inputResponses, requestState });
		if (kept.size > MOST) kept.delete(kept.keys().next().value!);
		return {
			resultType: 'input_required',
			inputRequests: { [KEY]: { method: 'elicitation/create', params } },
			requestState: state,
		};
	}
}
