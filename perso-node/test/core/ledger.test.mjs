// Ledgers: opening them, what people decide in them, and several processes with one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ledger, LedgerError, Policy, Queue } from 'perso';
import { limited } from '../support/limits.mjs';
import { passing, request } from '../support/memory.mjs';
import { compiled, isPortable } from '../support/policies.mjs';

const native = { skip: isPortable && 'a ledger needs native code' };
const folder = mkdtempSync(join(tmpdir(), 'perso-ledger-'));
after(() => rmSync(folder, { recursive: true }));

test('without native code there is no ledger, and the error says so', { skip: !isPortable }, async () => {
	const error = { name: 'LedgerError', message: /a ledger needs the native package/ };
	assert.throws(() => Ledger.open('memory:'), error);
	const policy = await limited();
	assert.throws(() => passing(policy, { ledger: 'memory:' }), error);
});

test('a policy that runs in WebAssembly has none either', native, async () => {
	const { module } = await limited();
	const policy = await Policy.load(await WebAssembly.compile(module));
	for (const ledger of ['memory:', Ledger.open('memory:')]) assert.throws(() => passing(policy, { ledger }), LedgerError);
	// Neither has one that is loaded later.
	const later = await limited();
	const { passed, answers, say, settled } = passing(later, { agent: { id: 'ann' }, ledger: Ledger.open('memory:') });
	await later.reload(await WebAssembly.compile(module));
	say(request('tools/call', { name: 'process_refund', arguments: { amount: 1 } }));
	while (answers.length === 0) await settled();
	assert.deepEqual(passed, []);
});

test('addresses', native, () => {
	for (const address of ['', 'memory', 'memory:x', 'file:', 'http://127.0.0.1', join(folder, 'ledger')]) {
		assert.throws(() => Ledger.open(address), { name: 'LedgerError', message: /the ledger cannot be opened: not a ledger/ }, address);
	}
	assert.throws(() => Ledger.open('file:/nowhere/at/all/ledger'), LedgerError);
	writeFileSync(join(folder, 'text'), 'no ledger '.repeat(1000));
	assert.throws(() => Ledger.open(`file:${join(folder, 'text')}`), { message: /the file is not a ledger/ });
	assert.throws(() => Ledger.open(5), TypeError);
	// A server is connected to by the first operation.
	assert.ok(Ledger.open('valkey://127.0.0.1:1') instanceof Ledger);
});

test('a server that does not answer denies, and an error does not repeat its address', native, async () => {
	const ledger = Ledger.open('valkey://me:secret@127.0.0.1:1');
	await assert.rejects(ledger.list(), (error) => error instanceof LedgerError && !/secret|127/.test(`${error.message} ${error.cause}`));
	const { passed, answers, say, settled } = passing(await limited(), { agent: { id: 'ann' }, ledger, session: () => 'one' });
	say(request('tools/call', { name: 'process_refund', arguments: { amount: 1 } }, 1));
	say(request('tools/call', { name: 'delete_record', arguments: {} }, 2));
	while (answers.length < 2) await settled();
	assert.deepEqual(passed, []);
});

test('what people decide', native, async () => {
	const ledger = Ledger.open('memory:');
	assert.deepEqual(await ledger.list(), []);
	assert.equal(await ledger.show('0000000000'), undefined);
	assert.equal(await ledger.show('no id'), undefined);
	await assert.rejects(ledger.decide('0000000000', { approved: true, by: 'max' }), {
		name: 'LedgerError',
		message: 'there is no such approval, or it has expired',
	});
	const policy = await limited();
	const settings = { agent: { id: 'ann' }, session: () => 'one', ledger, approver: new Queue({ wait: 10_000, expiresIn: 60_000 }) };
	const { passed, say, settled } = passing(policy, settings);
	say(request('tools/call', { name: 'process_refund', arguments: { amount: 600, order: '1' } }));
	let waiting;
	while (waiting === undefined) [waiting] = await ledger.list();
	const { id, requestedAt, expiresAt, ...rest } = waiting;
	assert.deepEqual(rest, {
		state: 'pending',
		by: null,
		call: {
			tool: 'process_refund',
			args: { amount: 600, order: '1' },
			agent: 'ann',
			session: 'one',
			rule: 'large',
			limit: null,
			reason: 'Large refunds need approval.',
		},
	});
	assert.equal(new Date(expiresAt) - new Date(requestedAt), 60_000);
	for (const verdict of [{ approved: 1, by: 'max' }, { approved: true }, {}]) await assert.rejects(ledger.decide(id, verdict), TypeError);
	await assert.rejects(ledger.decide(id, { approved: true, by: '' }), LedgerError);
	await ledger.decide(id, { approved: true, by: 'max' });
	await assert.rejects(ledger.decide(id, { approved: false, by: 'eve' }), { message: 'the approval is already decided' });
	while (passed.length === 0) await settled();
	const { state, by } = await ledger.show(id);
	assert.deepEqual([state, by], ['used', 'max']);
});

