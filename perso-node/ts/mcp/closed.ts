/** Prompts and resources, which a host can turn off: the one table of their methods. */

import type { Judge } from '../guard/judge.js';
import { copy } from '../value/copy.js';
import { folded, isReadAs } from './fold.js';
import { isAmbiguous, isModern, isObject, type Message } from './message.js';

type Kind = 'prompts' | 'resources';

const KINDS: readonly Kind[] = ['prompts', 'resources'];

/** What is answered with an empty list of this name: clients ask for it because of what the server says that it can do. */
const LISTS = new Map([
	['prompts/list', 'prompts'],
	['resources/list', 'resources'],
	['resources/templates/list', 'resourceTemplates'],
]);

const COMPLETE = 'completion/complete';

/** What a completion is about, by the type of its `ref`. */
const REFERENCES = new Map<unknown, Kind>([
	['ref/prompt', 'prompts'],
	['ref/resource', 'resources'],
]);

const LISTEN = 'subscriptions/listen';

/** How the notifications begin that a client can subscribe to: `promptsListChanged`, `resourceSubscriptions`. */
const NOTIFICATIONS = { prompts: 'prompt', resources: 'resource' };

/** What is answered in the server's place: the result, or without one the error `METHOD_NOT_FOUND`. */
export interface Instead {
	readonly result?: { readonly [name: string]: unknown };
	readonly message: string;
	/** What a decision says to the host. */
	readonly why: string;
}

/** What a host has turned off. */
export class Closed {
	readonly #kinds: readonly Kind[];

	private constructor(kinds: readonly Kind[]) {
		this.#kinds = kinds;
	}

	/** What these settings turn off: undefined if nothing. Throws TypeError for other values. */
	static of({ prompts = 'pass', resources = 'pass' }: { readonly prompts?: unknown; readonly resources?: unknown }): Closed | undefined {
		const settings = { prompts, resources };
		for (const [name, value] of Object.entries(settings)) {
			if (value !== 'deny' && value !== 'pass') throw new TypeError(`\`${name}\` is \`${String(value)}\`: use \`deny\` or \`pass\``);
		}
		const kinds = KINDS.filter((kind) => settings[kind] === 'deny');
		return kinds.length > 0 ? new Closed(kinds) : undefined;
	}

	/** What becomes of a message: what goes on, or what is answered in the server's place. Denials are recorded. */
	read(message: unknown, judge: Judge<never>): { readonly message: unknown } | { readonly instead: Instead } {
		if (!isObject(message) || typeof message['method'] !== 'string') return { message };
		const { method } = message;
		const params = hasParts(method) ? copied(message['params']) : message['params'];
		const instead = this.instead(method, params);
		if (instead !== undefined && !passes(instead, judge)) return { instead };
		return { message: judge.observes ? message : this.#narrowed(hasParts(method) ? { ...message, params } : message) };
	}

	/** What is answered in the server's place, if a message is about what is turned off. */
	instead(method: string, params?: unknown): Instead | undefined {
		const kind = this.#kind(method, params);
		if (kind === undefined || !this.#kinds.includes(kind)) return undefined;
		const name = LISTS.get(method);
		return {
			...(name !== undefined && {
				result: { [name]: [], ...(isModern(params) && { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }) },
			}),
			message: `${method} is not allowed: this server's guard denies ${kind}`,
			why: `${kind} are denied`,
		};
	}

	/** A server's capabilities, without notifications about what is turned off: entries that serve subscriptions ask for them. */
	capabilities(all: { readonly [name: string]: object }): { readonly [name: string]: object } {
		const left = { ...all };
		for (const kind of this.#kinds) {
			const { listChanged, subscribe, ...rest } = (all[kind] ?? {}) as Message;
			if (all[kind] !== undefined) left[kind] = rest;
		}
		return left;
	}

	/** What a message is about, if not something else. What cannot be read is about what is turned off. */
	#kind(method: string, params: unknown): Kind | undefined {
		const parts = isObject(params) ? params : {};
		const unread = this.#kinds[0];
		if (method === LISTEN && isObject(parts['notifications']) && !isAmbiguous(parts, ['notifications'])) return undefined;
		if (method === COMPLETE) {
			const { ref } = parts;
			if (!isObject(ref) || isAmbiguous(parts, ['ref']) || isAmbiguous(ref, ['type'])) return unread;
			return REFERENCES.get(ref['type']) ?? unread;
		}
		if (hasParts(method)) return unread;
		return KINDS.find((kind) => folded(method).startsWith(`${kind}/`));
	}

	/** A subscription asks for nothing that is turned off. */
	#narrowed(message: Message): Message {
		if (message['method'] !== LISTEN) return message;
		const params = message['params'] as Message;
		const isOff = (key: string): boolean => this.#kinds.some((kind) => folded(key).startsWith(NOTIFICATIONS[kind]));
		const asked = Object.entries(params['notifications'] as Message).filter(([key]) => !isOff(key));
		return { ...message, params: { ...params, notifications: Object.fromEntries(asked) } };
	}
}

/** Whether the server is asked all the same: where a guard only observes. */
export function passes({ result, why }: Instead, judge: Judge<never>): boolean {
	return result === undefined ? judge.refuse('', why, why) === undefined : judge.observes;
}

/** Whether the parameters tell what a message is about. */
const hasParts = (method: string): boolean => [COMPLETE, LISTEN].some((other) => isReadAs(method, other));

/** A copy that nobody else has; undefined where there can be none. */
function copied(params: unknown): unknown {
	try {
		return copy(params);
	} catch {
		return undefined;
	}
}
