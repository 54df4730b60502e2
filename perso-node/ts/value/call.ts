/** From a call, as the host has it, to the text that is judged. */

import { Json } from './json.js';
import { Keys, type Part, reads } from './reads.js';
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

/** Writes calls for one policy: of each part just what the policy reads. */
export class CallWriter {
	readonly #reads: Readonly<Record<Part, Keys>>;

	constructor(attributes: readonly string[]) {
		this.#reads = reads(attributes);
	}

	/** A whole call. Throws where reading it throws. */
	call(call: Loose): string {
		return this.#text(call);
	}

	/** A call to which a resource is still to be added, with `withResource`. */
	withoutResource(call: Loose): string {
		return this.#text(call).slice(0, -1);
	}

	/** A call of `withoutResource` with its resource. */
	withResource(text: string, resource: unknown): string {
		const room = { left: MOST - text.length };
		const written = bounded(() => part(resource, this.#reads.resource, room));
		return written === undefined ? `${text}}` : written === TOO_LONG ? written : `${text},"resource":${written}}`;
	}

	#text(call: Loose): string {
		return bounded(() => {
			const room = { left: MOST };
			let text = '';
			for (const key of Object.keys(call)) {
				const value = call[key as Part];
				const keys = this.#reads[key as Part];
				let written: string | undefined;
				if (keys instanceof Keys) written = part(value, keys, room);
				else if (key === 'tool') written = tool(value, room);
				// The decoder says what is wrong with it.
				else written = 'null';
				if (written !== undefined) text += `${text === '' ? '{' : ','}${quote(key)}:${written}`;
			}
			return text === '' ? '{}' : `${text}}`;
		})!;
	}
}

function bounded(text: () => string | undefined): string | undefined {
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
	const { toJSON } = value as { toJSON?: unknown };
	const stands: unknown = typeof toJSON === 'function' ? toJSON.call(value, '') : value;
	if (typeof stands !== 'object' || stands === null || Array.isArray(stands) || stands instanceof Set) {
		return write(stands, room) ?? 'false';
	}
	return members(stands instanceof Map ? named(stands) : (stands as Record<string, unknown>), keys, room);
}

function members(object: Readonly<Record<string, unknown>>, keys: Keys, room: Room): string {
	if (keys.none) return '{}';
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
	room.left -= text.length;
	if (room.left < 0) throw new TooLong();
	try {
		JSON.parse(text);
	} catch {
		return NOT_JSON;
	}
	return text;
}