test('a queue that nobody looks at in time', native, async () => {
	const ledger = Ledger.open('memory:');
	const policy = await limited();
	const settings = { agent: { id: 'ann' }, ledger, approver: new Queue({ wait: 20 }) };
	const { passed, answers, say, settled } = passing(policy, settings);
	const call = request('tools/call', { name: 'process_refund', arguments: { amount: 600 } });
	say(call);
	while (answers.length === 0) await settled();
	assert.match(answers[0].result.content[0].text, /nobody has decided yet: repeat the same call later to use the decision/);
	const [{ id }] = await ledger.list();
	await ledger.decide(id, { approved: true, by: 'max' });
	say({ ...call, id: 2 });
	while (passed.length === 0) await settled();
	// The approval was for one call.
	say({ ...call, id: 3 });
	while (answers.length < 2) await settled();
	assert.equal(passed.length, 1);
});

test('an address is opened once, so that a guard for each request has the same ledger', native, async () => {
	const policy = await limited();
	const agent = { id: `once ${Math.random()}` };
	let ran = 0;
	for (let count = 0; count < 4; count += 1) {
		const { passed, answers, say, settled } = passing(policy, { agent, ledger: 'memory:' });
		say(request('tools/call', { name: 'process_refund', arguments: { amount: 400 } }));
		while (passed.length + answers.length === 0) await settled();
		ran += passed.length;
	}
	assert.equal(ran, 2);
});

test('what a limit reads of the resource is fetched', native, async () => {
	const policy = await compiled({
		rules: [{ id: 'all', allow: 'process_refund' }],
		limits: [{ id: 'an-owner', of: 'process_refund', per: 'resource.owner', max: 1, window: '1h' }],
	});
	assert.equal(policy.needsResource({ tool: 'process_refund', args: {} }), true);
	assert.equal(policy.couldAllow({ tool: 'process_refund' }), true);
	const settings = { ledger: Ledger.open('memory:'), resource: async ({ args }) => ({ owner: args.owner }) };
	const { passed, answers, say, settled } = passing(policy, settings);
	for (const [id, owner] of ['ann', 'ann', 'bob', undefined].entries()) {
		say(request('tools/call', { name: 'process_refund', arguments: { owner } }, id));
		while (passed.length + answers.length < id + 1) await settled();
	}
	assert.deepEqual(
		passed.map(({ params }) => params.arguments.owner),
		['ann', 'bob'],
	);
});

test('processes share a file', native, async () => {
	const address = `file:${join(folder, 'shared')}`;
	const script = fileURLToPath(new URL('../servers/limited.mjs', import.meta.url));
	const ran = await Promise.all(
		Array.from({ length: 2 }, async () => {
			const child = spawn(process.execPath, [script, address, '40'], { stdio: ['ignore', 'pipe', 'inherit'] });
			let text = '';
			child.stdout.on('data', (data) => (text += data));
			await once(child, 'close');
			return Number(text);
		}),
	);
	assert.equal(ran[0] + ran[1], 50, `${ran}`);
	// After both have ended, the file still has it.
	const { passed, answers, say, settled } = passing(await limited(), { agent: { id: 'ann' }, ledger: address });
	say(request('tools/call', { name: 'process_refund', arguments: { amount: 0.01 } }));
	while (passed.length + answers.length === 0) await settled();
	assert.equal(passed.length, 0);
});
