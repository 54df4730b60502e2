/** Writes a call as the JSON text that the engine judges. */

import type { Manifest } from '../engine/manifest.js';
import { isPromise } from '../hook.js';
import { Json } from './json.js';
import { type Keys, type Part, PolicyReads, type Reads } from './reads.js';
import { MOST, TooLong, named, quote, write, type Room } from './write.js';

/** A call of a tool. Each part can also be a {@link Json}. */
export interface Call {
	/** The tool's name. */
	readonly tool: string;
	/** The arguments, from the model. */
	readonly args?: object | null | undefined;
	/** The caller's attributes. Take them from your own session, never from the model. */
	readonly agent?: object | null | undefined;
	/** The attributes of what the call is about. Take them from your own data. */
	readonly resource?: object | null | undefined;
	/**
	 * Other attributes of the call. If rules read `context.now`, set `now` to the time, as `new Date()` or a text in RFC 3339.
	 * Guards do this by themselves.
	 */
	readonly context?: object | null | undefined;
	/** What you remember of earlier calls of the same session: `id`, and `labels`, a list of strings. */
	readonly session?: object | null | undefined;
}

/** A call whose types are not checked. */
export type Loose = { readonly tool: unknown } & { readonly [part in Part]?: unknown };

/** Written in place of a {@link Json} that is not valid JSON, so that the engine denies the call. */
const NOT_JSON = '!';

/** Written in place of a call that is too long, so that the engine denies it. */
export const TOO_LONG = ' '.repeat(MOST + 1);

/** A call without its resource. */
export interface Begun {
	readonly text: string;
	readonly reads: Reads;
	/** Whether there are limits or labels that may read the resource. */
	readonly countsResource: boolean;
}

/** Writes calls for one policy. Of each part, only what the policy reads is written. */
export class CallWriter {
	readonly #reads: PolicyReads;

	constructor(manifest: Manifest) {
		this.#reads = new PolicyReads(manifest);
	}

	/** Whether some rule reads the time, `context.now`. */
	get readsTime(): boolean {
		return this.#reads.time;
	}

	/** Whether some rule or limit reads what a session has seen. */
	get readsLabels(): boolean {
		return this.#reads.labels;
	}

	/** Writes a whole call. Throws if reading it throws. */
	call(call: Loose): string {
		const { tool } = call;
		return bounded(() => written(call, tool, this.#reads.of(tool)));
	}

	/**
	 * Writes a call without its resource, which `withResource` adds. With `now`, the call has a key `context`, and `now` is
	 * written into it if it has none. Throws if reading the call throws.
	 */
	withoutResource(call: Loose, now?: string): Begun {
		const { tool } = call;
		const reads = this.#reads.of(tool);
		const text = bounded(() => written(call, tool, reads, now));
		return { text, reads, countsResource: this.#reads.countsResource };
	}
}

/** Adds the resource to a call. Throws if reading the resource throws. */
export function withResource({ text, reads }: Begun, resource: unknown): string {
	return bounded(() => {
		const of = part(resource, reads.resource, { left: MOST - text.length });
		return of === undefined ? text : `${text.slice(0, -1)},"resource":${of}}`;
	});
}

/** The keys of a call as JSON, with their colons. */
const PREFIX: { readonly [key: string]: string } = {
	// Inherit nothing, so that `constructor` and the like are not found.
	__proto__: null as never,
	tool: '"tool":',
	args: '"args":',
	agent: '"agent":',
	resource: '"resource":',
	context: '"context":',
	session: '"session":',
};

/** Writes a call. `called` is its tool, which must be read only once. */
function written(call: Loose, called: unknown, reads: Reads, now?: string): string {
	const room = { left: MOST };
	// Rules for this tool read the time.
	const isTimed = now !== undefined && reads.context.read('now') !== null;
	let text = '{';
	for (const key of Object.keys(call)) {
		let member: string | undefined;
		switch (key) {
			case 'tool':
				member = tool(called, room);
				break;
			case 'args':
			case 'agent':
			case 'resource':
			case 'context':
			case 'session':
				member = part(call[key], reads[key], room);
				if (isTimed && key === 'context') member = timed(member, now, room);
				break;
			default:
				// An unknown key: the engine denies the call.
				member = 'null';
		}
		if (member !== undefined) text += `${text === '{' ? '' : ','}${PREFIX[key] ?? `${quote(key)}:`}${member}`;
	}
	return `${text}}`;
}

function bounded(text: () => string): string {
	try {
		return text();
	} catch (error) {
		if (error instanceof TooLong) return TOO_LONG;
		throw error;
	}
}

function tool(value: unknown, room: Room): string | undefined {
	return typeof value === 'string' || value === undefined ? write(value, room) : 'null';
}

/** Writes a part of a call. Of an object, only what the policy reads; the engine denies parts that are not objects. */
function part(value: unknown, keys: Keys, room: Room): string | undefined {
	if (typeof value !== 'object' || value === null) return value === undefined ? undefined : (write(value, room) ?? 'false');
	if (value instanceof Json) return json(value.text, room);
	if (isPromise(value)) throw new TypeError('a promise cannot be judged: await it first');
	const { toJSON } = value as { toJSON?: unknown };
	const stands: unknown = typeof toJSON === 'function' ? toJSON.call(value, '') : value;
	if (typeof stands !== 'object' || stands === null || Array.isArray(stands) || stands instanceof Set) {
		return write(stands, room) ?? 'false';
	}
	// The policy reads nothing of this part, so leave it out.
	if (keys.none) return undefined;
	room.whole = keys.all;
	return members(stands instanceof Map ? named(stands) : (stands as Record<string, unknown>), keys, room);
}

function members(object: Readonly<Record<string, unknown>>, keys: Keys, room: Room): string {
	let text = '{';
	for (const key of Object.keys(object)) {
		const name = keys.read(key);
		if (name === null) continue;
		const written = write(object[key], room, 1, key);
		if (written !== undefined) text += `${text === '{' ? '' : ','}${name}${written}`;
	}
	return `${text}}`;
}

/** Adds the time to a context, as JSON, unless the context has a `now` or is not an object. */
function timed(context: string | undefined, now: string, room: Room): string | undefined {
	let members: unknown;
	try {
		members = JSON.parse(context ?? 'null');
	} catch {
		return context;
	}
	if (members === null) return `{"now":${write(now, room)!}}`;
	if (typeof members !== 'object' || Array.isArray(members) || Object.hasOwn(members, 'now')) return context;
	const rest = context!.slice(context!.indexOf('{') + 1);
	return `{"now":${write(now, room)!}${Object.keys(members).length === 0 ? '' : ','}${rest}`;
}

/** Returns JSON text unchanged, after checking that it is a single value. */
function json(text: string, room: Room): string {
	// A lone surrogate would be replaced when the text is encoded.
	if (typeof text !== 'string' || !text.isWellFormed()) return NOT_JSON;
	room.left -= text.length;
	if (room.left < 0) throw new TooLong();
	try {
		JSON.parse(text);
	} catch {
		return NOT_JSON;
	}
	return text;
}
