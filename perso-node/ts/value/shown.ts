/** Writes what a person is shown of a call, who must see the arguments exactly as the tool gets them. */

import { Json } from './json.js';
import { MOST, write } from './write.js';

/** The depth from which `write` leaves values out. */
const DEPTH = 61;

/** The integers that the engine keeps exactly. */
const [LEAST_INTEGER, MOST_INTEGER] = [-(2n ** 63n), 2n ** 64n - 1n];

/** The arguments (the guard's copy), the caller and the session's id as JSON text. Throws if they cannot be shown exactly. */
export function shownText(args: unknown, agent: unknown, session: string | undefined): string {
	const values = args instanceof Json ? args.value() : args;
	check(values, 0);
	const room = { left: MOST };
	const part = (value: unknown): string => write(value, room) ?? 'null';
	const caller = agent instanceof Json ? agent.value() : agent;
	return `{"args":${part(values)},"agent":${part(caller ?? {})},"session":${part(session)}}`;
}

/** A value as JSON text. Throws if it cannot be shown exactly, or is longer than `most`. */
export function exactText(value: unknown, most = MOST): string {
	check(value, 0);
	return write(value, { left: most }) ?? 'null';
}

function check(value: unknown, depth: number): void {
	if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('the arguments have a number that is out of range');
	if (typeof value === 'bigint' && (value < LEAST_INTEGER || value > MOST_INTEGER)) {
		throw new TypeError('the arguments have a number that cannot be shown exactly');
	}
	if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('the arguments have text that is not well-formed');
	if (typeof value !== 'object' || value === null) return;
	if (depth >= DEPTH) throw new TypeError('the arguments are nested too deeply to be shown');
	const keys = value instanceof Map ? value.keys() : value instanceof Set ? [] : Object.keys(value);
	for (const key of keys) check(key, depth + 1);
	const below = value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
	for (const each of below) check(each, depth + 1);
}
