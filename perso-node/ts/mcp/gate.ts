/** The guard of one transport: every message in either direction comes by here. */

import type { Judge, Verdict, Who } from '../guard/judge.js';
import { type UnknownTool, denial, error, hidden } from './denial.js';
import { Lists, type Waiting } from './lists.js';
import { type Asked, type Id, type Message, read, withArguments } from './message.js';

/** Gives a message to the server. */
type Deliver = (message: unknown, extra: unknown) => void;

/** Gives a message to the client. */
export type Send = (message: unknown, options?: unknown) => Promise<unknown>;

/** How a denied call is answered. */
export interface Answers {
	readonly hide: boolean;
	readonly unknownTool: UnknownTool;
}

/** A call that is being judged. */
interface Judging {
	isCancelled: boolean;
}

const BUSY = -32000;

/** Judges calls on their way to a server, and takes out of lists what the caller could never call. */
export class Gate<Told> {
	readonly #judge: Judge<Told>;
	readonly #answers: Answers;
	readonly #told: (extra: unknown) => Told;
	readonly #send: Send;
	readonly #fail: (error: unknown) => void;
	readonly #lists = new Lists();
	readonly #judging = new Map<unknown, Set<Judging>>();
	/** Messages that are let pass: a handler that hands one on to another has it judged once. */
	readonly #passed = new WeakSet<object>();
	#isClosed = false;

	constructor(judge: Judge<Told>, answers: Answers, told: (extra: unknown) => Told, send: Send, fail: (error: unknown) => void) {
		this.#judge = judge;
		this.#answers = answers;
		this.#told = told;
		this.#send = send;
		this.#fail = fail;
	}

	/** A message of a client's. What needs no waiting goes on at once, so that order is kept. */
	receive(raw: unknown, extra: unknown, deliver: Deliver): void {
		if (typeof raw === 'object' && raw !== null && this.#passed.has(raw)) return deliver(raw, extra);
		if (Array.isArray(raw)) {
			for (const element of Array.from<unknown>(raw)) this.receive(element, extra, deliver);
			return;
		}
		let asked: Asked;
		try {
			asked = read(raw);
		} catch (error) {
			this.#fail(error);
			return;
		}
		const pass = (message: unknown): void => {
			if (typeof message === 'object' && message !== null) this.#passed.add(message);
			deliver(message, extra);
		};
		switch (asked.kind) {
			case 'call':
				return this.#call(asked, extra, pass);
			case 'list':
				return this.#list(asked, extra, pass);
			case 'cancelled':
				for (const judging of this.#judging.get(asked.id) ?? []) judging.isCancelled = true;
				return pass(asked.message);
			case 'refused':
				if (this.#judge.refuse('', asked.why) === undefined) return pass(asked.message);
				if (asked.id !== undefined) this.#answer(asked.id, error(asked.id, asked.code, asked.why));
				return;
			case 'other':
				return asked.id === undefined ? pass(asked.message) : this.#request(asked.id, asked.message, pass);
		}
	}

	/** A message of the server's. */
	send(raw: unknown, options?: unknown): Promise<unknown> {
		const response = raw as Partial<Message> | null;
		const id = typeof response === 'object' && response !== null && response['method'] === undefined ? response['id'] : undefined;
		if (typeof id !== 'string' && typeof id !== 'number') return this.#send(raw, options);
		const result = response!['result'] as { tools?: unknown } | null | undefined;
		const tools: unknown = result?.tools;
		const waiting = this.#lists.answer(id);
		if (waiting.length === 0 || !Array.isArray(tools)) return this.#send(raw, options);
		return Promise.all(waiting.map(({ who }) => who)).then((all) => {
			let shown: readonly unknown[] = tools;
			for (const who of all) shown = this.#shown(shown, who);
			const isModern = waiting.some(({ isModern }) => isModern);
			// It is this caller's list, and nobody else's.
			return this.#send({ ...response, result: { ...result, tools: shown, ...(isModern && { cacheScope: 'private' }) } }, options);
		});
	}

	/** The transport is closed: what is being judged does not run any more. */
	close(): void {
		this.#isClosed = true;
		this.#lists.clear();
	}

	#call({ id, call, message }: Asked & { kind: 'call' }, extra: unknown, pass: (message: unknown) => void): void {
		const conclude = (verdict: Verdict): void => {
			if (verdict.denied === undefined) return this.#request(id, withArguments(message, verdict.args), pass);
			const { hide, unknownTool } = this.#answers;
			this.#answer(id, hide ? hidden(id, call, unknownTool) : denial(id, call, verdict.denied));
		};
		const verdict = this.#judge.judge(call.tool, call.args, this.#told(extra));
		if (!(verdict instanceof Promise)) return conclude(verdict);
		const judging = { isCancelled: false };
		const all = this.#judging.get(id) ?? new Set();
		this.#judging.set(id, all.add(judging));
		verdict
			.then((verdict) => {
				if (!judging.isCancelled && !this.#isClosed) conclude(verdict);
			})
			.catch(this.#fail)
			.finally(() => {
				all.delete(judging);
				if (all.size === 0 && this.#judging.get(id) === all) this.#judging.delete(id);
			});
	}

	#list({ id, isModern, message }: Asked & { kind: 'list' }, extra: unknown, pass: (message: unknown) => void): void {
		if (this.#judge.observes) return pass(message);
		this.#request(id, message, pass, { who: this.#judge.who(this.#told(extra)), isModern });
	}

	/** A request goes on. What answers it is told from a list by its id. */
	#request(id: Id, message: unknown, pass: (message: unknown) => void, waiting?: Waiting): void {
		if (!this.#judge.observes && !this.#lists.add(id, waiting)) {
			return this.#answer(id, error(id, BUSY, 'Too many requests are open'));
		}
		pass(message);
	}

	#shown(tools: readonly unknown[], who: Who): readonly unknown[] {
		return this.#judge.shown(tools, (tool) => (tool as { name?: unknown } | null)?.name, who);
	}

	/** Answers in place of the server: not before the transport has handed over what it is handing over. */
	#answer(id: Id, response: Message): void {
		queueMicrotask(() => {
			if (!this.#isClosed) Promise.resolve(this.#send(response, { relatedRequestId: id })).catch(this.#fail);
		});
	}
}

