/**
 * Copies a call's arguments. Each property is read once; the policy judges the copy and the tool runs with the copy, so
 * that nothing can change in between. Plain objects, arrays, `Map`, `Set`, `Date` and primitives can be copied. Other
 * objects are refused, because they may have state that a copy would lose.
 */

import { Json } from './json.js';

/** The maximum depth of nesting. */
const DEPTH = 512;

/** The maximum number of values. */
const VALUES = 1 << 20;

/** Copies a value. Throws if something in it cannot be copied, or reading it throws. */
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
	if (typeof key !== 'string') throw new TypeError(`\`${path}\` has a key that is not a string, which cannot be judged`);
	return key;
}

/** Whether this is the `Object.prototype` of another realm, such as a test runner's or one of `node:vm`. */
function isForeignPlain(prototype: unknown): boolean {
	return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}
