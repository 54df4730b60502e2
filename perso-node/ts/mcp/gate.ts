/** Guards one transport. Every message in either direction passes through the gate. */

import type { Became, Ran } from '../journal.js';
import { allOf, type Judge, type Verdict, type Viewer } from '../guard/judge.js';
import { copy } from '../value/copy.js';
import { isEqual } from '../value/equal.js';
import { type Closed, copied, LISTEN } from './closed.js';
import { type Covered, covered, coveredBy, FILTERED, unknown, withParams } from './covered.js';
import { denial, error } from './denial.js';
import { Elicitation, passedIn, passedOut, Round } from './elicit.js';
import type { Hiding } from './hiding.js';
import { isOwn, Lists, type Waiting } from './lists.js';
import {
	type Asked,
	type Call,
	type Id,
	INVALID_PARAMS,
	isModern,
	isObject,
	type Message,
	METHOD_NOT_FOUND,
	read,
	withArguments,
} from './message.js';
import { callsOf, remember, taskIn, type TaskCall } from './tasks.js';

/** Passes a message to the server. */
type Deliver = (message: unknown, extra: unknown) => void;

/** Sends a message to the client. */
export type Send = (message: unknown, options?: unknown) => Promise<unknown>;

/** A call that is being judged. */
interface Judging {
	isCancelled: boolean;
}

const INVALID_REQUEST = -32600;
const SERVER_ERROR = -32000;

/** The maximum number of calls that wait for callbacks of the host at the same time, on one transport. */
const MOST_JUDGED = 1024;

/** A request that the server has not answered yet: the call, if it can become a task, and what records what becomes of it. */
interface Opened {
	readonly call?: TaskCall;
	readonly ran?: Ran | undefined;
}

/** The maximum number of unanswered calls that are remembered in case they become tasks, and to record what becomes of them. The oldest are dropped first. */
const MOST_OPEN = 4096;

const RESERVED = 'Invalid request: the id is reserved';
const TOO_MANY = 'too many calls are being judged: wait for some of them, and try again';

/** Judges calls on their way to a server, and removes tools that the caller can never use from lists on their way back. */
export class Gate<CallInfo> {
	readonly #judge: Judge<CallInfo>;
	readonly #hiding: Hiding | undefined;
	readonly #turnedOff: Closed | undefined;
	readonly #infoOf: (extra: unknown) => CallInfo;
	readonly #send: Send;
	readonly #fail: (error: unknown) => void;
	readonly #lists = new Lists();
	readonly #elicitation: Elicitation;
	readonly #judging = new Map<unknown, Set<Judging>>();
	#judgingCount = 0;
	/** The requests that the server has not answered yet. */
	readonly #open = new Map<Id, Opened[]>();
	/** Copies of the messages that have passed, by the message given to a handler: see `receive`. */
	readonly #passed = new WeakMap<object, Message>();
	#isClosed = false;

	constructor(
		judge: Judge<CallInfo>,
		{ hiding, closed }: { readonly hiding?: Hiding | undefined; readonly closed?: Closed | undefined },
		infoOf: (extra: unknown) => CallInfo,
		send: Send,
		fail: (error: unknown) => void,
	) {
		this.#judge = judge;
		this.#hiding = hiding;
		this.#turnedOff = closed;
		this.#infoOf = infoOf;
		this.#send = send;
		this.#elicitation = new Elicitation(send);
		this.#fail = fail;
	}

