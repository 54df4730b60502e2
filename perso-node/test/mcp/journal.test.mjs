// The journal of guards in front of MCP servers: what became of calls, through real servers of both SDK versions over every transport, and
// through `perso-guard`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { META } from 'perso';
import { guard } from 'perso/mcp';
import { DESKS, isOld } from '../servers/desk.mjs';
import { LINES } from '../support/ask.mjs';
import { call, CLIENTS, using } from '../support/clients.mjs';
import { broken, KEY, native, opened, place, PUBLIC, recorded, textOf, verified, written } from '../support/journal.mjs';
import { STAFF } from '../support/covered.mjs';
import { passing, request } from '../support/memory.mjs';
import { AGENT, compiled, DESK, isPortable } from '../support/policies.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perso-recorded-'));
after(() => rmSync(folder, { recursive: true }));

const refund = (id, args = { amount: 1 }) => request('tools/call', { name: 'process_refund', arguments: args }, id);

for (const [desk, made] of Object.entries(DESKS)) {
	describe(desk, native, () => {
		for (const [transport, connect] of isPortable ? [] : Object.entries(LINES[isOld(desk) ? '1.x' : '2.x'](() => guarded()))) {
			test(transport, async () => {
				for (const required of [true, false]) {
					({ path, journal } = opened({ args: 'read', required }));
					const { ask, close } = await connect();
					ran.length = 0;
					const answer = await ask(refund(1));
					assert.equal(answer.result.content[0].text, 'process_refund is done');
					const failed = await ask(refund(2, { amount: 13 }));
					const isErrorResult = failed.result?.isError === true;
					assert.ok(isErrorResult || failed.error !== undefined, JSON.stringify(failed));
					const denied = await ask(refund(3, { amount: 800 }));
					assert.equal(denied.result.content[0].text, 'Agents may refund up to $500.');
					await written(journal, 5);
					const lines = recorded(path);
					assert.deepEqual(
						lines.map(({ decision, args, agent, session, ran }) => [decision, args.amount, agent, session, ran]),
						[
							['allow', 1, { id: AGENT.id }, 'one', 'ok'],
							['allow', 13, { id: AGENT.id }, 'one', 'error'],
							['deny', 800, { id: AGENT.id }, 'one', undefined],
						],
					);
					assert.equal(lines[2].id, denied.result._meta[META].decision_id);
					assert.deepEqual(ran, [required ? [1, true] : [1, ran[0][1]], required ? [13, true] : [13, ran[1][1]]]);
					const repair = broken(path);
					const last = await ask(refund(4));
					repair();
					const { text } = last.result.content[0];
					assert.equal(text, required ? 'the call cannot be recorded' : 'process_refund is done');
					assert.equal(ran.length, required ? 2 : 3);
					await close();
					await journal.close();
					assert.equal(verified(path).status, 0);
				}
			});
		}
	});

	const ran = [];
	let [path, journal] = [];
	/** Whether each call was in the journal when it ran; the one of 13 fails. */
	const run = ({ args: { amount } }) => {
		ran.push([amount, existsSync(join(path, 'lock')) && textOf(path).includes(`"args":{"amount":${amount}}`)]);
		if (amount === 13) throw new Error('broken');
	};
	const policy = isPortable ? undefined : await compiled(DESK);
	const guarded = () => guard(made(run), policy, { agent: AGENT, session: () => 'one', journal });
}

