// The corpus that every runner walks: as text, and as JavaScript's values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Json } from 'perso';
import { CONFORMANCE, HOSTILE, PARTS, cases, shown, textOf, valueOf } from '../support/corpus.mjs';

let [all, asValues] = [0, 0];

for (const file of [...CONFORMANCE, ...HOSTILE]) {
	test(file, async () => {
		const { policy, cases: found } = await cases(file);
		assert.ok(found.length > 0);
		for (const { name, bytes, states, expected, asValue } of found) {
			all += 1;
			const [open, withheld] = [states.open, states.withheld];
			if (open.length + withheld.length > 0) {
				// What of this a host can ask for by name.
				const call = valueOf(bytes);
				const { resource, ...rest } = call ?? {};
				if (call && withheld.join() === 'resource' && open.length === 0) {
					asValues += 1;
					assert.deepEqual(shown(policy.read(rest).decideWithheld()), expected, name);
				}
				if (call && open.toString() === 'args,resource' && withheld.length === 0) {
					asValues += 1;
					assert.equal(policy.couldAllow(call), expected.decision === 'allow', name);
				}
				continue;
			}
			assert.deepEqual(shown(policy.decideJson(bytes)), expected, `${name}, as UTF-8`);
			const text = textOf(bytes);
			if (text !== undefined) assert.deepEqual(shown(policy.decideJson(text)), expected, `${name}, as a string`);
			const call = valueOf(bytes);
			if (call === undefined) continue;
			asValues += 1;
			assert.deepEqual(shown(policy.decide(call)), asValue, `${name}, as a value`);
			const { resource, ...rest } = call;
			if (Object.hasOwn(call, 'resource') || rest === call) {
				assert.deepEqual(shown(policy.read(rest).decide(resource)), asValue, `${name}, the resource later`);
			}
			const parts = Object.fromEntries(
				Object.entries(call).map(([key, part]) => [key, PARTS.includes(key) ? new Json(JSON.stringify(part)) : part]),
			);
			// Where only the whole is too large, its parts are not.
			if (JSON.stringify(expected) === JSON.stringify(asValue)) {
				assert.deepEqual(shown(policy.decide(parts)), expected, `${name}, as parts of text`);
			}
		}
	});
}

test('most cases are judged as values', () => {
	assert.ok(all > 800, `${all}`);
	assert.ok(asValues > 0.8 * all, `${asValues} of ${all}`);
});
