/**
 * Writes a value as JSON text, in one pass that reads each property once. The text is that of `JSON.stringify` (ECMA-262,
 * 25.5.2), except that a bigint is written with all its digits, `NaN` and infinities as numbers out of range, a `Map` as an
 * object, and a `Set` as an array.
 */

/** The maximum length of a call's text, in UTF-16 code units. The engine's limit is as many bytes. */
export const MOST = 1 << 20;

/** The depth below which values are written as `null`. Policies cannot read them, because a call's text has a depth limit. */
const DEPTH = 61;

/** Written in place of what is deeper, if the policy looks at every string: the engine denies the call for its depth. */
const TOO_DEEP = '[[[[]]]]';

/** Larger bigints are written as out of range, because policies cannot compare them exactly. */
const BIGGEST = 10n ** 6200n;

/** Thrown if a call is longer than `MOST`. */
export class TooLong extends Error {}

/** The remaining length for a call's text. */
export interface Room {
	left: number;
	/** Whether nothing may be left out, because the policy looks at every string. */
	whole?: boolean;
}

const PLAIN = /^[ !#-[\]-~]*$/;

/** A string as JSON. A lone surrogate is escaped, and the engine denies the call because of it. */
export function quote(text: string): string {
	return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A value as JSON; undefined for what `JSON.stringify` leaves out. */
export function write(value: unknown, room: Room, depth = 0, key = ''): string | undefined {
	switch (typeof value) {
		case 'string':
			if (value.length > room.left) throw new TooLong();
			return take(room, quote(value));
		case 'number':
			return take(room, number(value));
		case 'boolean':
			return take(room, value ? 'true' : 'false');
		case 'bigint':
			return take(room, value > BIGGEST || value < -BIGGEST ? number(value > 0n ? Infinity : -Infinity) : value.toString());
		case 'object':
			return value === null ? take(room, 'null') : object(value, room, depth, key);
		default:
			return undefined;
	}
}

function take(room: Room, text: string): string {
	spend(room, text.length + 1);
	return text;
}

/** The length of an empty array or object. Counted, so that very many of them exceed the limit. */
const BRACKETS = 2;

function spend(room: Room, length: number): void {
	room.left -= length;
	if (room.left < 0) throw new TooLong();
}

const number = (value: number): string => (Number.isFinite(value) ? `${value}` : value < 0 ? '-1e9999' : '1e9999');

function object(value: object, room: Room, depth: number, key: string): string | undefined {
	if (depth >= DEPTH) return take(room, room.whole ? TOO_DEEP : 'null');
	if (Array.isArray(value)) return list(value, room, depth);
	const { toJSON } = value as { toJSON?: unknown };
	if (typeof toJSON === 'function') {
		const stands: unknown = toJSON.call(value, key);
		return typeof stands === 'object' && stands !== null ? own(stands, room, depth) : write(stands, room, depth);
	}
	return own(value, room, depth);
}

/** Writes an object whose `toJSON`, if any, has been called. */
function own(value: object, room: Room, depth: number): string {
	if (Array.isArray(value)) return list(value, room, depth);
	if (value instanceof Set) return list([...Set.prototype.values.call(value)], room, depth);
	if (value instanceof Map) return members(named(value), room, depth);
	return members(value as Record<string, unknown>, room, depth);
}

/** A map as an object. Keys that are not strings are left out: policies cannot read them. */
export function named(map: ReadonlyMap<unknown, unknown>): Record<string, unknown> {
	const object: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
	Map.prototype.forEach.call(map, (value, key) => {
		if (typeof key === 'string') object[key] = value;
	});
	return object;
}

function members(object: Readonly<Record<string, unknown>>, room: Room, depth: number): string {
	spend(room, BRACKETS);
	let text = '{';
	for (const key of Object.keys(object)) {
		const written = write(object[key], room, depth + 1, key);
		if (written === undefined) continue;
		text += `${text === '{' ? '' : ','}${take(room, quote(key))}:${written}`;
	}
	return `${text}}`;
}

function list(values: readonly unknown[], room: Room, depth: number): string {
	spend(room, BRACKETS);
	const { length } = values;
	if (length > room.left) throw new TooLong();
	let text = '[';
	for (let at = 0; at < length; at += 1) {
		text += `${at === 0 ? '' : ','}${write(values[at], room, depth + 1, `${at}`) ?? take(room, 'null')}`;
	}
	return `${text}]`;
}
