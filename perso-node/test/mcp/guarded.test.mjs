// Third-party servers, guarded without changes: `perso-guard` in front of each, over stdio.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CLIENTS, call, shown, using } from '../support/clients.mjs';
import { ASKED, ASKS, asksAPerson, LISTED } from '../support/asks.mjs';
import { AGENT, moduleOf } from '../support/policies.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perso-guarded-'));
after(() => rmSync(folder, { recursive: true }));
const GUARD = fileURLToPath(new URL('../../bin/perso-guard.mjs', import.meta.url));
const engine = process.execArgv.filter((flag) => flag.startsWith('--conditions'));

/** The entry file of a server package. */
function server(name) {
	const manifest = createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/package.json`);
	const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
	return join(manifest, '..', Object.values(bin)[0]);
}

/** The command that runs a server behind a guard. */
function guarded(policy, command, ...options) {
	const module = join(folder, `${Math.random()}.wasm`);
	writeFileSync(module, moduleOf({ perso: 1, ...policy }));
	return [...engine, GUARD, '--policy', module, ...options, '--', process.execPath, ...command];
}

for (const [name, client] of Object.entries(CLIENTS).filter(([name]) => name.endsWith('x'))) {
	const with_ = (args, run) => using(client.make(), client.stdio(process.execPath, args), run);

	test(`server-filesystem, client ${name}`, async () => {
		const root = join(folder, `files ${name}`);
		mkdirSync(join(root, 'public'), { recursive: true });
		writeFileSync(join(root, 'secret.txt'), 'secret');
		writeFileSync(join(root, 'public', 'open.txt'), 'open');
		const policy = {
			rules: [
				{
					id: 'read',
					allow: ['read_text_file', 'list_directory'],
					when: { 'args.path': { within: join(root, 'public') } },
					reason: 'Only public files may be read.',
				},
				{
					id: 'write',
					allow: 'write_file',
					roles: ['editor'],
					when: { 'args.path': { within: join(root, 'public') } },
					reason: 'Editors may write public files.',
				},
			],
		};
		const args = (roles) => guarded(policy, [server('server-filesystem'), root], '--agent', JSON.stringify({ roles }));
		const write = (client, path) => call(client, 'write_file', { path, content: 'written' });
		await with_(args(['reader']), async (client) => {
			assert.deepEqual(await shown(client), ['list_directory', 'read_text_file']);
			assert.equal((await call(client, 'read_text_file', { path: join(root, 'public', 'open.txt') })).text, 'open');
			for (const path of [join(root, 'secret.txt'), join(root, 'public', '..', 'secret.txt'), `${root}/public/../secret.txt`]) {
				const { ok, text } = await call(client, 'read_text_file', { path });
				const hint = path.includes('..') ? ' Hint: args.path must be an absolute path without `.` and `..`.' : '';
				assert.deepEqual([ok, text], [false, `Only public files may be read.${hint}`], path);
			}
			const written = await write(client, join(root, 'public', 'new.txt'));
			assert.deepEqual([written.ok, written.text], [false, 'Editors may write public files.']);
			const moved = await call(client, 'move_file', {
				source: join(root, 'secret.txt'),
				destination: join(root, 'public', 'moved.txt'),
			});
			assert.equal(moved.ok, false);
		});
		assert.ok(!existsSync(join(root, 'public', 'new.txt')) && !existsSync(join(root, 'public', 'moved.txt')));
		await with_(args(['editor']), async (client) => {
			assert.ok((await shown(client)).includes('write_file'));
			assert.equal((await write(client, join(root, 'public', 'new.txt'))).ok, true);
			assert.equal((await write(client, join(root, 'new.txt'))).text, 'Editors may write public files.');
		});
		assert.equal(readFileSync(join(root, 'public', 'new.txt'), 'utf8'), 'written');
		assert.ok(!existsSync(join(root, 'new.txt')));
	});

	test(`server-memory, client ${name}`, async () => {
		process.env.MEMORY_FILE_PATH = join(folder, `memory ${name}.jsonl`);
		const policy = {
			rules: [
				{ id: 'read', allow: 'read_graph' },
				{
					id: 'people',
					allow: 'create_entities',
					when: { 'args.entities': { every: { '.entityType': 'person' } } },
					reason: 'Only people may be remembered.',
				},
			],
		};
		const transport = client.stdio(process.execPath, guarded(policy, [server('server-memory')]));
		// These clients pass only a few environment variables to their servers.
		(transport._serverParams ?? transport).env = { ...process.env };
		await using(client.make(), transport, async (client) => {
			assert.deepEqual(await shown(client), ['create_entities', 'read_graph']);
			const entity = (name, entityType) => ({ name, entityType, observations: [] });
			assert.equal((await call(client, 'create_entities', { entities: [entity('ann', 'person')] })).ok, true);
			const mixed = await call(client, 'create_entities', { entities: [entity('bob', 'person'), entity('card', 'password')] });
			assert.deepEqual([mixed.ok, mixed.text], [false, 'Only people may be remembered.']);
			assert.equal((await call(client, 'delete_entities', { entityNames: ['ann'] })).ok, false);
			const { text } = await call(client, 'read_graph', {});
			assert.deepEqual(
				JSON.parse(text).entities.map(({ name }) => name),
				['ann'],
			);
		});
	});

	test(`server-everything, client ${name}`, async () => {
		const policy = {
			rules: [
				{ id: 'echo', allow: 'echo' },
				{
					id: 'sum',
					allow: 'get-sum',
					when: { 'args.a': { lte: 100 }, 'args.b': { lte: 100 } },
					reason: 'Numbers up to 100 may be added.',
				},
				{
					id: 'research',
					allow: 'simulate-research-query',
					when: { 'args.topic': 'weather' },
					reason: 'The weather may be looked into.',
				},
			],
		};
		await with_(guarded(policy, [server('server-everything'), 'stdio']), async (client) => {
			const tools = await shown(client);
			assert.deepEqual(
				tools.filter((tool) => tool !== 'simulate-research-query'),
				['echo', 'get-sum'],
			);
			assert.equal((await call(client, 'echo', { message: 'hello' })).text, 'Echo: hello');
			assert.equal((await call(client, 'get-sum', { a: 1, b: 2 })).ok, true);
			assert.equal((await call(client, 'get-sum', { a: 1, b: 200 })).text, 'Numbers up to 100 may be added.');
			assert.equal((await call(client, 'get-env', {})).ok, false);
			if (name !== '1.x') return;
			const task = async (topic) => {
				let last;
				const stream = client.experimental.tasks.callToolStream(
					{ name: 'simulate-research-query', arguments: { topic } },
					undefined,
					{ task: { ttl: 60_000 } },
				);
				for await (const message of stream) last = message;
				return last;
			};
			const denied = await task('secrets');
			assert.deepEqual([denied.type, /The weather may be looked into\./.test(denied.error.message)], ['error', true]);
			assert.deepEqual((await client.experimental.tasks.listTasks()).tasks, []);
			assert.equal((await task('weather')).type, 'result');
		});
	});
}

/** Runs a guard in front of a program with this standard input, and returns its output. */
const run = (input, ...args) => spawnSync(process.execPath, [...engine, ...args], { input, encoding: 'utf8' });

/** A server that echoes every line. */
const ECHO = ['-e', 'process.stdin.on("data", (data) => process.stdout.write(data)).on("end", () => process.exit(7))'];
const ALL = { rules: [{ id: 'five', allow: 'pay', when: { 'args.amount': { lte: 5 } } }] };

test('what goes on is what was judged, written anew', () => {
	const say = (params) => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}\n`;
	const { stdout, status } = run(
		`${say('{"name":"pay","arguments":{"amount":5,"amount":900}}')}${say('{"name":"pay","arguments":{"amount":900,"amount":5}}')}` +
			`${say('{"name":"pay","name":"other","arguments":{"amount":5}}')}{"method":"ping","method":"tools/call","params":{"name":"steal"},"id":2}\nno JSON\n\n[${say('{"name":"steal"}').trim()}]\n`,
		...guarded(ALL, ECHO).slice(engine.length),
	);
	const lines = stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line));
	assert.deepEqual(
		lines.filter(({ method }) => method),
		[JSON.parse(say('{"name":"pay","arguments":{"amount":5}}'))],
	);
	assert.deepEqual(lines.filter(({ result }) => result).length, 3);
	assert.deepEqual(
		lines.filter(({ error }) => error),
		[{ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } }],
	);
	assert.equal(status, 7, "the exit code is the server's");
});

