/** From a call, as the host has it, to the text that is judged. */

import type { Manifest } from '../engine/manifest.js';
import { isPromise } from '../hook.js';
import { Json } from './json.js';
import { type Keys, type Part, PolicyReads, type Reads } from './reads.js';
import { MOST, TooLong, named, quote, write, type Room } from './write.js';

/** A call to a tool, as a host knows it. */
export interface Call {
	readonly tool: string;
	/** What the tool is called with: from the model. */
	readonly args?: object | null | undefined;
	/** Who calls: from the host's own session. */
	readonly agent?: object | null | undefined;
	/** What the call is about, as the host knows it. */
	readonly resource?: object | null | undefined;
	/** Everything else that the host knows. */
	readonly context?: object | null | undefined;
}

/** A call as a guard has it: its types are not known. */
export type Loose = { readonly tool: unknown } & { readonly [part in Part]?: unknown };

/** Text that is no call, for what is no JSON. */
const NOT_JSON = '!';

/** The text of a call that is longer than any that is judged. */
export const TOO_LONG = ' '.repeat(MOST + 1);

/** A call that is still without its resource. */
export interface Begun {
	readonly text: string;
	readonly reads: Reads;
}

/** Writes calls for one policy: of each part just what the policy reads. */
export class CallWriter {
	readonly #reads: PolicyReads;

	constructor(manifest: Manifest) {
		this.#reads = new PolicyReads(manifest);
	}

	/** A whole call. Throws where reading it throws. */
	call(call: Loose): string {
		const { tool } = call;
		return bounded(() => written(call, tool, this.#reads.of(tool)));
	}

	/** A call to which a resource is still to be added. Throws where reading it throws. */
	withoutResource(call: Loose): Begun {
		const { tool } = call;
		const reads = this.#reads.of(tool);
		return { text: bounded(() => written(call, tool, reads)), reads };
	}
}

/** A call with its resource. Throws where reading that throws. */
export function withResource({ text, reads }: Begun, resource: unknown): string {
	return bounded(() => {
		const of = part(resource, reads.resource, { left: MOST - text.length });
		return of === undefined ? text : `${text.slice(0, -1)},"resource":${of}}`;
	});
}

/** The keys of a call as JSON. */
const PREFIX: { readonly [key: string]: string } = {
	// Nothing is inherited.
	__proto__: null as never,
	tool: '"tool":',
	args: '"args":',
	agent: '"agent":',
	resource: '"resource":',
	context: '"context":',
};

/** A call's text; its tool is read already. */
function written(call: Loose, called: unknown, reads: Reads): string {
	const room = { left: MOST };
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
				member = part(call[key], reads[key], room);
				break;
			default:
				// The decoder says what is wrong with it.
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

/** A part of a call: of an object just what is read. What is no object, the decoder refuses. */
function part(value: unknown, keys: Keys, room: Room): string | undefined {
	if (typeof value !== 'object' || value === null) return value === undefined ? undefined : (write(value, room) ?? 'false');
	if (value instanceof Json) return json(value.text, room);
	if (isPromise(value)) throw new TypeError('a promise has to be awaited before it can be judged');
	const { toJSON } = value as { toJSON?: unknown };
	const stands: unknown = typeof toJSON === 'function' ? toJSON.call(value, '') : value;
	if (typeof stands !== 'object' || stands === null || Array.isArray(stands) || stands instanceof Set) {
		return write(stands, room) ?? 'false';
	}
	// Nothing of it is read: it may as well not be there.
	if (keys.none) return undefined;
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

/** JSON text stands as it is, once it is known to be one value. */
function json(text: string, room: Room): string {
	// Half a surrogate pair must not turn into another character on its way.
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
