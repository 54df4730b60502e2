// Journals: what is recorded and what is not, what happens if it cannot be, and several processes with one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Journal, JournalError, Json, META, Policy } from 'perso';
import { guardTools } from 'perso/ai';
import { guard } from 'perso/mcp';
import { broken, KEY, native, opened, place, PUBLIC, recorded, textOf, verified, written } from '../support/journal.mjs';
import { asking, limited, memory } from '../support/limits.mjs';
import { passing, request } from '../support/memory.mjs';
import { AGENT, compiled, DESK, isPortable } from '../support/policies.mjs';

const pay = (args, id = 1) => request('tools/call', { name: 'process_refund', arguments: args }, id);

/** Makes calls through a guard, and waits for the journal to have them. */
async function through(journal, calls, settings = {}, policy) {
	const { passed, answers, far, say, settled } = passing(policy ?? (await compiled(DESK)), { agent: AGENT, journal, ...settings });
	const { written: before } = journal.counts();
	calls.forEach((call) => say(call));
	while (passed.length + answers.length < calls.length) await settled();
	await written(journal, before + calls.length);
	return { passed, answers, far };
}

test('without native code there is no journal, and the error says so', { skip: !isPortable }, async () => {
	assert.throws(() => new Journal(place()), { name: 'JournalError', message: /a journal needs the native package/ });
	const policy = await compiled(DESK);
	for (const journal of ['journal', {}, null]) assert.throws(() => passing(policy, { journal }), TypeError);
});

test('a policy that runs in WebAssembly has none either', native, async () => {
	const { module } = await compiled(DESK);
	const compiledModule = await WebAssembly.compile(module);
	const { path, journal } = opened({ required: true });
	const policy = await Policy.load(compiledModule);
	assert.throws(() => passing(policy, { journal }), { name: 'JournalError', message: /a journal needs the native package/ });
	// One that is loaded later cannot be recorded: a call is denied if it has to be.
	const later = await compiled(DESK);
	const first = passing(later, { agent: AGENT, journal });
	await later.reload(compiledModule);
	first.say(pay({ amount: 1 }));
	while (first.answers.length === 0) await first.settled();
	assert.deepEqual([first.passed, first.answers[0].result.content[0].text], [[], 'the call cannot be recorded']);
	const free = opened();
	await later.reload(module);
	const second = passing(later, { agent: AGENT, journal: free.journal });
	await later.reload(compiledModule);
	second.say(pay({ amount: 1 }));
	assert.equal(second.passed.length, 1);
	assert.deepEqual([journal.counts().lost, free.journal.counts().lost, recorded(path)], [1, 1, []]);
});

test('options that are not valid', native, () => {
	for (const [settings, message] of [
		[{ args: 'some' }, /`args` is `some`: use `none`, `digest`, `read`, `all`/],
		[{ args: null }, /`args` is `null`/],
		[{ mask: 'card' }, /`mask` must be an array of strings/],
		[{ agent: [1] }, /`agent` must be an array of strings/],
		[{ required: 1 }, /`required` must be of type boolean/],
		[{ durable: 'yes' }, /`durable` must be of type boolean/],
		[{ key: 1 }, /`key` must be the path of a file/],
		[{ checkpoints: 'copies.jsonl' }, /`checkpoints` are signed: set `key`, too/],
		// What is spelled in another way must not be left out.
		[{ masks: ['card'] }, /`masks` is not an option of a journal/],
	]) {
		const path = place();
		assert.throws(() => new Journal(path, settings), { name: 'TypeError', message });
		assert.ok(!existsSync(path), 'nothing is made');
	}
	assert.throws(() => new Journal(5), TypeError);
	const file = place();
	writeFileSync(file, '');
	for (const [path, settings] of [
		[file, {}],
		[place(), { key: join(file, 'none') }],
		[place(), { key: file }],
	]) {
		assert.throws(() => new Journal(path, settings), { name: 'JournalError', message: /^the journal cannot be opened: / });
	}
	const other = place();
	mkdirSync(other);
	writeFileSync(join(other, '000001.jsonl'), '{"other":1}\n');
	assert.throws(() => new Journal(other), JournalError);
});

