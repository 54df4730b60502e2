// The corpus that all runners share, as text and as JavaScript values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../support/check.mjs';
import { CONFORMANCE, HOSTILE, cases } from '../support/corpus.mjs';

let [all, asValues] = [0, 0];

for (const file of [...CONFORMANCE, ...HOSTILE]) {
	test(file, async () => {
		const { policy, cases: found } = await cases(file);
		assert.ok(found.length > 0);
		for (const each of found) {
			all += 1;
			if (check(assert, policy, each)) asValues += 1;
		}
	});
}

test('most cases are judged as values', () => {
	assert.ok(all > 800, `${all}`);
	assert.ok(asValues > 0.8 * all, `${asValues} of ${all}`);
});
