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
import { LISTS } from '../servers/lists.mjs';
import { PAY, messages, policyOf } from '../support/messages.mjs';
import { compiled } from '../support/policies.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perso-messages-'));
after(() => rmSync(folder, { recursive: true }));

/** The policies, and their modules as files, by their names. */
const policies = {};
for (const name of new Set(messages('node').map(({ policy }) => policy))) {
	const policy = await compiled(JSON.parse(policyOf(name)));
	const module = join(folder, `${name}.wasm`);
	writeFileSync(module, policy.module);
	policies[name] = { policy, module };
}

/** Parses the bytes of a line as the SDK's transports do. Undefined if they are not JSON. */
function parsed(bytes) {
	try {
		return JSON.parse(bytes.toString('utf8'));
	} catch {
		return undefined;
	}
}

/** The tool and the arguments of a message that reached the server. */
function called({ method, params }) {
	if (method === 'tools/call') return [params.name, params.arguments ?? null];
	const { _meta, ...args } = params;
	return [`mcp:${method.replace('unsubscribe', 'subscribe').replace('skills/get', 'resources/read')}`, args];
}

/** The names of the entries of the first list in a result. */
function listed(result) {
	const [key, entries] = Object.entries(result ?? {}).find(([, value]) => Array.isArray(value)) ?? [];
	return { [key]: entries?.map(({ uri, uriTemplate, name }) => uri ?? uriTemplate ?? name) };
}

/** Checks what reached the server and what was answered. */
function check({ name, bytes, expected }, reached, answers, decided) {
	const answer = answers[0];
	const said = `${name}: reached ${JSON.stringify(reached)}, answered ${JSON.stringify(answer)}`.slice(0, 1000);
	const { does, decision, tool, args, shows = { tools: ['pay', 'look'] } } = expected;
	switch (does) {
		case 'lists':
			return assert.deepEqual([reached.length, reached[0]?.method in LISTS, listed(answer?.result)], [1, true, shows], said);
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
			assert.equal(reached.length, 1, said);
			return assert.deepEqual(called(reached[0]), [tool, args], said);
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
		guardTransport(transport, policies[found.policy].policy, { ...found.settings, onDecision: (event) => decided.push(event) });
		transport.onmessage = (message) => {
			reached.push(message);
			const result = LISTS[message.method];
			if (result !== undefined) void transport.send({ jsonrpc: '2.0', id: message.id, result });
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
	function guarded({ settings, policy }) {
		const key = JSON.stringify([settings, policy]);
		const { module } = policies[policy];
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
			const { process, lines } = guarded(found);
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
	await checkAll('node', ({ name, bytes, settings, policy, expected }) => {
		const message = parsed(bytes);
		// Messages about what is turned off or covered are read after the reader.
		if (message === undefined || Object.keys(settings).length > 0 || policy !== PAY) return;
		const asked = read(message);
		assert.equal(does[asked.kind], expected.does, name);
		if (asked.kind === 'call' && expected.tool !== undefined) assert.equal(asked.call.tool, expected.tool, name);
	});
});