	/**
	 * Handles a message of the client. Messages that need no waiting are passed on synchronously, which keeps their order.
	 *
	 * If the transport has several handlers (`isLayered`), each may hand its message on to the next, so that a message arrives
	 * here again. Each handler therefore gets its own copy. A message that comes back unchanged passes, so that a call is
	 * judged once; a changed one is judged again.
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
				if (this.#judge.asks && this.#elicitation.receive(asked.message)) return;
				return this.#other(asked, extra, deliver, pass);
		}
	}

	/** Handles a message of the server. */
	send(raw: unknown, options?: unknown): Promise<unknown> {
		if (Array.isArray(raw)) return this.#sendAll(Array.from<unknown>(raw), options);
		const shown = this.#shownAs(raw);
		const related = this.#related(options);
		if (shown === undefined || related === undefined) return Promise.resolve();
		return shown instanceof Promise ? shown.then((message) => this.#send(message, ...related)) : this.#send(shown, ...related);
	}

	/** Closes the gate. Calls that are being judged will not run. */
	close(): void {
		this.#isClosed = true;
		this.#lists.clear();
		for (const id of this.#open.keys()) this.#ended(id, 'unknown');
		this.#elicitation.close();
	}

	/** Passes a message to the handler. With several handlers, keeps a copy to detect changes. */
	#deliver(message: Message, extra: unknown, deliver: Deliver, isLayered: boolean): void {
		if (!isLayered) return deliver(message, extra);
		let given: object;
		try {
			given = copy(message) as object;
			this.#passed.set(given, copy(message) as Message);
		} catch (error) {
			// Only possible for a value that was never JSON, as on an in-memory transport.
			return this.#fail(error);
		}
		deliver(given, extra);
	}

	#call(asked: Asked & { kind: 'call' }, raw: object, extra: unknown, pass: (message: Message) => void): void {
		const { id, call } = asked;
		const info = this.#infoOf(extra);
		const round = this.#judge.asks ? Round.of(asked.message) : undefined;
		const message = round?.message ?? asked.message;
		if (this.#judge.asks) this.#elicitation.connect(info, round ?? this.#elicitation.line(id));
		const conclude = (verdict: Verdict): void => {
			const required = verdict.denied && round?.required();
			if (required !== undefined) return this.#answer(id, { jsonrpc: '2.0', id, result: required });
			if (verdict.denied !== undefined) return this.#answer(id, this.#denied(id, call, message, extra, verdict));
			const judged = withArguments(message, verdict.args);
			const mismatch = this.#hiding?.mismatch({ ...call, args: verdict.args }, extra);
			if (mismatch !== undefined) {
				verdict.undo?.();
				return this.#answer(id, { jsonrpc: '2.0', id, error: mismatch });
			}
			this.#opened(id, { call: { tool: call.tool, args: call.args }, ran: verdict.ran });
			passedIn(judged);
			pass(judged);
		};
		if (this.#hiding?.isForeseen(raw) === true)
			return conclude(this.#refused(call, 'the caller could not make this call when its scopes were checked'));
		if (this.#judgingCount >= MOST_JUDGED) return conclude(this.#refused(call, TOO_MANY, TOO_MANY));
		this.#settle(id, this.#judge.judge(call.tool, call.args, info), conclude);
	}

	/** Calls `conclude` with the verdict, unless the call is cancelled or the transport is closed before that. */
	#settle(id: Id, judged: Verdict | Promise<Verdict>, conclude: (verdict: Verdict) => void): void {
		if (!(judged instanceof Promise)) return conclude(judged);
		const judging = { isCancelled: false };
		const all = this.#judging.get(id) ?? new Set();
		this.#judging.set(id, all.add(judging));
		this.#judgingCount += 1;
		judged
			.then((verdict) => {
				if (!judging.isCancelled && !this.#isClosed) conclude(verdict);
				else verdict.undo?.();
			})
			.catch(this.#fail)
			.finally(() => {
				this.#judgingCount -= 1;
				all.delete(judging);
				if (all.size === 0 && this.#judging.get(id) === all) this.#judging.delete(id);
			});
	}

	/** Remembers a request that is passed on. */
	#opened(id: Id, opened: Opened): void {
		this.#open.set(id, [...(this.#open.get(id) ?? []), opened]);
		if (this.#open.size > MOST_OPEN) this.#ended(this.#open.keys().next().value!, 'unknown');
	}

	/** Forgets the requests with an id, and returns them. If there are several, it is not known which of them was answered. */
	#ended(id: Id, became: Became): readonly Opened[] {
		const all = this.#open.get(id) ?? [];
		this.#open.delete(id);
		for (const { ran } of all) ran?.(all.length > 1 ? 'unknown' : became);
		return all;
	}

	/** Judges a `tasks/update` as the call that became the task, with the caller who sends the update. */
	#update({ id, task, message }: Asked & { kind: 'update' }, extra: unknown, pass: (message: Message) => void): void {
		if (this.#judge.observes) return pass(message);
		const calls = callsOf(this.#judge.policy, task);
		const unknown = (): void => this.#answer(id, error(id, INVALID_PARAMS, `Task not found: ${task}`));
		if (calls === undefined || this.#judgingCount >= MOST_JUDGED) {
			this.#judge.refuse('', calls === undefined ? 'the task is unknown' : TOO_MANY);
			return calls === undefined ? unknown() : this.#answer(id, error(id, SERVER_ERROR, TOO_MANY));
		}
		const info = this.#infoOf(extra);
		const judged = allOf(calls.length, (at) => this.#judge.judge(calls[at]!.tool, calls[at]!.args, info));
		this.#settle(id, judged, ({ denied, ran }) => {
			// The tool may run again, in the background.
			ran?.('unknown');
			if (denied === undefined) return pass(message);
			return this.#hiding === undefined ? this.#answer(id, error(id, SERVER_ERROR, denied.message, denied.meta())) : unknown();
		});
	}

	/** The verdict on a call that cannot be judged: denied, or in `observe` mode allowed. */
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
		const own = this.#lists.add(id, { viewer: this.#judge.viewer(this.#infoOf(extra)), isModern });
		if (own === undefined)
			return this.#answer(id, error(id, SERVER_ERROR, 'Too many lists are open: wait for some of them, or cancel them'));
		pass({ ...message, id: own });
	}

	/** Passes on a message that is not about tools, unless it is about prompts or resources that are turned off or covered. */
	#other({ id, message }: Asked & { kind: 'other' }, extra: unknown, deliver: Deliver, pass: (message: Message) => void): void {
		let left: unknown = message;
		let asked: Message | undefined;
		let found: Covered | undefined;
		try {
			const read = this.#turnedOff?.read(message, this.#judge);
			if (read !== undefined && 'instead' in read) {
				const { result, message: why } = read.instead;
				// A notification has no answer.
				if (id === undefined) return;
				return this.#answer(id, result === undefined ? error(id, METHOD_NOT_FOUND, why) : { jsonrpc: '2.0', id, result });
			}
			left = read?.message ?? message;
			const { method } = message;
			const kinds = coveredBy(this.#judge.policy);
			if (kinds.length > 0 && typeof method === 'string') {
				asked = { ...(left as Message), params: copied((left as Message)['params']) };
				found = covered(kinds, method, asked['params']);
			}
		} catch (error) {
			return this.#fail(error);
		}
		return found === undefined ? deliver(left, extra) : this.#covered(found, id, asked!, extra, pass);
	}

	/** Judges a request for something that the policy covers. */
	#covered(found: Covered, id: Id | undefined, message: Message, extra: unknown, pass: (message: Message) => void): void {
		const refuse = (why: string, code: number, text: string): void => {
			if (this.#judge.refuse('', why) === undefined) return pass(message);
			if (id !== undefined) this.#answer(id, error(id, code, text));
		};
		if ('why' in found) return refuse(found.why, found.code, found.message);
		if (id === undefined) return refuse('a request needs an id', INVALID_REQUEST, '');
		const isModernRequest = isModern(message['params']);
		if ('list' in found) return this.#list({ kind: 'list', id, isModern: isModernRequest, message }, extra, pass);
		const { tool, calls, reference } = found;
		if (this.#judgingCount >= MOST_JUDGED) return refuse(TOO_MANY, SERVER_ERROR, TOO_MANY);
		const info = this.#infoOf(extra);
		if (this.#judge.asks && !isModernRequest) this.#elicitation.connect(info, this.#elicitation.line(id));
		this.#settle(id, this.#judge.judgeRequest(tool, calls, info, reference), ({ denied, args, ran }) => {
			if (ran !== undefined) this.#opened(id, { ran });
			// A subscription is several calls, or none.
			if (denied === undefined) return pass(message['method'] === LISTEN ? message : withParams(message, args));
			const [code, text] = this.#hiding === undefined ? [SERVER_ERROR, denied.message] : unknown(tool, isModernRequest);
			this.#answer(id, error(id, code, text, this.#hiding === undefined ? denied.meta() : undefined));
		});
	}

	/** Cancels the requests with a client's id. Lists have other ids at the server, so cancels those too. */
	#cancel({ id, message }: Asked & { kind: 'cancelled' }, pass: (message: Message) => void): void {
		for (const judging of this.#judging.get(id) ?? []) judging.isCancelled = true;
		this.#ended(id as Id, 'unknown');
		pass(message);
		for (const own of this.#lists.cancel(id)) pass({ ...message, params: { ...(message['params'] as Message), requestId: own } });
	}

	/** The message to send to the client; undefined if there is nothing to send. */
	#shownAs(raw: unknown): unknown {
		const response = raw as Message | null;
		if (typeof response !== 'object' || response === null || response['method'] !== undefined) return raw;
		const result = response['result'] as Message | null | undefined;
		passedOut(result);
		const isList = this.#listsIn(result).length > 0;
		if (!isOwn(response['id'])) {
			this.#closed(response['id'] as Id, response);
			// Servers should not answer with an id that they were not given. Filter the list anyway if one does.
			const waiting = isList ? this.#lists.waiting(response['id']) : undefined;
			return waiting === undefined ? raw : this.#filtered(response, result!, waiting);
		}
		const answered = this.#lists.answer(response['id']);
		// The request was cancelled, or its client is gone.
		if (answered === undefined) return undefined;
		const restored = { ...response, id: answered.id };
		return isList ? this.#filtered(restored, result!, answered.waiting) : restored;
	}

	/** The lists in a result that are filtered. */
	#listsIn(result: Message | null | undefined): (typeof FILTERED)[number][] {
		const covers = this.#judge.policy.covers;
		return FILTERED.filter(({ list, kind }) => Array.isArray(result?.[list]) && covers.includes(kind));
	}

	/** Handles the answer to a request, which may have become a task. */
	#closed(id: Id, { result, error }: { readonly result?: unknown; readonly error?: unknown }): void {
		const found = isObject(result) ? result : undefined;
		const task = taskIn(found);
		const isError = error !== undefined || found?.['isError'] === true;
		const calls = this.#ended(id, task !== undefined ? 'unknown' : isError ? 'error' : 'ok').flatMap(({ call }) => call ?? []);
		if (task !== undefined && calls.length > 0) remember(this.#judge.policy, task, calls);
	}

	/** Filters lists to what all callers who may get them can see. */
	#filtered(response: Message, result: Message, waiting: readonly Waiting[]): Message | Promise<Message> {
		const show = (all: readonly Viewer[]): Message => {
			const shown = this.#listsIn(result).map(({ list, key, kind }) => {
				const name = (one: unknown): unknown => (one as { [key: string]: unknown } | null)?.[key];
				const entries = result[list] as readonly unknown[];
				return [list, all.reduce((left, viewer) => this.#judge.shown(left, name, viewer, kind), entries)] as const;
			});
			const isModern = waiting.some(({ isModern }) => isModern);
			// The list is filtered for this caller, so it must not be cached for others.
			return { ...response, result: { ...result, ...Object.fromEntries(shown), ...(isModern && { cacheScope: 'private' }) } };
		};
		const all = waiting.map(({ viewer }) => viewer);
		return all.some((viewer) => viewer instanceof Promise) ? Promise.all(all).then(show) : show(all as Viewer[]);
	}

	async #sendAll(raw: unknown[], options: unknown): Promise<unknown> {
		const shown = await Promise.all(raw.map((message) => this.#shownAs(message)));
		const left = shown.filter((message) => message !== undefined);
		return left.length === 0 ? undefined : this.#send(left, options);
	}

	/** The options for sending a message, with the client's id restored; undefined if it belongs to a list that is gone. */
	#related(options: unknown): unknown[] | undefined {
		const related = (options as { relatedRequestId?: unknown } | null | undefined)?.relatedRequestId;
		if (!isOwn(related)) return options === undefined ? [] : [options];
		const id = this.#lists.clientId(related);
		return id === undefined ? undefined : [{ ...(options as object), relatedRequestId: id }];
	}

	/** Answers in place of the server. Always async: the transport may not accept an answer while it delivers a message. */
	#answer(id: Id, response: Message | Promise<Message>): void {
		Promise.resolve(response)
			.then((message) => (this.#isClosed ? undefined : this.#send(message, { relatedRequestId: id })))
			.catch(this.#fail);
	}
}
