/** The guard of one transport: every message in either direction passes through it. */

import type { Denied } from '../guard/denied.js';
import { after, type Judge, type Verdict, type Who } from '../guard/judge.js';
import { copy } from '../value/copy.js';
import { isEqual } from '../value/equal.js';
import type { Closed } from './closed.js';
import { denial, error } from './denial.js';
import type { Hiding } from './hiding.js';
import { isOwn, Lists, type Waiting } from './lists.js';
import { type Asked, type Call, type Id, isObject, type Message, METHOD_NOT_FOUND, read, withArguments } from './message.js';
import { callsOf, remember, taskIn, type TaskCall } from './tasks.js';

/** Gives a message to the server. */
type Deliver = (message: unknown, extra: unknown) => void;

/** Gives a message to the client. */
export type Send = (message: unknown, options?: unknown) => Promise<unknown>;

/** A call that is being judged. */
interface Judging {
	isCancelled: boolean;
}

const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;
const SERVER_ERROR = -32000;

/** How many calls may wait for the host's functions at a time, on one transport. */
const MOST_JUDGED = 1024;

/** How many calls are open of which it is known what they were, should one become a task. The oldest make room. */
const MOST_OPEN = 4096;

const RESERVED = 'Invalid request: the id is reserved';
const TOO_MANY = 'too many calls are being judged: wait for some of them, and try again';

/** Judges calls on their way to a server, and takes out of lists what the caller could never call. */
export class Gate<Told> {
	readonly #judge: Judge<Told>;
	readonly #hiding: Hiding | undefined;
	readonly #turnedOff: Closed | undefined;
	readonly #told: (extra: unknown) => Told;
	readonly #send: Send;
	readonly #fail: (error: unknown) => void;
	readonly #lists = new Lists();
	readonly #judging = new Map<unknown, Set<Judging>>();
	#judgingCount = 0;
	/** The calls that the server has not answered yet. */
	readonly #open = new Map<Id, TaskCall[]>();
	/** What messages were like that were let pass, where handlers may hand them on to one another: each is judged once. */
	readonly #passed = new WeakMap<object, Message>();
	#isClosed = false;

	constructor(
		judge: Judge<Told>,
		{ hiding, closed }: { readonly hiding?: Hiding | undefined; readonly closed?: Closed | undefined },
		told: (extra: unknown) => Told,
		send: Send,
		fail: (error: unknown) => void,
	) {
		this.#judge = judge;
		this.#hiding = hiding;
		this.#turnedOff = closed;
		this.#told = told;
		this.#send = send;
		this.#fail = fail;
	}

