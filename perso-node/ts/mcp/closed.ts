/** Turns prompts and resources off, if the host wants to. All knowledge of their methods is in this file. */

import type { Judge } from '../guard/judge.js';
import { copy } from '../value/copy.js';
import { folded, isReadAs } from './fold.js';
import { isAmbiguous, isModern, isObject, type Message } from './message.js';

export type Kind = 'prompts' | 'resources';

const KINDS: readonly Kind[] = ['prompts', 'resources'];

/**
 * The methods that are answered with an empty list, and the list's name. They are not errors, because clients send them
 * whenever the server's capabilities include prompts or resources.
 */
export const LISTS = new Map([
	['prompts/list', 'prompts'],
	['resources/list', 'resources'],
	['resources/templates/list', 'resourceTemplates'],
	['skills/list', 'skills'],
]);

/** The kind of a method, by its beginning. Skills are resources: clients read their files with `resources/read`. */
const PREFIXES: readonly (readonly [string, Kind])[] = [
	['prompts/', 'prompts'],
	['resources/', 'resources'],
	['skills/', 'resources'],
];

export const COMPLETE = 'completion/complete';

/** The kind of a completion, by the type of its `ref`. */
export const REFERENCES = new Map<unknown, Kind>([
	['ref/prompt', 'prompts'],
	['ref/resource', 'resources'],
]);

export const LISTEN = 'subscriptions/listen';

/** The prefixes of the notifications that a client can subscribe to: `promptsListChanged`, `resourceSubscriptions`. */
const NOTIFICATIONS = { prompts: 'prompt', resources: 'resource' };

/** The answer in place of the server's: the result, or the error `METHOD_NOT_FOUND` if there is none. */
export interface Instead {
	readonly result?: { readonly [name: string]: unknown };
	/** The message of the error. */
	readonly message: string;
	/** The detail of the decision that reports the denial to the host. */
	readonly why: string;
}

/** The kinds (prompts, resources) that a host has turned off. */
export class Closed {
	readonly #kinds: readonly Kind[];

	private constructor(kinds: readonly Kind[]) {
		this.#kinds = kinds;
	}

	/** Reads the options. Returns undefined if nothing is turned off. Throws TypeError for invalid values. */
	static of({ prompts = 'pass', resources = 'pass' }: { readonly prompts?: unknown; readonly resources?: unknown }): Closed | undefined {
		const settings = { prompts, resources };
		for (const [name, value] of Object.entries(settings)) {
			if (value !== 'deny' && value !== 'pass') throw new TypeError(`\`${name}\` is \`${String(value)}\`: use \`deny\` or \`pass\``);
		}
		const kinds = KINDS.filter((kind) => settings[kind] === 'deny');
		return kinds.length > 0 ? new Closed(kinds) : undefined;
	}

	/** Returns the message to pass on, or the answer in place of the server's. Reports denials. */
	read(message: unknown, judge: Judge<never>): { readonly message: unknown } | { readonly instead: Instead } {
		if (!isObject(message) || typeof message['method'] !== 'string') return { message };
		const { method } = message;
		const params = hasParts(method) ? copied(message['params']) : message['params'];
		const instead = this.instead(method, params);
		if (instead !== undefined && !passes(instead, judge)) return { instead };
		return { message: judge.observes ? message : this.#narrowed(hasParts(method) ? { ...message, params } : message) };
	}

	/** The answer in place of the server's, if the message is about a kind that is turned off. */
	instead(method: string, params?: unknown): Instead | undefined {
		const kind = kindOf(this.#kinds, method, params);
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

	/**
	 * A server's capabilities without subscriptions and change notifications for the kinds that are turned off. HTTP entries
	 * read the capabilities to decide which subscriptions they serve.
	 */
	capabilities(all: { readonly [name: string]: object }): { readonly [name: string]: object } {
		const left = { ...all };
		for (const kind of this.#kinds) {
			const { listChanged, subscribe, ...rest } = (all[kind] ?? {}) as Message;
			if (all[kind] !== undefined) left[kind] = rest;
		}
		return left;
	}

	/** Removes notifications about the kinds that are turned off from a subscription. */
	#narrowed(message: Message): Message {
		if (message['method'] !== LISTEN) return message;
		const params = message['params'] as Message;
		const isOff = (key: string): boolean => this.#kinds.some((kind) => folded(key).startsWith(NOTIFICATIONS[kind]));
		const asked = Object.entries(params['notifications'] as Message).filter(([key]) => !isOff(key));
		return { ...message, params: { ...params, notifications: Object.fromEntries(asked) } };
	}
}

/** The kind that a message is about, if any. An ambiguous message counts as being about the first of `kinds`. */
export function kindOf(kinds: readonly Kind[], method: string, params: unknown): Kind | undefined {
	const parts = isObject(params) ? params : {};
	const unread = kinds[0];
	if (method === LISTEN && isObject(parts['notifications']) && !isAmbiguous(parts, ['notifications'])) return undefined;
	if (method === COMPLETE) {
		const { ref } = parts;
		if (!isObject(ref) || isAmbiguous(parts, ['ref']) || isAmbiguous(ref, ['type'])) return unread;
		return REFERENCES.get(ref['type']) ?? unread;
	}
	if (hasParts(method)) return unread;
	return PREFIXES.find(([prefix]) => folded(method).startsWith(prefix))?.[1];
}

/** Whether the message goes on to the server anyway, because the guard only observes. */
export function passes({ result, why }: Instead, judge: Judge<never>): boolean {
	return result === undefined ? judge.refuse('', why, why) === undefined : judge.observes;
}

/** Whether the kind of a message depends on its parameters. */
const hasParts = (method: string): boolean => [COMPLETE, LISTEN].some((other) => isReadAs(method, other));

/** A private copy; undefined if the value cannot be copied. */
export function copied(params: unknown): unknown {
	try {
		return copy(params);
	} catch {
		return undefined;
	}
}
