// Every message of the corpus: through a guarded transport, through `perso-guard`, and through the reader itself. The tests
// check what reached the server, which runs everything that it gets.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { guardTransport } from 'perso/mcp';
import { read } from '../../dist/mcp/message.js';
import { POLICY, messages } from '../support/messages.mjs';
import { compiled } from '../support/policies.mjs';

const policy = await compiled(JSON.parse(POLICY));
const folder = mkdtempSync(join(tmpdir(), 'perso-messages-'));
after(() => rmSync(folder, { recursive: true }));
const module = join(folder, 'pay.wasm');
writeFileSync(module, policy.module);

/** Parses the bytes of a line as the SDK's transports do. Undefined if they are not JSON. */
function parsed(bytes) {
	try {
		return JSON.parse(bytes.toString('utf8'));
	} catch {
		return undefined;
	}
}

const isRun = ({ method, params }) => method === 'tools/call' && params !== undefined;

/** Checks what reached the server and what was answered. */
function check({ name, bytes, expected }, reached, answers, decided) {
	const answer = answers[0];
	const said = `${name}: reached ${JSON.stringify(reached)}, answered ${JSON.stringify(answer)}`.slice(0, 1000);
	const tools = answer?.result?.tools?.map(({ name }) => name);
	const { does, decision, tool, args } = expected;
	switch (does) {
		case 'lists':
			return assert.deepEqual([reached.length, reached[0]?.method, tools], [1, 'tools/list', ['pay', 'look']], said);
		case 'judges': {
			if (decided !== undefined)
				assert.deepEqual(
					decided.map(({ decision }) => decision.allowed),
					[decision === 'allow'],
					said,
				);
			if (decided !== undefined && tool !== undefined) assert.equal(decided[0].tool, tool, said);
			if (decision === 'deny')
				return assert.deepEqual([reached, answer?.result?.isError ?? answer?.error !== undefined], [[], true], said);
			assert.ok(reached.length === 1 && isRun(reached[0]), said);
			return assert.deepEqual([reached[0].params.name, reached[0].params.arguments ?? null], [tool, args], said);
		}
		case 'refuses':
			assert.deepEqual(reached, [], said);
			return expected.result === undefined
				? assert.ok(answer === undefined || answer.error !== undefined, said)
				: assert.deepEqual(answer.result, expected.result, said);
		case 'passes':
			assert.deepEqual(decided ?? [], [], said);
			return assert.deepEqual(reached, [JSON.parse(bytes.toString('utf8'))], said);
		default:
			throw new Error(`${name}: \`${does}\` is unknown`);
	}
}

/** Checks each message, and reports all failures together. */
async function checkAll(runner, ask) {
	const wrong = [];
	for (const found of messages(runner)) {
		try {
			await ask(found);
		} catch (error) {
			wrong.push(error.message.split('\n')[0]);
		}
	}
	assert.deepEqual(wrong, []);
}

test('each message through a guarded transport', async () => {
	await checkAll('node', async (found) => {
		const [reached, answers, decided] = [[], [], []];
		const transport = { send: async (message) => answers.push(message) };
		guardTransport(transport, policy, { ...found.settings, onDecision: (event) => decided.push(event) });
		transport.onmessage = (message) => {
			reached.push(message);
			if (message.method === 'tools/list')
				void transport.send({
					jsonrpc: '2.0',
					id: message.id,
					result: { tools: ['pay', 'look', 'wipe'].map((name) => ({ name })) },
				});
		};
		const message = parsed(found.bytes);
		if (message !== undefined) transport.onmessage(message);
		await new Promise(setImmediate);
		check(found, reached, answers, decided);
	});
});

test('each message through `perso-guard`', async () => {
	const guard = fileURLToPath(new URL('../../bin/perso-guard.mjs', import.meta.url));
	const server = fileURLToPath(new URL('../servers/lax.mjs', import.meta.url));
	const engine = process.execArgv.filter((flag) => flag.startsWith('--conditions'));
	const started = new Map();
	/** One guarded server with these options for all messages. */
	function guarded(settings) {
		const key = JSON.stringify(settings);
		if (!started.has(key)) {
			const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
			const process_ = spawn(process.execPath, [...engine, guard, '--policy', module, ...flags, '--', process.execPath, server], {
				stdio: ['pipe', 'pipe', 'ignore'],
			});
			started.set(key, { process: process_, lines: createInterface({ input: process_.stdout })[Symbol.asyncIterator]() });
		}
		return started.get(key);
	}
	let count = 0;
	try {
		await checkAll('perso-guard', async (found) => {
			const { process, lines } = guarded(found.settings);
			const id = `seen ${(count += 1)}`;
			process.stdin.write(Buffer.concat([found.bytes, Buffer.from(`\n${JSON.stringify({ jsonrpc: '2.0', id, method: 'seen' })}\n`)]));
			const answers = [];
			for (;;) {
				const { value, done } = await lines.next();
				assert.ok(!done, `${found.name}: the guard has ended`);
				const answer = JSON.parse(value);
				if (answer.id === id) return check(found, answer.result, answers, undefined);
				answers.push(answer);
			}
		});
	} finally {
		for (const { process } of started.values()) {
			process.stdin.end();
			await once(process, 'exit');
		}
	}
});

test('each message by the reader', async () => {
	const does = { call: 'judges', list: 'lists', update: 'refuses', refused: 'refuses', cancelled: 'passes', other: 'passes' };
	await checkAll('node', ({ name, bytes, settings, expected }) => {
		const message = parsed(bytes);
		// Messages about what is turned off are refused after the reader.
		if (message === undefined || Object.keys(settings).length > 0) return;
		const asked = read(message);
		assert.equal(does[asked.kind], expected.does, name);
		if (asked.kind === 'call' && expected.tool !== undefined) assert.equal(asked.call.tool, expected.tool, name);
	});
});