	/**
	 * A message of a client's. What needs no waiting goes on at once, so that order is kept. Where the transport has
	 * several handlers (`isLayered`), one can hand on to the next what it was given: unchanged, it is let pass, and each
	 * handler gets a copy of its own; changed, it is judged anew.
	 */
	receive(raw: unknown, extra: unknown, deliver: Deliver, isLayered = false): void {
		const passed = typeof raw === 'object' && raw !== null ? this.#passed.get(raw) : undefined;
		if (passed !== undefined && isEqual(raw, passed)) return this.#deliver(passed, extra, deliver, isLayered);
		let asked: Asked;
		try {
			asked = read(raw);
		} catch (error) {
			this.#fail(error);
			return;
		}
		const pass = (message: Message): void => this.#deliver(message, extra, deliver, isLayered);
		switch (asked.kind) {
			case 'call':
				return this.#call(asked, raw as object, extra, pass);
			case 'list':
				return this.#list(asked, extra, pass);
			case 'update':
				return this.#update(asked, extra, pass);
			case 'cancelled':
				return this.#cancel(asked, pass);
			case 'refused':
				if (this.#judge.refuse('', asked.why) === undefined)
					return isObject(asked.message) ? pass(asked.message) : deliver(asked.message, extra);
				if (asked.id !== undefined) this.#answer(asked.id, error(asked.id, asked.code, asked.why));
				return;
			case 'other':
				return this.#turnedOff === undefined ? deliver(asked.message, extra) : this.#other(asked, this.#turnedOff, extra, deliver);
		}
	}

	/** A message of the server's. */
	send(raw: unknown, options?: unknown): Promise<unknown> {
		if (Array.isArray(raw)) return this.#sendAll(Array.from<unknown>(raw), options);
		const shown = this.#shownAs(raw);
		const related = this.#related(options);
		if (shown === undefined || related === undefined) return Promise.resolve();
		return shown instanceof Promise ? shown.then((message) => this.#send(message, ...related)) : this.#send(shown, ...related);
	}

	/** The transport is closed: what is being judged does not run any more. */
	close(): void {
		this.#isClosed = true;
		this.#lists.clear();
		this.#open.clear();
	}

	/** Hands a message on. Where a handler could change it on its way to the next, the guard keeps what it was like. */
	#deliver(message: Message, extra: unknown, deliver: Deliver, isLayered: boolean): void {
		if (!isLayered) return deliver(message, extra);
		let given: object;
		try {
			given = copy(message) as object;
			this.#passed.set(given, copy(message) as Message);
		} catch (error) {
			// Only where it never was JSON, as on a transport in memory.
			return this.#fail(error);
		}
		deliver(given, extra);
	}

	#call({ id, call, message }: Asked & { kind: 'call' }, raw: object, extra: unknown, pass: (message: Message) => void): void {
		const conclude = (verdict: Verdict): void => {
			if (verdict.denied !== undefined) return this.#answer(id, this.#denied(id, call, message, extra, verdict));
			const judged = withArguments(message, verdict.args);
			const mismatch = this.#hiding?.mismatch({ ...call, args: verdict.args }, extra);
			if (mismatch !== undefined) return this.#answer(id, { jsonrpc: '2.0', id, error: mismatch });
			this.#opened(id, call);
			pass(judged);
		};
		if (this.#hiding?.isForeseen(raw) === true)
			return conclude(this.#refused(call, 'the caller could not make this call when its scopes were checked'));
		if (this.#judgingCount >= MOST_JUDGED) return conclude(this.#refused(call, TOO_MANY, TOO_MANY));
		this.#settle(id, this.#judge.judge(call.tool, call.args, this.#told(extra)), conclude);
	}

	/** Goes on once a call is judged, unless it is cancelled or the transport is closed before. */
	#settle<T>(id: Id, judged: T | Promise<T>, conclude: (judged: T) => void): void {
		if (!(judged instanceof Promise)) return conclude(judged);
		const judging = { isCancelled: false };
		const all = this.#judging.get(id) ?? new Set();
		this.#judging.set(id, all.add(judging));
		this.#judgingCount += 1;
		judged
			.then((judged) => {
				if (!judging.isCancelled && !this.#isClosed) conclude(judged);
			})
			.catch(this.#fail)
			.finally(() => {
				this.#judgingCount -= 1;
				all.delete(judging);
				if (all.size === 0 && this.#judging.get(id) === all) this.#judging.delete(id);
			});
	}

	/** Notes what a call is that goes on. */
	#opened(id: Id, { tool, args }: Call): void {
		const calls = this.#open.get(id) ?? [];
		calls.push({ tool, args });
		this.#open.set(id, calls);
		if (this.#open.size > MOST_OPEN) this.#open.delete(this.#open.keys().next().value!);
	}

	/** To go on with a task is judged as the call that has become it, by who asks for it. */
	#update({ id, task, message }: Asked & { kind: 'update' }, extra: unknown, pass: (message: Message) => void): void {
		if (this.#judge.observes) return pass(message);
		const calls = callsOf(this.#judge.policy, task);
		const unknown = (): void => this.#answer(id, error(id, INVALID_PARAMS, `Task not found: ${task}`));
		if (calls === undefined || this.#judgingCount >= MOST_JUDGED) {
			this.#judge.refuse('', calls === undefined ? 'the task is unknown' : TOO_MANY);
			return calls === undefined ? unknown() : this.#answer(id, error(id, SERVER_ERROR, TOO_MANY));
		}
		const told = this.#told(extra);
		const denied = (at: number): Denied | undefined | Promise<Denied | undefined> => {
			const call = calls[at];
			return call && after(this.#judge.judge(call.tool, call.args, told), (verdict) => verdict.denied ?? denied(at + 1));
		};
		this.#settle(id, denied(0), (denied) => {
			if (denied === undefined) return pass(message);
			return this.#hiding === undefined ? this.#answer(id, error(id, SERVER_ERROR, denied.message, denied.meta())) : unknown();
		});
	}

	/** The verdict on a call that is not judged: it passes where the policy is only observed. */
	#refused(call: Call, why: string, reason?: string): Verdict {
		const denied = this.#judge.refuse(call.tool, why, reason);
		return denied === undefined ? { args: call.args } : { denied };
	}

	#denied(id: Id, call: Call, message: Message, extra: unknown, { denied }: Verdict & { denied: object }): Message | Promise<Message> {
		return this.#hiding === undefined ? denial(id, call, denied) : this.#hiding.answer(message, extra);
	}

	#list({ id, isModern, message }: Asked & { kind: 'list' }, extra: unknown, pass: (message: Message) => void): void {
		if (this.#judge.observes) return pass(message);
		if (isOwn(id))
			return this.#lists.clientId(id) === undefined ? this.#answer(id, error(id, INVALID_REQUEST, RESERVED)) : pass(message);
		const own = this.#lists.add(id, { who: this.#judge.who(this.#told(extra)), isModern });
		if (own === undefined)
			return this.#answer(id, error(id, SERVER_ERROR, 'Too many lists of tools are open: wait for some of them, or cancel them'));
		pass({ ...message, id: own });
	}

	/** What is not about tools goes on, unless it is about what the host has turned off. */
	#other({ id, message }: Asked & { kind: 'other' }, closed: Closed, extra: unknown, deliver: Deliver): void {
		let read;
		try {
			read = closed.read(message, this.#judge);
		} catch (error) {
			return this.#fail(error);
		}
		if (!('instead' in read)) return deliver(read.message, extra);
		// A notification has no answer.
		if (id === undefined) return;
		const { result, message: why } = read.instead;
		this.#answer(id, result === undefined ? error(id, METHOD_NOT_FOUND, why) : { jsonrpc: '2.0', id, result });
	}

	/** Cancels what the client knows under an id: calls, and lists, which the server knows under others. */
	#cancel({ id, message }: Asked & { kind: 'cancelled' }, pass: (message: Message) => void): void {
		for (const judging of this.#judging.get(id) ?? []) judging.isCancelled = true;
		this.#open.delete(id as Id);
		pass(message);
		for (const own of this.#lists.cancel(id)) pass({ ...message, params: { ...(message['params'] as Message), requestId: own } });
	}

	/** A message as the client gets it: undefined where it gets none. */
	#shownAs(raw: unknown): unknown {
		const response = raw as Message | null;
		if (typeof response !== 'object' || response === null || response['method'] !== undefined) return raw;
		const result = response['result'] as Message | null | undefined;
		const tools: unknown = result?.['tools'];
		const isList = Array.isArray(tools);
		if (!isOwn(response['id'])) {
			this.#closed(response['id'] as Id, result);
			// No server answers to an id that it was not given. One that does shows no more for it.
			const waiting = isList ? this.#lists.waiting(response['id']) : undefined;
			return waiting === undefined ? raw : this.#filtered(response, result!, tools as unknown[], waiting);
		}
		const answered = this.#lists.answer(response['id']);
		// It was cancelled, or its client is gone: nobody waits for it.
		if (answered === undefined) return undefined;
		const restored = { ...response, id: answered.id };
		return isList ? this.#filtered(restored, result!, tools, answered.waiting) : restored;
	}

	/** A call is answered: it may have become a task. */
	#closed(id: Id, result: Message | null | undefined): void {
		const calls = this.#open.get(id);
		if (calls === undefined) return;
		this.#open.delete(id);
		const task = taskIn(result);
		if (task !== undefined) remember(this.#judge.policy, task, calls);
	}

	/** A list, as all of its callers may see it. */
	#filtered(response: Message, result: Message, tools: readonly unknown[], waiting: readonly Waiting[]): Message | Promise<Message> {
		const show = (all: readonly Who[]): Message => {
			const shown = all.reduce((left, who) => this.#shown(left, who), tools);
			const isModern = waiting.some(({ isModern }) => isModern);
			// It is this caller's list, and nobody else's.
			return { ...response, result: { ...result, tools: shown, ...(isModern && { cacheScope: 'private' }) } };
		};
		const all = waiting.map(({ who }) => who);
		return all.some((who) => who instanceof Promise) ? Promise.all(all).then(show) : show(all as Who[]);
	}

	async #sendAll(raw: unknown[], options: unknown): Promise<unknown> {
		const shown = await Promise.all(raw.map((message) => this.#shownAs(message)));
		const left = shown.filter((message) => message !== undefined);
		return left.length === 0 ? undefined : this.#send(left, options);
	}

	/** The options with which a message is sent: undefined where it belongs to a list that nobody waits for. */
	#related(options: unknown): unknown[] | undefined {
		const related = (options as { relatedRequestId?: unknown } | null | undefined)?.relatedRequestId;
		if (!isOwn(related)) return options === undefined ? [] : [options];
		const id = this.#lists.clientId(related);
		return id === undefined ? undefined : [{ ...(options as object), relatedRequestId: id }];
	}

	#shown(tools: readonly unknown[], who: Who): readonly unknown[] {
		return this.#judge.shown(tools, (tool) => (tool as { name?: unknown } | null)?.name, who);
	}

	/** Answers in place of the server: not before the transport has handed over what it is handing over. */
	#answer(id: Id, response: Message | Promise<Message>): void {
		Promise.resolve(response)
			.then((message) => (this.#isClosed ? undefined : this.#send(message, { relatedRequestId: id })))
			.catch(this.#fail);
	}
}