test('a line has what a decision is about', native, async () => {
	const { path, journal } = opened({ args: 'all', agent: ['id', 'roles', 'none'] });
	const policy = await compiled(DESK);
	const events = [];
	const settings = { session: () => 'one', onDecision: (event) => events.push(event) };
	const { answers } = await through(journal, [pay({ amount: 1 }, 1), pay({ amount: 800 }, 2)], settings, policy);
	const [allowed, denied] = recorded(path);
	const { seq, prev, time, duration_us, ...rest } = allowed;
	assert.deepEqual(rest, {
		id: events[0].id,
		policy: createHash('sha256').update(policy.module).digest('hex'),
		tool: 'process_refund',
		decision: 'allow',
		rule: 'refund',
		cause: { kind: 'rule' },
		agent: AGENT,
		session: 'one',
		args: { amount: 1 },
		ran: undefined,
	});
	assert.ok(Number.isInteger(duration_us) && duration_us > 0 && Math.abs(new Date(time) - Date.now()) < 60_000);
	assert.deepEqual([seq, denied.seq, prev.length], [2, 3, 64]);
	assert.deepEqual(denied.cause, { kind: 'no_rule', rule: 'refund', attribute: 'args.amount', problem: 'value' });
	assert.deepEqual([denied.decision, denied.rule, denied.enforced], ['deny', undefined, undefined]);
	assert.deepEqual([denied.id, denied.id], [events[1].id, answers[0].result._meta[META].decision_id]);
	assert.equal(verified(path).status, 0);
});

test('a hint, the part of a cause that is about the text of a call, and what is only observed', native, async () => {
	const { path, journal } = opened({ args: 'none' });
	await through(journal, [pay({ amount: '1' }, 1), pay({ amount: 1, Amount: 2 }, 2)], { mode: 'observe' });
	const [typed, malformed] = recorded(path);
	assert.deepEqual([typed.hint, typed.enforced, typed.args], ['args.amount must be a number', false, undefined]);
	assert.deepEqual([malformed.cause.kind, malformed.cause.offset], ['malformed', undefined]);
	const allowed = opened();
	await through(allowed.journal, [pay({ amount: 1 })], { mode: 'observe' });
	assert.equal(recorded(allowed.path)[0].enforced, undefined);
});

test('who has approved a call, and what was not approved', native, async () => {
	const { path, journal } = opened();
	const approver = ({ args }) => ({ approved: args.amount === 501, by: 'max' });
	await through(journal, [pay({ amount: 501 }, 1), pay({ amount: 502 }, 2)], { approver }, await asking());
	const [approved, refused] = recorded(path).sort((a, b) => a.decision.localeCompare(b.decision));
	assert.deepEqual([approved.decision, approved.rule, approved.approved_by], ['allow', 'large', 'max']);
	assert.deepEqual([refused.decision, refused.cause.kind, refused.approved_by], ['deny', 'approval', undefined]);
	assert.match(refused.hint, /a person has denied this call/);
});

/** Arguments, attributes and more that are not to be found in any line, unless one has asked for them. */
const SECRET = {
	args: { amount: 5, card: { number: 'marker-number', holder: 'marker-holder' }, items: [{ note: 'marker-note' }], 'marker-key': 1 },
	agent: { ...AGENT, token: 'marker-token', email: 'marker-email' },
	context: { key: 'marker-context' },
};

test('nothing is recorded that was not asked for', native, async () => {
	const { agent, context, args } = SECRET;
	const wrong = () => {
		throw new Error('marker-error');
	};
	for (const kept of ['none', 'digest', 'read']) {
		const { path, journal } = opened({ args: kept });
		const calls = [
			pay(args, 1),
			pay({ ...args, amount: 800 }, 2),
			request('tools/call', { name: 'delete_record', arguments: args }, 3),
		];
		await through(journal, calls, { agent, context, resource: wrong });
		await through(journal, [pay(args)], { agent: wrong });
		assert.equal(recorded(path).length, 4);
		assert.doesNotMatch(textOf(path), /marker/, kept);
	}
	const { path, journal } = opened({ args: 'all' });
	await through(journal, [pay(args)], { agent, context });
	assert.deepEqual(recorded(path)[0].args, args);
	assert.doesNotMatch(textOf(path), /marker-(token|email|context)/);
});

