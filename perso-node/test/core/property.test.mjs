// Random calls: a value and its text get the same decision, and both engines agree.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Policy as Portable } from 'perso/portable';
import { shown } from '../support/check.mjs';
import { CONFORMANCE, HOSTILE, cases } from '../support/corpus.mjs';

const RUNS = Number(process.env.PERSO_PROPERTY_RUNS ?? 3000);

/** Keys from the corpus, and similar ones. */
const key = fc.constantFrom(
	'v',
	'V',
	'a',
	'b',
	'x',
	'amount',
	'Amount',
	'id',
	'roles',
	'role',
	'Roles',
	'owner_id',
	'path',
	'url',
	'to',
	'ip',
	'cmd',
	'tags',
	'__proto__',
	'constructor',
	'toString',
	'r\u00f4les',
	'role\u017f',
	'',
);
const leaf = fc.oneof(
	fc.constantFrom(
		null,
		true,
		false,
		0,
		-0,
		1,
		2,
		5,
		500,
		501,
		0.1,
		1e21,
		'agent',
		'manager',
		'admin',
		'',
		'a',
		'abc',
		'/srv/x',
		'10.0.0.1',
		'https://example.com/',
		'a@acme.com',
		'2026-01-01',
	),
	fc.integer(),
	fc.double({ noNaN: true, noDefaultInfinity: true }),
	fc.string({ unit: 'grapheme', maxLength: 12 }),
);
const { value } = fc.letrec((tie) => ({
	value: fc.oneof(
		{ weight: 5, arbitrary: leaf },
		{ weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
		{ weight: 1, arbitrary: fc.dictionary(key, tie('value'), { maxKeys: 4 }) },
	),
}));
const part = fc.option(fc.dictionary(key, value, { maxKeys: 8 }), { nil: undefined });
const call = (tools) =>
	fc.record({ tool: fc.constantFrom(...tools), args: part, agent: part, resource: part, context: part }, { requiredKeys: ['tool'] });

const files = [...CONFORMANCE, ...HOSTILE];
const policies = [];
for (const file of files) {
	const { policy, cases: found } = await cases(file);
	const tools = new Set(['other']);
	for (const { bytes } of found) {
		try {
			const { tool } = JSON.parse(bytes.subarray(0, 10_000).toString());
			if (typeof tool === 'string') tools.add(tool);
		} catch {
			// A call that is not JSON has no tool.
		}
	}
	policies.push({ file, policy, other: await Portable.load(policy.module), tools: [...tools] });
}

test('a value is judged as its text is', () => {
	for (const { file, policy, tools } of policies) {
		fc.assert(
			fc.property(call(tools), (call) => {
				const text = JSON.stringify(call);
				const [byText, byValue] = [policy.decideJson(text), policy.decide(call)];
				// Offsets differ, because only what the policy reads of a value is written.
				assert.deepEqual(shown(byValue), shown(byText), `${file}: ${text}`);
			}),
			{ numRuns: Math.ceil(RUNS / policies.length) },
		);
	}
});

test('both engines say the same of any text', () => {
	let denied = 0;
	for (const { file, policy, other, tools } of policies) {
		const text = fc.oneof(
			call(tools).map((call) => JSON.stringify(call)),
			fc
				.tuple(
					call(tools).map((call) => JSON.stringify(call)),
					fc.nat(),
					fc.string({ unit: 'binary', maxLength: 3 }),
				)
				.map(([text, at, more]) => text.slice(0, at % text.length) + more + text.slice((at % text.length) + more.length)),
		);
		fc.assert(
			fc.property(text, (text) => {
				const [one, two] = [policy.decideJson(text), other.decideJson(text)];
				assert.deepEqual(two, one, `${file}: ${JSON.stringify(text)}`);
				denied += one.allowed ? 0 : 1;
			}),
			{ numRuns: Math.ceil(RUNS / policies.length) },
		);
	}
	assert.ok(denied > 0);
});

test('both engines list the same tools and need the same resources', () => {
	const found = { listed: 0, needed: 0 };
	for (const { file, policy, other, tools } of policies) {
		const counts = policy.active.engine.manifest.obligations !== undefined;
		fc.assert(
			fc.property(call(tools), ({ resource, args, ...rest }) => {
				const [listed, needed] = [policy.couldAllow(rest), policy.needsResource({ ...rest, args })];
				const text = `${file}: ${JSON.stringify({ ...rest, args })}`;
				assert.equal(other.couldAllow(rest), listed, text);
				// Without a ledger, the resource makes no difference to a call that needs one.
				if (!counts) assert.equal(other.needsResource({ ...rest, args }), needed, text);
				found.listed += listed ? 1 : 0;
				found.needed += needed ? 1 : 0;
			}),
			{ numRuns: Math.ceil(RUNS / policies.length) },
		);
	}
	assert.ok(found.listed > 0 && found.needed > 0);
});