test('the command says how it is used', () => {
	assert.match(run('', GUARD, '--help').stdout, /^Runs an MCP server over stdio/);
	for (const [args, why] of [
		[[], /`--policy` is missing/],
		[['--policy', 'x.wasm'], /the command of the server is missing/],
		[['--policy', 'x.wasm', '--', 'node'], /ENOENT.*x\.wasm/],
		[['--polcy', 'x.wasm'], /--polcy/],
		[guarded(ALL, ECHO, '--agent', '[]').slice(engine.length + 1), /`--agent` must be a JSON object/],
		[guarded(ALL, ECHO, '--agent', '{').slice(engine.length + 1), /JSON/],
		[[...guarded(ALL, []).slice(engine.length + 1, -1), 'no-such-command'], /no-such-command/],
	]) {
		const { status, stderr } = run('', GUARD, ...args);
		assert.match(stderr, why);
		assert.equal(status, 1);
	}
});

test('observing and hiding', () => {
	const line = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'pay', arguments: { amount: 900 } } })}\n`;
	const observed = run(line, ...guarded(ALL, ECHO, '--observe').slice(engine.length));
	assert.deepEqual([observed.stdout, /perso: deny "pay"/.test(observed.stderr)], [line, true]);
	const hidden = run(line, ...guarded(ALL, ECHO, '--hide').slice(engine.length));
	assert.deepEqual(JSON.parse(hidden.stdout), { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'Tool pay not found' } });
});

/** A server that writes down the accounts that are paid, which takes a while. To a call for `never` it does not answer. */
const TILL = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
	const { id, method, params } = JSON.parse(line);
	if (method !== 'tools/call' || params.arguments.account === 'never') return;
	setTimeout(() => {
		require('node:fs').appendFileSync(process.argv[1], params.arguments.account + '\\n');
		console.log(JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } }));
	}, 50);
}).on('close', () => process.exit(0));`;

