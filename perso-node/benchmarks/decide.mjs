// Measures the cost of a decision in Node, compared with `JSON.stringify` of the same call, and with Cedar and Casbin on the
// same policy.
//
// `make bench` runs it, natively and with `--conditions=browser`, and adds these ratios to `target/perso-bench.json`:
//
// | ratio | time of | divided by time of |
// | --- | --- | --- |
// | `node_decide_vs_stringify` | `policy.decide` of an object | twice `JSON.stringify` of it and a call of an addon that returns its string |
// | `node_portable_decide_vs_stringify` | the same in V8's WebAssembly | the same |
// | `node_cedar_vs_decide` | Cedar's decision, by cedar-wasm | `policy.decide` |
// | `node_casbin_vs_decide` | Casbin's decision | `policy.decide` |
// | `node_record_vs_decide` | what a journal adds to a guarded call: the lines of its decision and of what became of it | `policy.decide` |
//
// It also adds the times in nanoseconds, as `node_*_ns`.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import { StringAdapter, newEnforcer, newModelFromString } from 'casbin';
import { Journal, Policy } from 'perso';
import { guardTools } from 'perso/ai';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const [MODULE, ECHO, RESULT = join(ROOT, 'target/perso-bench.json')] = process.argv.slice(2);
const isPortable = import.meta.resolve('perso').endsWith('portable.js');
const [ROUNDS, ROUND] = [41, 10];

const policy = await Policy.load(MODULE);
const { echo } = createRequire(import.meta.url)(ECHO);

const TOOL = 'process_refund';
const ARGS = { order_id: 'ORD-8821', amount: 250, currency: 'USD', reason: 'The parcel arrived with a broken display.' };
const AGENT = { id: 'agt-099', roles: ['agent'], mfa_verified: true, team: 'support-emea' };
const RESOURCE = { owner_id: 'mgr-001', created: '2026-11-02' };
const CONTEXT = { server: 'crm', ip: '10.0.0.7' };
const CALL = { tool: TOOL, args: ARGS, agent: AGENT, resource: RESOURCE, context: CONTEXT };
const TEXT = JSON.stringify(CALL);
const TOO_MUCH = { ...ARGS, amount: 800 };

const CEDAR = `
permit (principal, action == Action::"view_customer", resource) when { principal.roles.contains("agent") };
permit (principal, action == Action::"process_refund", resource)
    when { principal.roles.contains("agent") && context.amount > 0 && context.amount <= 500 };
permit (principal, action == Action::"delete_record", resource)
    when { principal.roles.contains("manager") && resource.owner_id == principal.id };
permit (principal, action == Action::"access_pii", resource) when { principal.roles.contains("agent") };
forbid (principal, action == Action::"access_pii", resource) unless { principal.mfa_verified };
`;

const CASBIN_MODEL = `
[request_definition]
r = sub, args, res, act
[policy_definition]
p = act, rule, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && eval(p.rule)
`;

const CASBIN_RULES = `
p, view_customer, "includes(r.sub.roles, 'agent')", allow
p, process_refund, "includes(r.sub.roles, 'agent') && r.args.amount > 0 && r.args.amount <= 500", allow
p, delete_record, "includes(r.sub.roles, 'manager') && r.res.owner_id == r.sub.id", allow
p, access_pii, "includes(r.sub.roles, 'agent')", allow
p, access_pii, "!r.sub.mfa_verified", deny
`;

/** Cedar at its fastest: the policies are parsed once, ahead of time. */
function byCedar() {
	assert.equal(cedar.preparsePolicySet('desk', { staticPolicies: CEDAR }).type, 'success');
	const decide = (context) => {
		const answer = cedar.statefulIsAuthorized({
			principal: { type: 'Agent', id: 'agt-099' },
			action: { type: 'Action', id: TOOL },
			resource: { type: 'Order', id: 'ORD-8821' },
			context,
			preparsedPolicySetId: 'desk',
			entities: [
				{ uid: { type: 'Agent', id: 'agt-099' }, attrs: AGENT, parents: [] },
				{ uid: { type: 'Order', id: 'ORD-8821' }, attrs: RESOURCE, parents: [] },
			],
		});
		assert.equal(answer.type, 'success');
		return answer.response.decision === 'allow';
	};
	assert.deepEqual([decide(ARGS), decide(TOO_MUCH)], [true, false]);
	return () => decide(ARGS);
}

async function byCasbin() {
	const enforcer = await newEnforcer(newModelFromString(CASBIN_MODEL), new StringAdapter(CASBIN_RULES));
	await enforcer.addFunction('includes', (list, item) => list.includes(item));
	assert.deepEqual(
		[enforcer.enforceSync(AGENT, ARGS, RESOURCE, TOOL), enforcer.enforceSync(AGENT, TOO_MUCH, RESOURCE, TOOL)],
		[true, false],
	);
	return () => enforcer.enforceSync(AGENT, ARGS, RESOURCE, TOOL);
}

