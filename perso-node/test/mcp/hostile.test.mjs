// Malicious clients: messages that a more lenient parser behind the guard reads differently, and lists of other callers.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { guardTransport } from 'perso/mcp';
import { AGENT, DESK, compiled } from '../support/policies.mjs';

const policy = await compiled(DESK);
const folder = mkdtempSync(join(tmpdir(), 'perso-hostile-'));
after(() => rmSync(folder, { recursive: true }));
const module = join(folder, 'desk.wasm');
writeFileSync(module, policy.module);

/** A guarded transport that records what gets through to the server and what is sent to the client. */
function desk() {
	const sent = [];
	const got = [];
	const transport = { send: async (message) => sent.push(message) };
	guardTransport(transport, policy, { agent: AGENT });
	transport.onmessage = (message) => got.push(message);
	return { transport, sent, got };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const ALL = ['view_customer', 'dump_secrets'].map((name) => ({ name }));

test('keys in another case, and methods that are no strings, do not pass', async () => {
	// A case-insensitive parser, such as Go's, reads each of these as a call of another tool or with other arguments.
	const view = { name: 'view_customer' };
	const secret = { name: 'dump_secrets' };
	for (const more of [
		{ method: 'ping', Method: 'tools/call', params: secret },
		{ Method: 'tools/call', params: secret },
		{ method: 'ping', 'METHOD\0': 'tools/call', params: secret },
		{ method: 'ping', 'method\0x': 'tools/call', params: secret },
		{ method: 'ping', '\0method': 'tools/call', params: secret },
		{ method: ['tools/call'], params: secret },
		{ method: null, params: secret },
		{ method: new String('tools/call'), params: secret },
		{ method: '\0tools/call', params: secret },
		{ method: 'tools/call', params: view, Params: secret },
		{ method: 'tools/call', params: { ...view, Name: 'dump_secrets' } },
		{ method: 'tools/call', params: { ...view, 'name ': 'dump_secrets' } },
		{ method: 'tools/call', params: { ...view, 'arg\u0075ment\u017f': {}, ARGUMENTS: { id: 1 } } },
		{ method: 'tools/call', params: { ...view, Task: {} } },
	]) {
		const { transport, sent, got } = desk();
		transport.onmessage({ jsonrpc: '2.0', id: 1, ...more });
		await settled();
		assert.deepEqual(got, [], JSON.stringify(more));
		assert.ok([-32600, -32601, -32602].includes(sent[0].error.code), JSON.stringify(more));
	}
	const { transport, got } = desk();
	const fine = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...view, names: 1, x: 2 }, more: 3 };
	transport.onmessage(fine);
	assert.deepEqual(got, [fine], 'other keys are left alone');
});

test('no other request makes a guard forget who waits for a list', async () => {
	const { transport, sent, got } = desk();
	const list = (id) => transport.onmessage({ jsonrpc: '2.0', id, method: 'tools/list' });
	const cancel = (requestId) => transport.onmessage({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
	// With the same id: another request before the list, one after it, one that is answered although it was cancelled, and as
	// many lists as the limit allows.
	transport.onmessage({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'view_customer' } });
	cancel(5);
	list(5);
	const { id } = got.at(-1);
	transport.onmessage({ jsonrpc: '2.0', id: 5, method: 'own/tools' });
	await transport.send({ jsonrpc: '2.0', id: 5, result: { content: [] } });
	await transport.send({ jsonrpc: '2.0', id: 5, result: {} });
	for (let other = 0; other < 5000; other += 1) list(`other ${other}`);
	await transport.send({ jsonrpc: '2.0', id, result: { tools: ALL } });
	// A second answer with the same id of the guard is dropped.
	await transport.send({ jsonrpc: '2.0', id, result: { tools: ALL } });
	const shown = sent.filter(({ id, result }) => id === 5 && result.tools).map(({ result }) => result.tools);
	assert.deepEqual(shown, [[ALL[0]]]);
	assert.ok(sent.every(({ result }) => result?.tools?.length !== 2));
});

test('a list that fails makes room', async () => {
	const { transport, got } = desk();
	for (let id = 0; id < 5000; id += 1) {
		transport.onmessage({ jsonrpc: '2.0', id, method: 'tools/list' });
		await transport.send({ jsonrpc: '2.0', id: got.at(-1).id, error: { code: 1, message: 'no' } });
	}
	assert.equal(got.length, 5000);
});

const GUARD = fileURLToPath(new URL('../../bin/perso-guard.mjs', import.meta.url));
const ECHO = ['-e', 'process.stdin.pipe(process.stdout)'];
const engine = process.execArgv.filter((flag) => flag.startsWith('--conditions'));

/** The output and the standard error of a guard in front of a server that echoes everything. */
function through(...lines) {
	const args = [...engine, GUARD, '--policy', module, '--', process.execPath, ...ECHO];
	const { stdout, stderr, status } = spawnSync(process.execPath, args, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
	assert.equal(status, 0);
	return {
		said: stdout
			.trim()
			.split('\n')
			.map((line) => JSON.parse(line)),
		stderr,
	};
}

test('numbers that would be others to the server do not pass', () => {
	const view = (args) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"view_customer","arguments":${args}}}`;
	for (const number of ['9007199254740993', '-12345678901234567890', '1e400', '1e20']) {
		const { said } = through(view(`{"list":[{"id":${number}}]}`));
		assert.deepEqual(said, [
			{ jsonrpc: '2.0', id: 1, error: { code: -32600, message: 'a number is larger than can be passed on exactly' } },
		]);
	}
	const { said } = through(view('{"id":9007199254740991,"x":-0.5e-3}'));
	assert.deepEqual(said[0].params.arguments, { id: 9007199254740991, x: -0.0005 });
});

test('what is nested too deep is refused, and the next message is served', () => {
	const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
	const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };
	const { said, stderr } = through(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":${deep}}}`, deep, JSON.stringify(ping));
	assert.deepEqual(said, [{ jsonrpc: '2.0', id: 1, error: { code: -32600, message: 'the message is nested too deep' } }, ping]);
	assert.equal(stderr.match(/nested too deep/g).length, 1);
	assert.equal(stderr.match(/deny "": /g).length, 1);
});

test('a report has nothing in it that a terminal would obey', () => {
	const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a\u009b2J\u001b[2J\u202e\n' } };
	const { stderr } = through(JSON.stringify(call));
	assert.match(stderr, /^perso: deny "a\\u\{9b\}2J\\u001b\[2J\\u\{202e\}\\n": [^\n]*\n$/);
});