const FACTS = `import { readFileSync } from 'node:fs';
export default ({ tool, args, agent }) => {
	if (args.account === 'odd') throw new Error('no account\\nof ' + agent.id);
	const paid = readFileSync(new URL('paid', import.meta.url), 'utf8').split('\\n');
	return { owner: args.account.startsWith('b') ? 'bob' : 'ann', paid: paid.includes(args.account) };
};`;

const OWN = { rules: [{ id: 'own', allow: 'pay', when: { 'resource.owner': { eq: { ref: 'agent.id' } }, 'resource.paid': false } }] };

/** Sends messages at once to a guarded till. Returns the answers by their ids, the accounts that were paid, and the errors. */
async function paid(facts, sent, ids) {
	const [paid, file] = [join(folder, 'paid'), join(folder, `facts ${Math.random()}.mjs`)];
	writeFileSync(paid, '');
	writeFileSync(file, facts);
	const args = guarded(OWN, ['-e', TILL, paid], '--agent', '{"id": "ann"}', '--facts', file);
	const guard = spawn(process.execPath, args, { stdio: 'pipe' });
	const [answers, errors] = [new Map(), []];
	guard.stderr.on('data', (data) => errors.push(data));
	guard.stdin.write(sent.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join(''));
	for await (const line of createInterface({ input: guard.stdout })) {
		const { id, result } = JSON.parse(line);
		answers.set(id, result.isError ? 'denied' : 'ran');
		if (answers.size === ids.length) guard.stdin.end();
	}
	assert.deepEqual([...answers.keys()], ids);
	return { answers: [...answers.values()], accounts: readFileSync(paid, 'utf8').split('\n').filter(Boolean), errors: errors.join('') };
}

const pay = (account, id) => ({ id, method: 'tools/call', params: { name: 'pay', arguments: { account } } });
const cancelled = (requestId) => ({ method: 'notifications/cancelled', params: { requestId } });

test('facts are what rules read as resource, and stay true until the call has run', async () => {
	for (const facts of [FACTS, FACTS.replace('default (', 'default async (')]) {
		const sent = [pay('a', 1), pay('a', 2), pay('b', 'three'), pay('odd', 4), pay('c', 5)];
		const { answers, accounts, errors } = await paid(facts, sent, [1, 2, 'three', 4, 5]);
		assert.deepEqual(answers, ['ran', 'denied', 'denied', 'denied', 'ran']);
		assert.deepEqual(accounts, ['a', 'c']);
		assert.match(errors, /^perso: error at "pay": "no account\\nof ann" \([\w-]{36}\)$/m);
	}
	// A call that is cancelled lets the next one begin, and does not begin itself.
	const sent = [pay('never', 1), pay('a', 2), pay('b', 3), pay('c', 4), cancelled(2), cancelled(1)];
	const { answers, accounts } = await paid(FACTS, sent, [3, 4]);
	assert.deepEqual([answers, accounts], [['denied', 'ran'], ['c']]);
});

