// Reads the corpus under `policies/`: calls and their expected decisions. `policies/README.md` documents the format.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Policy } from 'perso';
import { isPortable, moduleOf } from './policies.mjs';

const POLICIES = fileURLToPath(new URL('../../../policies/', import.meta.url));
const named = (folder, end) =>
	readdirSync(join(POLICIES, folder))
		.filter((name) => name.endsWith(end))
		.sort();
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The files of conformance cases, including the tests of the ready-made policies. */
export const CONFORMANCE = [...named('conformance', '.json').map((name) => join('conformance', name)), ...named('.', '.tests.json')];

/** The files of hostile inputs with cases. */
export const HOSTILE = named('hostile', '.json')
	.map((name) => join('hostile', name))
	.filter((file) => read(join(POLICIES, file)).cases?.length > 0);

/** The policy and cases of a file. */
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

/** The hint is part of the answer only if the case has one. */
const answer = ({ decision, rule, cause, hint }) => ({ decision, rule, cause, ...(hint !== undefined && { hint }) });

function bytesOf(found) {
	if (found.build) return Buffer.concat(found.build.map(piece));
	return Buffer.from(found.raw ?? JSON.stringify(found.call));
}

/** The bytes of a piece of `build`. */
export function piece(form) {
	if (typeof form === 'string') return Buffer.from(form);
	if (form.hex !== undefined) return Buffer.from(form.hex, 'hex');
	const { repeat, times, between = '' } = form;
	if (!repeat.includes('#')) return Buffer.from((repeat + between).repeat(times - 1) + repeat);
	return Buffer.from(Array.from({ length: times }, (_, n) => repeat.replaceAll('#', `${n}`)).join(between));
}