/** What became of calls of which the server answers nothing, or something that a test says. */
test('what the guard does not know', native, async () => {
	const { path, journal } = opened({ args: 'read' });
	const { far, say, settled, answers, passed } = passing(await compiled(DESK), { agent: AGENT, journal });
	far.onclose = () => {};
	const calls = ['task', 'modern task', 'cancelled', 'twice', 'twice', 'open', 'isError', 'error', 'input', 'no result', 7, '7'];
	calls.forEach((id, at) => say(refund(id, { amount: at + 1 })));
	assert.equal(passed.length, calls.length);
	const answer = (id, more) => far.send({ jsonrpc: '2.0', id, ...more });
	await answer('task', { result: { task: { taskId: 't1' } } });
	await answer('modern task', { result: { resultType: 'task', taskId: 't2' } });
	say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'cancelled' } });
	await answer('cancelled', { result: { content: [] } });
	await answer('twice', { result: { content: [] } });
	await answer('twice', { result: { content: [] } });
	await answer('isError', { result: { content: [], isError: true } });
	await answer('error', { error: { code: -32000, message: 'marker' } });
	await answer('input', { result: { resultType: 'input_required', inputRequests: {}, requestState: 's' } });
	await answer('no result', {});
	await answer('7', { result: { content: [] } });
	await answer('other', { result: { content: [], isError: true } });
	// An update may run the tool again, in the background.
	say(request('tasks/update', { taskId: 't2', inputResponses: {} }, 'update'));
	await answer('update', { result: {} });
	await settled();
	await far.close();
	await written(journal, 2 * (calls.length + 1));
	assert.deepEqual(
		recorded(path).map(({ args, ran }) => [calls[args.amount - 1], ran]),
		[
			['task', 'unknown'],
			['modern task', 'unknown'],
			['cancelled', 'unknown'],
			['twice', 'unknown'],
			['twice', 'unknown'],
			['open', 'unknown'],
			['isError', 'error'],
			['error', 'error'],
			['input', 'ok'],
			['no result', 'ok'],
			[7, 'unknown'],
			['7', 'ok'],
			['modern task', 'unknown'],
		],
	);
	assert.equal(answers.length, 12);
	assert.doesNotMatch(textOf(path), /marker/);
});

test('more calls are open than are remembered', native, async () => {
	const { path, journal } = opened({ args: 'read' });
	const { far, say } = passing(await compiled(DESK), { agent: AGENT, journal });
	for (let id = 0; id <= 4096; id += 1) say(refund(id));
	for (const id of [0, 4096]) await far.send({ jsonrpc: '2.0', id, result: { content: [] } });
	await written(journal, 4097 + 2);
	const all = recorded(path).filter(({ ran }) => ran !== undefined);
	assert.deepEqual([all.length, all[0].ran, all[1].ran], [2, 'unknown', 'ok']);
});

test('a call that is cancelled while it waits for the journal does not run', native, async () => {
	const { path, journal } = opened({ required: true });
	const { passed, say, settled } = passing(await compiled(DESK), { agent: AGENT, journal });
	say(refund(1));
	say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
	await written(journal, 1);
	for (let turn = 0; turn < 5; turn += 1) await settled();
	assert.deepEqual(
		passed.map(({ method }) => method),
		['notifications/cancelled'],
	);
	// The decision was made, and nothing came of it.
	assert.deepEqual([recorded(path)[0].decision, recorded(path)[0].ran], ['allow', undefined]);
});