test('facts that cannot be had', () => {
	const line = `${JSON.stringify({ jsonrpc: '2.0', ...pay('a', 1) })}\n`;
	const file = join(folder, 'no-facts.mjs');
	const judged = (...options) => run(line, ...guarded(OWN, ECHO, '--agent', '{"id": "ann"}', ...options).slice(engine.length));
	assert.equal(JSON.parse(judged().stdout).result.isError, true);
	for (const [text, why] of [
		['export const facts = () => ({});', /the default export of `--facts .*no-facts\.mjs` must be a function/],
		['export default { owner: "ann" };', /must be a function/],
		['export default (', /error: /],
	]) {
		writeFileSync(file, text);
		const { stdout, stderr, status } = judged('--facts', file);
		assert.match(stderr, why);
		assert.deepEqual([stdout, status], ['', 1]);
	}
	assert.match(judged('--facts', join(folder, 'none.mjs')).stderr, /none\.mjs/);
});

/** Unguarded servers of each SDK version, to run behind `perso-guard`. */
const DESK_NAMES = ['McpServer 1.x', 'Server 1.x', 'McpServer 2.x', 'Server 2.x'];
const UNGUARDED = fileURLToPath(new URL('../servers/unguarded.mjs', import.meta.url));

for (const desk of DESK_NAMES) {
	for (const [name, client] of Object.entries(CLIENTS).filter(([name]) => !name.endsWith('modern') || desk.endsWith('2.x'))) {
		test(`a ${desk} that nobody guards, client ${name}: an allowed call runs once, a denied one never`, async () => {
			const file = join(folder, `${desk} ${name}`);
			writeFileSync(file, '');
			const policy = {
				rules: [{ id: 'refund', allow: 'process_refund', when: { 'args.amount': { lte: 500 } }, reason: 'Up to $500.' }],
			};
			const args = guarded(policy, [UNGUARDED, desk, file]);
			await using(client.make(), client.stdio(process.execPath, args), async (client) => {
				assert.deepEqual(await shown(client), ['process_refund']);
				assert.equal((await call(client, 'process_refund', { amount: 5 })).ok, true);
				assert.equal((await call(client, 'process_refund', { amount: 501 })).text, 'Up to $500.');
				assert.equal((await call(client, 'dump_secrets', {})).ok, false);
			});
			assert.deepEqual(
				readFileSync(file, 'utf8')
					.split('\n')
					.filter(Boolean)
					.map((line) => JSON.parse(line)),
				[{ name: 'process_refund', args: { amount: 5 } }],
			);
		});
	}
}

for (const [name, client] of Object.entries(CLIENTS)) {
	test(`a call that needs the approval of a person does not run, client ${name}`, async () => {
		const file = join(folder, `asks ${name}`);
		writeFileSync(file, '');
		const desk = name === '1.x' ? 'McpServer 1.x' : 'McpServer 2.x';
		const args = guarded(ASKS, [UNGUARDED, desk, file], '--agent', JSON.stringify(AGENT));
		const done = {
			get length() {
				return readFileSync(file, 'utf8').split('\n').length - 1;
			},
		};
		await using(client.make(), client.stdio(process.execPath, args), async (client) => {
			assert.deepEqual(await shown(client), LISTED);
			await asksAPerson((tool, args) => call(client, tool, args), done);
		});
	});
}

test('the operator reads the outcome and what the model reads', () => {
	const lines = ASKED.map(({ tool, args }, id) => ({
		jsonrpc: '2.0',
		id,
		method: 'tools/call',
		params: { name: tool, arguments: args },
	}));
	const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
	const { stdout, stderr } = run(input, ...guarded(ASKS, ECHO, '--agent', JSON.stringify(AGENT)).slice(engine.length));
	assert.deepEqual(
		stderr
			.trim()
			.split('\n')
			.map((line) => line.replace(/ \([\w-]{36}\)$/, '')),
		ASKED.map(({ tool, decision, text }) => `perso: ${decision} "${tool}": ${text}`),
	);
	assert.ok(!stdout.includes('"method"'), 'nothing has reached the server');
});

