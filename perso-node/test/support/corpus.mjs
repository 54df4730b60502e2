// The corpus under `policies/`: calls as data, and what they must get. `policies/README.md` tells the form.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Policy } from 'perso';
import { isPortable, moduleOf } from './policies.mjs';

const POLICIES = fileURLToPath(new URL('../../../policies/', import.meta.url));
const named = (folder, end) => readdirSync(join(POLICIES, folder)).filter((name) => name.endsWith(end)).sort();
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

const PARTS = ['args', 'agent', 'resource', 'context'];

/** The files of conformance cases, ready policies' tests among them. */
export const CONFORMANCE = [
	...named('conformance', '.json').map((name) => join('conformance', name)),
	...named('.', '.tests.json'),
];

/** The files of hostile inputs that have cases. */
export const HOSTILE = named('hostile', '.json')
	.map((name) => join('hostile', name))
	.filter((file) => read(join(POLICIES, file)).cases?.length > 0);

/** A file's policy and cases. */
export async function cases(file) {
	const { policy, cases } = read(join(POLICIES, file));
	const text = typeof policy === 'string' ? readFileSync(join(POLICIES, file, '..', policy), 'utf8') : JSON.stringify(policy);
	return {
		policy: isPortable ? await Policy.load(moduleOf(text)) : Policy.compile(text),
		cases: cases.map((found) => ({
			name: found.name,
			bytes: bytesOf(found),
			states: { open: found.open ?? [], withheld: found.withheld ?? [] },
			expected: answer(found),
			asValue: answer(found.as_value ?? found),
		})),
	};
}

const answer = ({ decision, rule, cause }) => ({ decision, rule, cause });

/** A decision as cases have it. */
export function shown({ decision, rule, cause: { detail, offset, ...cause } }) {
	return { decision, rule, cause };
}

function bytesOf(found) {
	if (found.build) return Buffer.concat(found.build.map(piece));
	return Buffer.from(found.raw ?? JSON.stringify(found.call));
}

function piece(form) {
	if (typeof form === 'string') return Buffer.from(form);
	if (form.hex !== undefined) return Buffer.from(form.hex, 'hex');
	const { repeat, times, between = '' } = form;
	if (!repeat.includes('#')) return Buffer.from((repeat + between).repeat(times - 1) + repeat);
	return Buffer.from(Array.from({ length: times }, (_, n) => repeat.replaceAll('#', `${n}`)).join(between));
}

/** The text, where it is UTF-8. */
export function textOf(bytes) {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		return undefined;
	}
}

/** The call as a value of JavaScript's; undefined where no value says what the text does. */
export function valueOf(bytes) {
	const text = textOf(bytes);
	if (text === undefined) return undefined;
	let exact = true;
	let value;
	try {
		value = JSON.parse(text, (_, found) => {
			// Numbers that JavaScript rounds. A bigint has the whole ones exactly.
			if (typeof found === 'number' && !Number.isSafeInteger(found)) exact = false;
			return found;
		});
	} catch {
		return undefined;
	}
	if (!exact || typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
	// Keys that stand twice are lost, and a number is written in one way only. Half a surrogate pair, which no text may
	// have, is no matter where it is not read.
	const again = JSON.stringify(value);
	const same = again === text || (text.length < 100_000 && again === withoutSpaces(text));
	return same && !/\\ud[89a-f]/.test(again) ? value : undefined;
}

/** The text without spaces between tokens. */
const withoutSpaces = (text) => text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string) => string ?? '');

export { PARTS };