test('arguments: none, their digest, what the policy reads, or all', native, async () => {
	const args = { note: 'b', amount: 1.5 };
	const digest = createHash('sha256').update('{"amount":1.5,"note":"b"}').digest('hex');
	for (const [kept, expected] of [
		['none', undefined],
		['digest', { sha256: digest }],
		[undefined, { sha256: digest }],
		['read', { amount: 1.5 }],
		['all', args],
	]) {
		const { path, journal } = opened({ args: kept });
		const deep = request('tools/call', { name: 'process_refund' }, 2);
		await through(journal, [pay(args), deep]);
		assert.deepEqual(recorded(path)[0].args, expected, kept);
		assert.deepEqual(recorded(path)[1].args, undefined, 'there are none');
	}
});

test('masked arguments are nowhere, not even in the digest', native, async () => {
	const mask = ['card.number', 'items.note', 'none.at.all'];
	const { path, journal } = opened({ args: 'all', mask });
	await through(journal, [pay(SECRET.args)]);
	const { card, items } = recorded(path)[0].args;
	assert.deepEqual([card, items], [{ number: '[masked]', holder: 'marker-holder' }, [{ note: '[masked]' }]]);
	const digests = opened({ mask });
	const other = { ...SECRET.args, card: { number: 'another', holder: 'marker-holder' } };
	await through(digests.journal, [pay(SECRET.args, 1), pay(other, 2), pay({ ...other, amount: 6 }, 3)]);
	const [first, second, third] = recorded(digests.path).map(({ args }) => args.sha256);
	assert.equal(first, second);
	assert.notEqual(second, third);
});

test('values of JavaScript', native, async () => {
	const { path, journal } = opened({ args: 'all' });
	const done = [];
	const pay = { inputSchema: {}, execute: (input) => void done.push(input) };
	const tools = guardTools({ view_customer: pay }, await compiled(DESK), { agent: new Map([['id', 'ann']]), journal });
	const { execute } = tools.view_customer;
	execute({ map: new Map([['a', 1]]), set: new Set([1]), date: new Date(0), big: 2n ** 64n - 1n, none: undefined }, {});
	// Not JSON: no text of it is what the tool gets.
	const unwritten = [
		{ n: NaN },
		{ n: 2n ** 64n },
		{ text: '\ud800' },
		Array(100)
			.fill(0)
			.reduce((inner) => ({ inner }), {}),
	];
	for (const args of unwritten) execute(args, {});
	const agent = new Json('{"id": "bob"}');
	guardTools({ view_customer: pay }, await compiled(DESK), { agent, journal }).view_customer.execute({}, {});
	await written(journal, 2 * (unwritten.length + 2));
	const [first, ...rest] = recorded(path);
	assert.deepEqual(first.args, { map: { a: 1 }, set: [1], date: '1970-01-01T00:00:00.000Z', big: Number(2n ** 64n - 1n) });
	assert.match(textOf(path), /"big":18446744073709551615\b/);
	const last = rest.pop();
	assert.deepEqual([first.agent, last.agent], [{ id: 'ann' }, { id: 'bob' }]);
	assert.deepEqual(
		rest.map(({ args }) => args),
		unwritten.map(() => undefined),
	);
	assert.equal(done.length, unwritten.length + 2);
	// Where it is required, these are denied.
	const strict = opened({ required: true });
	const required = guardTools({ view_customer: pay }, await compiled(DESK), { journal: strict.journal }).view_customer;
	for (const args of unwritten) {
		assert.throws(() => required.execute(args, {}), { name: 'Denied', message: 'the call cannot be recorded' });
	}
	assert.equal(done.length, unwritten.length + 2);
	assert.equal(strict.journal.counts().lost, unwritten.length);
});

test('names that are no text', native, async () => {
	const { path, journal } = opened();
	await through(journal, [request('tools/call', { name: 'a\ud800"\n', arguments: {} })]);
	assert.equal(recorded(path)[0].tool, 'a\ufffd"\n');
});

