// Judges a case of the corpus as text and as JavaScript values. Runs in Node and in browsers.

import { Json } from 'perso';

const PARTS = ['args', 'agent', 'resource', 'context', 'session'];

/** A decision in the format of the cases. */
export function shown({ decision, rule, hint, cause: { detail, offset, ...cause } }) {
	return { decision, rule, cause, hint };
}

/** The text; undefined if it is not UTF-8. */
export function textOf(bytes) {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		return undefined;
	}
}

/** The call as a JavaScript value; undefined if no value has the same meaning as the text. */
export function valueOf(bytes) {
	const text = textOf(bytes);
	if (text === undefined) return undefined;
	let exact = true;
	let value;
	try {
		value = JSON.parse(text, (_, found) => {
			// JavaScript rounds this number. If it is an integer, a bigint has it exactly.
			if (typeof found === 'number' && !Number.isSafeInteger(found)) exact = false;
			return found;
		});
	} catch {
		return undefined;
	}
	if (!exact || typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
	// Values lose duplicate keys and the notation of numbers. A lone surrogate, which is always an error in text, is only an
	// error in a value that is read.
	const again = JSON.stringify(value);
	const same = again === text || (text.length < 100_000 && again === withoutSpaces(text));
	// Values in other runners are not nested that deep either.
	return same && !/\\ud[89a-f]/.test(again) && depth(value) < 128 ? value : undefined;
}

function depth(value) {
	let levels = 0;
	for (let level = [value]; level.length > 0; levels += 1) {
		level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
	}
	return levels;
}

/** The text without spaces between tokens. */
const withoutSpaces = (text) => text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string) => string ?? '');

/** Whether to judge the case's call as a value too. */
export function check(assert, policy, { name, bytes, states, expected, asValue }) {
	const same = (decision, expected, what) => {
		const { hint, ...record } = shown(decision);
		assert.deepEqual('hint' in expected ? { ...record, hint } : record, expected, what);
		assert.equal(decision.allowed, expected.decision === 'allow', what);
	};
	const { open, withheld } = states;
	const call = valueOf(bytes);
	const { resource, ...rest } = call ?? {};
	if (open.length + withheld.length > 0) {
		// The partial calls that the API has methods for.
		if (call && withheld.join() === 'resource' && open.length === 0) {
			same(policy.read(rest).decideWithheld(), expected, name);
			return true;
		}
		if (call && open.join() === 'args,resource' && withheld.length === 0) {
			assert.equal(policy.couldAllow(call), expected.decision !== 'deny', name);
			return true;
		}
		return false;
	}
	same(policy.decideJson(bytes), expected, `${name}, as UTF-8`);
	const text = textOf(bytes);
	if (text !== undefined) same(policy.decideJson(text), expected, `${name}, as a string`);
	if (call === undefined) return false;
	same(policy.decide(call), asValue, `${name}, as a value`);
	// An unknown top-level key is refused at the latest when the resource is added. A call without a time gets the present.
	const hasTime = typeof call.context === 'object' && call.context !== null && 'now' in call.context;
	if (hasTime || !policy.readsTime) same(policy.read(rest).decide(resource), asValue, `${name}, the resource later`);
	// If only the whole call is too large, its parts are not.
	if (JSON.stringify(expected) === JSON.stringify(asValue)) {
		const parts = Object.entries(call).map(([key, part]) => [key, PARTS.includes(key) ? new Json(JSON.stringify(part)) : part]);
		same(policy.decide(Object.fromEntries(parts)), expected, `${name}, as parts of text`);
	}
	return true;
}