test('requests for resources and prompts, and messages that are refused', native, async () => {
	const { path, journal } = opened({ args: 'all', required: true, agent: [] });
	let roles = ['staff'];
	const { far, say, passed, answers, settled } = passing(STAFF, { agent: () => ({ roles }), journal });
	const read = (uri, id) => request('resources/read', { uri }, id);
	say(read('note://one', 1));
	say(request('prompts/get', { name: 'greet', arguments: { number: '1' } }, 2));
	while (passed.length < 2) await settled();
	roles = [];
	say(read('note://one', 3));
	say(request('tools/other', {}, 4));
	say(request('completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'number', value: '1' } }, 5));
	while (answers.length < 3) await settled();
	await far.send({ jsonrpc: '2.0', id: 1, result: { contents: [] } });
	await far.send({ jsonrpc: '2.0', id: 2, error: { code: -32602, message: 'no' } });
	await written(journal, 7);
	assert.deepEqual(
		recorded(path).map(({ tool, decision, args, agent, ran }) => [tool, decision, args, agent, ran]),
		[
			['mcp:resources/read', 'allow', { uri: 'note://one' }, undefined, 'ok'],
			['mcp:prompts/get', 'allow', { name: 'greet', arguments: { number: '1' } }, undefined, 'error'],
			['mcp:resources/read', 'deny', { uri: 'note://one' }, undefined, undefined],
			['', 'deny', undefined, undefined, undefined],
			[
				'mcp:completion/complete',
				'deny',
				{ ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'number', value: '1' } },
				undefined,
				undefined,
			],
		],
	);
});

const GUARD = fileURLToPath(new URL('../../bin/perso-guard.mjs', import.meta.url));
const SERVER = fileURLToPath(new URL('../servers/unguarded.mjs', import.meta.url));

test('perso-guard', native, async () => {
	const module = join(folder, 'desk.wasm');
	writeFileSync(module, (await compiled(DESK)).module);
	writeFileSync(join(folder, 'done'), '');
	const [path, copies] = [place(), place()];
	const agent = JSON.stringify({ ...AGENT, token: 'marker' });
	const options = ['--policy', module, '--agent', agent, '--session', 's1', '--journal', path];
	const how = ['--journal-key', KEY, '--journal-checkpoints', copies, '--journal-args', 'all', '--journal-mask', 'note'];
	const more = ['--journal-agent', 'id', '--journal-agent', 'roles', '--journal-required', '--journal-durable'];
	const command = [GUARD, ...options, ...how, ...more, '--', process.execPath, SERVER, 'McpServer 1.x', join(folder, 'done')];
	const { make, stdio } = CLIENTS['1.x'];
	await using(make(), stdio(process.execPath, command), async (client) => {
		assert.equal((await call(client, 'process_refund', { amount: 5, note: 'marker' })).ok, true);
		assert.equal((await call(client, 'process_refund', { amount: 800 })).ok, false);
		// No call waits for the line of a denial.
		while (recorded(path).length < 2) await setTimeout(1);
		const repair = broken(path);
		assert.equal((await call(client, 'process_refund', { amount: 6 })).text, 'the call cannot be recorded');
		repair();
		assert.equal((await call(client, 'process_refund', { amount: 'x' })).ok, false);
	});
	// The process ends after the client has closed its end.
	for (const end = Date.now() + 10_000; Date.now() < end && !textOf(path).trimEnd().split('\n').at(-1).includes('"checkpoint"');) {
		await setTimeout(1);
	}
	const { status, text } = verified(path, '--keys', PUBLIC, '--checkpoints', copies, '--whole');
	assert.deepEqual([status, /could have changed the lines/.test(text)], [0, false], text);
	assert.deepEqual(
		recorded(path).map(({ decision, args, agent, session, ran }) => [decision, args, agent, session, ran]),
		[
			['allow', { amount: 5, note: '[masked]' }, AGENT, 's1', 'ok'],
			['deny', { amount: 800 }, AGENT, 's1', undefined],
			['deny', { amount: 'x' }, AGENT, 's1', undefined],
		],
	);
	assert.doesNotMatch(textOf(path), /marker/);
});

test('perso-guard with options that are not valid', async () => {
	const run = (...options) => {
		const module = join(folder, 'desk.wasm');
		const args = [...process.execArgv.filter((flag) => flag.startsWith('--conditions')), GUARD, '--policy', module];
		const { status, stderr } = spawnSync(process.execPath, [...args, ...options, '--', process.execPath, '-e', '0'], {
			encoding: 'utf8',
		});
		assert.equal(status, 1);
		return stderr;
	};
	writeFileSync(join(folder, 'desk.wasm'), (await compiled(DESK)).module);
	assert.match(run('--journal-required'), /`--journal-required` needs `--journal`/);
	assert.match(run('--journal-mask', 'a'), /`--journal-mask` needs `--journal`/);
	if (isPortable) return assert.match(run('--journal', place()), /a journal needs the native package/);
	assert.match(run('--journal', place(), '--journal-args', 'some'), /`args` is `some`: use `none`, `digest`, `read`, `all`/);
	assert.match(run('--journal', place(), '--journal-key', '/nowhere'), /the journal cannot be opened: `\/nowhere`/);
	assert.match(run('--journal', place(), '--journal-checkpoints', place()), /`checkpoints` are signed: set `key`, too/);
});