const isDirectory = (path) => statSync(path).isDirectory();

test('a call does not run before its decision is recorded, and not at all if it cannot be', native, async () => {
	for (const durable of [false, true]) {
		const { path, journal } = opened({ required: true, durable });
		const policy = await compiled(DESK);
		const events = [];
		const onDecision = (event) => events.push([event, isDirectory(path) && textOf(path).includes(event.id)]);
		const { passed, answers, say, settled } = passing(policy, { agent: AGENT, journal, onDecision });
		say(pay({ amount: 1 }, 1));
		assert.deepEqual(passed, [], 'it waits');
		while (passed.length === 0) await settled();
		assert.deepEqual(
			events.map(([{ decision }, isWritten]) => [decision.allowed, isWritten]),
			[[true, true]],
		);
		const repair = broken(path);
		say(pay({ amount: 2 }, 2));
		// What is denied anyway says why.
		say(pay({ amount: 800 }, 3));
		while (answers.length < 2) await settled();
		repair();
		assert.equal(passed.length, 1);
		const denied = answers.find(({ id }) => id === 2).result;
		assert.deepEqual([denied.isError, denied.content[0].text], [true, 'the call cannot be recorded']);
		const [event] = events.find(([{ failure }]) => failure);
		assert.deepEqual(event.decision.cause, { kind: 'journal', detail: 'the journal could not be written' });
		assert.equal(event.id, denied._meta[META].decision_id);
		assert.ok(event.failure instanceof JournalError);
		assert.equal(answers.find(({ id }) => id === 3).result.content[0].text, 'Agents may refund up to $500.');
		say(pay({ amount: 3 }, 4));
		while (passed.length < 2) await settled();
		assert.equal(events.length, 4);
		await journal.close();
		assert.deepEqual(
			recorded(path).map(({ decision, cause }) => [decision, cause.kind]),
			[
				['allow', 'rule'],
				['allow', 'rule'],
			],
		);
		// The journal says how many are missing.
		assert.match(textOf(path), /"lost":2/);
		assert.equal(verified(path).status, 0);
	}
});

test('the event loop goes on while a call waits for the journal', native, async () => {
	const { path, journal } = opened({ required: true });
	const { passed, say } = passing(await compiled(DESK), { agent: AGENT, journal });
	// Another process is about to write.
	const other = spawn('flock', [join(path, 'lock'), '-c', 'echo locked; read line'], { stdio: ['pipe', 'pipe', 'inherit'] });
	await once(other.stdout, 'data');
	say(pay({ amount: 1 }));
	await setTimeout(50);
	assert.deepEqual([passed.length, journal.counts().written], [0, 0]);
	other.stdin.end('\n');
	while (passed.length === 0) await setTimeout(1);
	assert.equal(journal.counts().written, 1);
});

test('what was charged for a call that could not be recorded is given back', native, async () => {
	const { path, journal } = opened({ required: true });
	const { passed, answers, say, settled } = passing(await limited(), { agent: { id: 'ann' }, ledger: memory(), journal });
	const repair = broken(path);
	for (let id = 0; id < 3; id += 1) {
		say(pay({ amount: 500 }, id));
		while (answers.length <= id) await settled();
	}
	repair();
	// There is room for 1000.
	for (const [at, id] of [3, 4].entries()) {
		say(pay({ amount: 500 }, id));
		while (passed.length <= at) await settled();
	}
	assert.deepEqual(
		answers.map(({ result }) => result.content[0].text),
		Array(3).fill('the call cannot be recorded'),
	);
});

test('what need not be recorded goes on, and is counted', native, async () => {
	const { path, journal } = opened();
	const repair = broken(path);
	const { passed, say } = passing(await compiled(DESK), { agent: AGENT, journal });
	say(pay({ amount: 1 }));
	assert.equal(passed.length, 1);
	while (journal.counts().lost < 1) await setTimeout(1);
	assert.deepEqual(journal.counts(), { written: 0, lost: 1, uncopied: 0 });
	repair();
	// A line that is too long.
	const all = opened({ args: 'all' });
	const large = passing(await compiled(DESK), { agent: AGENT, journal: all.journal });
	large.say(pay({ amount: 1, text: 'x'.repeat(1 << 20) }));
	assert.deepEqual([large.passed.length, all.journal.counts().lost], [1, 1]);
	// Its digest has a place.
	const digest = opened();
	await through(digest.journal, [pay({ amount: 1, text: 'x'.repeat(1 << 22) })]);
	assert.equal(recorded(digest.path)[0].args.sha256.length, 64);
});

