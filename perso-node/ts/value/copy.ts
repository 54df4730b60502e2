/**
 * A copy of a call's arguments that nobody else has: each property is read once, and what is judged is the copy, and what
 * runs is the copy. Plain objects, lists, `Map`, `Set`, `Date` and what is no object are copied; of anything else no copy
 * can be told to be like it, so that it is refused.
 */

import { Json } from './json.js';

/** Deeper than any call that is judged. */
const DEPTH = 512;

/** More values than any call that is judged. */
const VALUES = 1 << 20;

/** Copies a value. Throws where something in it can't be copied, or reading it throws. */
export function copy(value: unknown): unknown {
	return copied(value, 'args', 0, { values: VALUES });
}

function copied(value: unknown, path: string, depth: number, left: { values: number }): unknown {
	if (typeof value === 'function' || typeof value === 'symbol') {
		throw new TypeError(`\`${path}\` is a ${typeof value}, which cannot be judged`);
	}
	if (typeof value !== 'object' || value === null) return value;
	if (depth > DEPTH) throw new TypeError(`\`${path}\` is nested more than ${DEPTH} levels deep`);
	const below = (value: unknown, path: string): unknown => {
		left.values -= 1;
		if (left.values < 0) throw new TypeError(`there are more than ${VALUES} values`);
		return copied(value, path, depth + 1, left);
	};
	if (Array.isArray(value)) {
		const { length } = value;
		if (length > VALUES) throw new TypeError(`\`${path}\` has more than ${VALUES} elements`);
		return Array.from({ length }, (_, at) => below(value[at], `${path}[${at}]`));
	}
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype === null || prototype === Object.prototype || isForeignPlain(prototype)) {
		const plain: Record<string, unknown> = {};
		for (const key of Object.keys(value)) {
			const found = below((value as Record<string, unknown>)[key], `${path}.${key}`);
			if (key === '__proto__')
				Object.defineProperty(plain, key, { value: found, enumerable: true, writable: true, configurable: true });
			else plain[key] = found;
		}
		return plain;
	}
	switch (prototype) {
		case Date.prototype:
			return new Date(Date.prototype.getTime.call(value));
		case Map.prototype:
			return new Map(
				Array.from(Map.prototype.entries.call(value), ([key, found]) => [name(key, path), below(found, `${path}.${key}`)]),
			);
		case Set.prototype:
			return new Set(Array.from(Set.prototype.values.call(value), (found, at) => below(found, `${path}[${at}]`)));
		case Json.prototype:
			return new Json((value as Json).text);
	}
	const { constructor } = value;
	throw new TypeError(`\`${path}\` is of the class \`${constructor?.name}\`, which cannot be judged: pass plain data`);
}

function name(key: unknown, path: string): string {
	if (typeof key !== 'string') throw new TypeError(`\`${path}\` has a key that is no string, which cannot be judged`);
	return key;
}

/** Whether it is the prototype of plain objects of another realm, as of a test runner's or a virtual machine's. */
function isForeignPlain(prototype: unknown): boolean {
	return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}
