// How policies read JavaScript values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import vm from 'node:vm';
import { compiled } from '../support/policies.mjs';
import { RULES, values } from '../support/values.mjs';

const policy = await compiled(RULES);

values(test, assert, policy);

test('keys that a caller makes up do not stay in memory', async () => {
	setFlagsFromString('--expose-gc');
	const collect = vm.runInNewContext('gc');
	const used = async () => {
		await setImmediate();
		collect();
		return process.memoryUsage().heapUsed;
	};
	const begin = await used();
	for (let number = 0; number < 20; number += 1) {
		const args = JSON.parse(`{"amount": 5, "${'k'.repeat(1 << 21)}${number}": 1}`);
		assert.equal(policy.decide({ tool: 'pay', args }).allowed, true);
	}
	// One garbage collection does not free everything.
	let grown = Infinity;
	for (let time = 0; time < 10 && grown > 20 << 20; time += 1) grown = (await used()) - begin;
	assert.ok(grown <= 20 << 20, `${grown}`);
});

test('objects of another realm', () => {
	for (const text of ['({ amount: 5 })', 'new Map([["amount", 5]])', '({ get amount() { return 5 } })']) {
		const args = vm.runInNewContext(text);
		assert.equal(policy.decide({ tool: 'pay', args }).allowed, !text.includes('Map'), text);
	}
	assert.equal(policy.decide({ tool: 'list', args: vm.runInNewContext('({ l: [1, 2] })') }).allowed, true);
});