test('where a guard only observes, everything runs, recorded or not', native, async () => {
	const { path, journal } = opened({ required: true });
	const repair = broken(path);
	const { passed, say } = passing(await compiled(DESK), { agent: AGENT, journal, mode: 'observe' });
	for (const amount of [1, 800]) say(pay({ amount }, amount));
	assert.equal(passed.length, 2);
	while (journal.counts().lost < 2) await setTimeout(1);
	repair();
});

test('guards share a journal, and it is signed when it is closed', native, async () => {
	const copies = place();
	const { path, journal } = opened({ key: pathToFileURL(KEY), checkpoints: copies });
	const [one, two] = [await compiled(DESK), await asking()];
	await through(journal, [pay({ amount: 1 })], {}, one);
	await through(journal, [pay({ amount: 1 })], {}, two);
	const [first, second] = recorded(path);
	assert.notEqual(first.policy, second.policy);
	const before = verified(path, '--keys', PUBLIC);
	assert.match(before.text, /the last about line 1/);
	assert.deepEqual(await journal.close(), { written: 2, lost: 0, uncopied: 0 });
	const { status, text } = verified(path, '--keys', PUBLIC, '--checkpoints', copies, '--whole');
	assert.deepEqual([status, /as it was written/.test(text)], [0, true], text);
	assert.ok(readFileSync(copies, 'utf8').trim().split('\n').length >= 2);
	assert.doesNotMatch(text, /the last about line 1/);
	// Nothing can be recorded any more.
	await journal.close();
	const { passed, say } = passing(one, { agent: AGENT, journal });
	say(pay({ amount: 1 }));
	assert.equal(passed.length, 1);
	assert.deepEqual(journal.counts(), { written: 2, lost: 1, uncopied: 0 });
	const strict = opened({ required: true });
	await strict.journal.close();
	const denied = passing(one, { agent: AGENT, journal: strict.journal });
	denied.say(pay({ amount: 1 }));
	while (denied.answers.length === 0) await denied.settled();
	assert.deepEqual(denied.passed, []);
	// A line is changed.
	writeFileSync(join(path, '000001.jsonl'), textOf(path).replace('"allow"', '"deny"'));
	assert.equal(verified(path, '--keys', PUBLIC).status, 2);
});

test('processes share a journal, and their lines are written when they exit', native, async () => {
	const path = place();
	const script = fileURLToPath(new URL('../servers/recorded.mjs', import.meta.url));
	const runs = ['close', 'exit', 'close'].map(async (how) => {
		const child = spawn(process.execPath, [script, path, '40', how], { stdio: ['ignore', 'pipe', 'inherit'] });
		let text = '';
		child.stdout.on('data', (data) => (text += data));
		await once(child, 'close');
		return text;
	});
	assert.deepEqual(await Promise.all(runs), Array(3).fill('40\n'));
	const all = recorded(path);
	assert.equal(all.filter(({ decision }) => decision === 'allow').length, 120);
	assert.equal(all.filter(({ decision }) => decision === 'deny').length, 120);
	assert.equal(all.filter(({ ran }) => ran === 'ok').length, 80);
	const { status, text } = verified(path, '--whole');
	assert.deepEqual([status, /as it was written/.test(text)], [0, true], text);
});

test('a journal is not a setting of another kind', native, async () => {
	const policy = await compiled(DESK);
	for (const journal of ['journal', {}, null, 1]) {
		assert.throws(() => guardTools({}, policy, { journal }), { name: 'TypeError', message: '`journal` must be a `Journal`' });
		assert.throws(() => guard({ connect() {} }, policy, { journal }), TypeError);
	}
});
