/**
 * From a value to JSON text, in one pass that reads each property once. The text is what `JSON.stringify` makes of the
 * value (ECMA-262, 25.5.2), but nothing is lost of a number: a bigint is written with all its digits, and what is no
 * number or infinite as a number out of range. A `Map` is an object and a `Set` a list.
 */

/** More than the text of a call may have: nothing longer need be written. */
export const MOST = 1 << 20;

/** No policy reads what lies deeper: the text of a call has no more levels, and what is in memory has no limit of its own. */
const DEPTH = 61;

/** No policy compares a bigint beyond this exactly. */
const BIGGEST = 10n ** 6200n;

/** A call that is too long, whatever else is in it. */
export class TooLong extends Error {}

/** The room that is left for a call's text. */
export interface Room {
	left: number;
}

const PLAIN = /^[ !#-[\]-~]*$/;

/** A string as JSON; half a surrogate pair is escaped, and the call refused for it. */
export function quote(text: string): string {
	return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A value as JSON; undefined where JSON has nothing for it. */
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

/** What an empty list takes too: one of very many is not for nothing. */
const BRACKETS = 2;

function spend(room: Room, length: number): void {
	room.left -= length;
	if (room.left < 0) throw new TooLong();
}

const number = (value: number): string => (Number.isFinite(value) ? `${value}` : value < 0 ? '-1e9999' : '1e9999');

function object(value: object, room: Room, depth: number, key: string): string | undefined {
	if (depth >= DEPTH) return take(room, 'null');
	if (Array.isArray(value)) return list(value, room, depth);
	const { toJSON } = value as { toJSON?: unknown };
	if (typeof toJSON === 'function') {
		const stands: unknown = toJSON.call(value, key);
		return typeof stands === 'object' && stands !== null ? own(stands, room, depth) : write(stands, room, depth);
	}
	return own(value, room, depth);
}

/** An object that stands for itself. */
function own(value: object, room: Room, depth: number): string {
	if (Array.isArray(value)) return list(value, room, depth);
	if (value instanceof Set) return list([...Set.prototype.values.call(value)], room, depth);
	if (value instanceof Map) return members(named(value), room, depth);
	return members(value as Record<string, unknown>, room, depth);
}

/** A map as an object: what is not named by a string, no policy reads. */
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
