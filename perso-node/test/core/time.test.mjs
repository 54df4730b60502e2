// The time of a call: `context.now`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Json } from 'perso';
import { Policy as Kit } from '../../host/perso.mjs';
import { Judge } from '../../dist/guard/judge.js';
import { compiled } from '../support/policies.mjs';
import { OLD, soon } from '../support/times.mjs';

const READS = await compiled({ rules: [{ allow: 'pay', when: { 'context.now': { starts_with: '20' } } }, { allow: 'look' }] });
const OLD_ONLY = await compiled({ rules: [{ allow: 'pay', when: { 'context.now': OLD, 'context.site': 'berlin' } }] });

/** Whether a guard with this context allows a call. */
const allows = async (policy, context, tool = 'pay') =>
	(await new Judge(policy, context === undefined ? {} : { context }).judge(tool, {}, {})).denied === undefined;

test('a policy says whether it reads the time', async () => {
	const conditions = [
		[true, { 'context.now': { exists: true } }],
		[true, { 'context["now"]': { length: 24 } }],
		[true, { 'args.at': { eq: { ref: 'context.now' } } }],
		[false, { 'context.nowhere': 1 }],
		[false, { 'args.now': 1, 'agent.now': 1, 'context.site.now': 1 }],
		[false, { 'args["context.now"]': 1, 'args["length of context.now"]': 1 }],
	];
	for (const [reads, when] of conditions) {
		const policy = await compiled({ rules: [{ allow: 'pay', when }] });
		assert.equal(policy.readsTime, reads, JSON.stringify(when));
		assert.equal((await Kit.load(policy.module)).readsTime, reads, JSON.stringify(when));
	}
});

test('a call of one’s own has the time that it says', () => {
	assert.equal(READS.decide({ tool: 'pay' }).allowed, false);
	assert.equal(READS.decide({ tool: 'pay', context: { now: new Date() } }).allowed, true);
	assert.equal(READS.decide({ tool: 'pay', context: { now: new Date().toISOString() } }).allowed, true);
	assert.equal(READS.decideJson('{"tool": "pay"}').allowed, false);
	assert.equal(READS.needsResource({ tool: 'pay' }), false);
});

test('every form of a context gets the time', async () => {
	class Site {
		site = 'berlin';
	}
	const contexts = [
		undefined,
		{},
		Object.create(null),
		{ site: 1, other: [1, { now: 5 }] },
		{ now: undefined },
		new Site(),
		new Map([['site', 1]]),
		new Map(),
		{ toJSON: () => ({ site: 1 }) },
		{ toJSON: () => null },
		new Json('{"site": 1}'),
		new Json(' \n{ } '),
		new Json('null'),
	];
	for (const [at, context] of contexts.entries()) {
		assert.equal(await allows(READS, context), true, `context ${at}`);
		// Rules for this tool do not read it.
		assert.equal(await allows(READS, context, 'look'), true, `context ${at}`);
	}
});

test('what the context is stands', async () => {
	const contexts = [
		{ now: null },
		{ now: 5 },
		{ now: '1999' },
		{ Now: new Date() },
		new Map([['now', 5]]),
		new Json('{"n\\u006fw": 5}'),
		new Json('{"now": 5, "now": "2026"}'),
		new Json('{'),
		new Json('[]'),
		[],
		{ toJSON: () => 5 },
		{
			get now() {
				throw new Error('no');
			},
		},
	];
	for (const [at, context] of contexts.entries()) assert.equal(await allows(READS, context), false, `context ${at}`);
	// What is on the prototype of all objects is not the host's.
	Object.prototype.now = OLD;
	Object.prototype.context = { now: OLD, site: 'berlin' };
	try {
		assert.equal(await allows(OLD_ONLY, { site: 'berlin' }), false);
		assert.equal(await allows(OLD_ONLY), false);
	} finally {
		delete Object.prototype.now;
		delete Object.prototype.context;
	}
	assert.equal(await allows(OLD_ONLY, { site: 'berlin', now: OLD }), true);
});

test('a list is made for any time, unless the host tells it', () => {
	const lists = (context) => OLD_ONLY.couldAllow({ tool: 'pay', context });
	assert.equal(lists({ site: 'berlin' }), true);
	assert.equal(lists({ site: 'paris' }), false);
	assert.equal(lists(undefined), false);
	assert.equal(lists({ site: 'berlin', now: OLD }), true);
	assert.equal(lists({ site: 'berlin', now: new Date() }), false);
	assert.equal(lists({ site: 'berlin', now: null }), false);
});

test('the kit leaves the time open as well', async () => {
	const kit = await Kit.load(OLD_ONLY.module);
	const lists = (context, open = ['args', 'resource', 'context.now']) =>
		kit.decide(JSON.stringify({ tool: 'pay', context }), { open }).decision !== 'deny';
	assert.equal(lists({ site: 'berlin' }), true);
	assert.equal(lists({ site: 'berlin' }, ['args', 'resource']), false);
	assert.equal(lists({ site: 'paris' }), false);
	assert.equal(lists({ site: 'berlin', now: '2021-01-01T00:00:00.000Z' }), false);
	assert.equal(kit.decide('{"tool": "pay"}', { withheld: ['context.now'] }).cause.kind, 'engine');
	assert.match(readFileSync(new URL('../../host/perso.d.mts', import.meta.url), 'utf8'), /'context\.now'/);
});

test('a call is judged at one moment', async () => {
	const begin = performance.now();
	const policy = await compiled({ rules: [{ allow: 'pay', when: { all: [soon(2), { 'resource.open': true }] } }] });
	const slow = async () => {
		await new Promise((resolve) => setTimeout(resolve, 2100));
		return { open: true };
	};
	const judge = new Judge(policy, { resource: slow });
	assert.equal((await judge.judge('pay', {}, {})).denied, undefined);
	assert.ok(performance.now() - begin > 2000);
	// The next call has a time of its own.
	assert.notEqual((await judge.judge('pay', {}, {})).denied, undefined);
});

test('a policy that does not read the time asks for none', async () => {
	const { Date: RealDate } = globalThis;
	let asked = 0;
	globalThis.Date = class extends RealDate {
		constructor(...args) {
			super(...args);
			asked += 1;
		}
	};
	try {
		const policy = await compiled({ rules: [{ allow: 'pay', when: { context: { only: ['site'] } } }] });
		asked = 0;
		assert.equal(await allows(policy, { site: 1 }), true);
		assert.equal(asked, 0);
		assert.equal(await allows(READS, { site: 1 }), true);
		assert.equal(asked, 1);
	} finally {
		globalThis.Date = RealDate;
	}
});
