// Reads the messages under `policies/messages/` and their expected outcomes. `policies/README.md` documents the format.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { piece } from './corpus.mjs';

const FOLDER = fileURLToPath(new URL('../../../policies/messages/', import.meta.url));

/** The policy of files that name no other. */
export const PAY = 'pay.json';

/** The text of a policy for messages. */
export const policyOf = (name) => readFileSync(join(FOLDER, 'policies', name), 'utf8');

/** All messages, with the outcome that this runner expects. */
export function messages(runner) {
	const texts = readdirSync(FOLDER)
		.filter((name) => name.endsWith('.json'))
		.map((name) => [name.replace('.json', ''), readFileSync(join(FOLDER, name), 'utf8')]);
	const found = texts.flatMap(([file, text]) => {
		const { policy = PAY, cases } = JSON.parse(text);
		return cases.map((one) => ({
			...one,
			name: `${file}: ${one.name}`,
			bytes: one.build === undefined ? Buffer.from(one.raw) : Buffer.concat(one.build.map(piece)),
			settings: one.settings ?? {},
			policy,
			expected: Object.entries(one.except ?? {}).find(([names]) => names.split(' ').includes(runner))?.[1] ?? one,
		}));
	});
	const lines = texts.flatMap(([, text]) => text.split('\n')).filter((line) => line.trim().startsWith('{"name"'));
	assert.ok(lines.length > 0 && found.length === lines.length, `${found.length} cases were read, but there are ${lines.length}`);
	return found;
}
