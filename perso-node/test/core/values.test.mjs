// What JavaScript's values mean to a policy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import { compiled } from '../support/policies.mjs';
import { RULES, values } from '../support/values.mjs';

const policy = await compiled(RULES);

values(test, assert, policy);

test('objects of another realm', () => {
	for (const text of ['({ amount: 5 })', 'new Map([["amount", 5]])', '({ get amount() { return 5 } })']) {
		const args = vm.runInNewContext(text);
		assert.equal(policy.decide({ tool: 'pay', args }).allowed, !text.includes('Map'), text);
	}
	assert.equal(policy.decide({ tool: 'list', args: vm.runInNewContext('({ l: [1, 2] })') }).allowed, true);
});