const PLAIN = fileURLToPath(new URL('../servers/plain.mjs', import.meta.url));
const CLOSED = ['--prompts', 'deny', '--resources', 'deny'];
const OTHERS = [['--prompts', 'pass', '--resources', 'pass'], CLOSED.slice(0, 2), CLOSED.slice(2), [...CLOSED, '--observe']];

/** Whether a request succeeds; else the error's message. */
const got = (asked) =>
	asked.then(
		() => 'got',
		({ message }) => message.replace(/^MCP error -?\d+: /, ''),
	);

for (const line of ['1.x', '2.x']) {
	for (const kind of ['McpServer', 'Server']) {
		for (const [name, client] of Object.entries(CLIENTS).filter(([name]) => !name.endsWith('modern') || line === '2.x')) {
			test(`prompts and resources of a ${kind} ${line}, client ${name}`, async () => {
				for (const flags of name === line && kind === 'Server' ? [...OTHERS, [], CLOSED] : [[], CLOSED]) {
					const file = join(folder, `closed ${line} ${kind} ${name}`);
					writeFileSync(file, '');
					const isOff = (what) => flags.includes(`--${what}`) && flags.includes('deny') && !flags.includes('--observe');
					const denial = (method, what) => (isOff(what) ? `${method} is not allowed: this server's guard denies ${what}` : 'got');
					await using(
						client.make(),
						client.stdio(process.execPath, guarded(ALL, [PLAIN, line, kind, file], ...flags)),
						async (client) => {
							assert.deepEqual((await client.listPrompts()).prompts.length, isOff('prompts') ? 0 : 1);
							assert.deepEqual((await client.listResources()).resources.length, isOff('resources') ? 0 : 1);
							assert.deepEqual((await client.listResourceTemplates()).resourceTemplates.length, isOff('resources') ? 0 : 1);
							writeFileSync(file, '');
							assert.equal(
								await got(client.getPrompt({ name: 'greet', arguments: { number: '1' } })),
								denial('prompts/get', 'prompts'),
							);
							const complete = (ref) => got(client.complete({ ref, argument: { name: 'number', value: '1' } }));
							assert.equal(await complete({ type: 'ref/prompt', name: 'greet' }), denial('completion/complete', 'prompts'));
							assert.equal(readFileSync(file, 'utf8').split('\n').length - 1, isOff('prompts') ? 0 : 2);
							writeFileSync(file, '');
							assert.equal(await got(client.readResource({ uri: 'note://one' })), denial('resources/read', 'resources'));
							assert.equal(
								await complete({ type: 'ref/resource', uri: 'page://{number}' }),
								denial('completion/complete', 'resources'),
							);
							assert.equal(readFileSync(file, 'utf8').split('\n').length - 1, isOff('resources') ? 0 : 2);
						},
					);
				}
			});
		}
	}
}

test('prompts and resources: a server that somebody else wrote, and what is said of it', async () => {
	const { '1.x': client } = CLIENTS;
	await using(
		client.make(),
		client.stdio(process.execPath, guarded(ALL, [server('server-everything'), 'stdio'], ...CLOSED)),
		async (client) => {
			assert.deepEqual([(await client.listPrompts()).prompts, (await client.listResources()).resources], [[], []]);
			assert.equal(
				await got(client.getPrompt({ name: 'simple-prompt' })),
				"prompts/get is not allowed: this server's guard denies prompts",
			);
		},
	);
	const lines = [
		{ id: 1, method: 'prompts/get' },
		{ id: 2, method: 'resources/list' },
		{ method: 'prompts/get' },
		{ id: 3, method: 'ping' },
	].map((message) => ({ jsonrpc: '2.0', ...message }));
	const { stdout, stderr } = run(
		lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
		...guarded(ALL, ECHO, ...CLOSED).slice(engine.length),
	);
	assert.deepEqual(
		stdout
			.trim()
			.split('\n')
			.map((line) => JSON.parse(line))
			.sort((a, b) => a.id - b.id),
		[
			{ jsonrpc: '2.0', id: 1, error: { code: -32601, message: "prompts/get is not allowed: this server's guard denies prompts" } },
			{ jsonrpc: '2.0', id: 2, result: { resources: [] } },
			lines[3],
		],
	);
	assert.equal(stderr.match(/perso: deny "": prompts are denied/g).length, 2);
	const wrong = run('', ...guarded(ALL, ECHO, '--prompts', 'allow').slice(engine.length));
	assert.deepEqual([wrong.status, wrong.stderr], [1, 'error: `prompts` is `allow`: use `deny` or `pass`\n']);
});