/** Measures the median time of each, in nanoseconds. The rounds are interleaved. */
function compare(title, candidates) {
	const runs = Object.entries(candidates).map(([name, run]) => {
		let count = 0;
		for (const end = performance.now() + 20 * ROUND; performance.now() < end; count += 1) run();
		return { name, run, count: Math.max(1, Math.ceil(count / 20)), times: [] };
	});
	for (let round = 0; round < ROUNDS; round += 1) {
		for (const { run, count, times } of runs) {
			const begin = performance.now();
			for (let time = 0; time < count; time += 1) run();
			times.push(((performance.now() - begin) / count) * 1e6);
		}
	}
	console.log(`\n${title}`);
	const medians = {};
	for (const { name, times } of runs) {
		medians[name] = times.sort((a, b) => a - b)[times.length >> 1];
		console.log(`  ${name.padEnd(36)} ${medians[name].toFixed(0).padStart(12)} ns`);
	}
	return medians;
}

/** Measures what a journal adds to a guarded call, in nanoseconds: calls in a row, until they can go on. */
async function recording() {
	const folder = mkdtempSync(join(tmpdir(), 'perso-bench-'));
	const journal = new Journal(folder);
	const guarded = (settings) => guardTools({ [TOOL]: { execute: () => 1 } }, policy, { agent: AGENT, ...settings })[TOOL].execute;
	const [run, runs] = [guarded({}), guarded({ journal })];
	const [AT_ONCE, times] = [500, []];
	const time = (execute) => {
		const begin = performance.now();
		for (let count = 0; count < AT_ONCE; count += 1) execute(ARGS, {});
		return ((performance.now() - begin) / AT_ONCE) * 1e6;
	};
	for (let round = 1; round <= 3 * ROUNDS; round += 1) {
		const before = time(run);
		times.push(time(runs) - before);
		// The thread that writes does its work meanwhile.
		while (journal.counts().written < 2 * round * AT_ONCE) await new Promise((resolve) => setTimeout(resolve, 1));
	}
	assert.equal((await journal.close()).lost, 0);
	rmSync(folder, { recursive: true });
	return times.sort((a, b) => a - b)[times.length >> 1];
}

assert.deepEqual([policy.decide(CALL).allowed, policy.decide({ ...CALL, args: TOO_MUCH }).allowed], [true, false]);
assert.equal(echo(TEXT), TEXT);

const medians = compare(`a call of ${TEXT.length} bytes, ${isPortable ? "in V8's WebAssembly" : 'natively'}`, {
	'JSON.stringify': () => JSON.stringify(CALL),
	'echo of an addon': () => echo(TEXT),
	decide: () => policy.decide(CALL),
	decideJson: () => policy.decideJson(TEXT),
	...(isPortable ? {} : { cedar: byCedar(), casbin: await byCasbin() }),
});
const recorded = isPortable ? undefined : await recording();
if (!isPortable) console.log(`  ${'two lines of a journal'.padEnd(36)} ${recorded.toFixed(0).padStart(12)} ns`);
const allowance = 2 * medians['JSON.stringify'] + medians['echo of an addon'];
const ratios = isPortable
	? { node_portable_decide_vs_stringify: medians.decide / allowance }
	: {
			node_decide_vs_stringify: medians.decide / allowance,
			node_cedar_vs_decide: medians.cedar / medians.decide,
			node_casbin_vs_decide: medians.casbin / medians.decide,
			node_record_vs_decide: recorded / medians.decide,
		};
for (const [name, ratio] of Object.entries(ratios)) console.log(`  ${name.padEnd(36)} ${ratio.toFixed(3).padStart(12)}`);

const prefix = isPortable ? 'node_portable' : 'node';
const names = { decide: 'decide', decideJson: 'decide_json', cedar: 'cedar', casbin: 'casbin' };
const times = Object.entries(names)
	.filter(([name]) => name in medians)
	.map(([name, key]) => [`${prefix}_${key}_ns`, medians[name]]);

const known = existsSync(RESULT) ? JSON.parse(readFileSync(RESULT, 'utf8')) : {};
mkdirSync(dirname(RESULT), { recursive: true });
const measured = [...Object.entries(ratios), ...times].map(([name, value]) => [name, Number(value.toFixed(4))]);
const all = Object.entries({ ...known, ...Object.fromEntries(measured) });
writeFileSync(RESULT, `${JSON.stringify(Object.fromEntries(all.sort()), null, 2)}\n`);
