// With `hide`, a denied call is answered exactly, byte for byte, as the SDK answers a call of an unknown tool. The tests compare
// the answer with that of an unguarded server, with the tool's name replaced.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InMemoryTransport as Memory1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Server as Server1 } from '@modelcontextprotocol/sdk/server/index.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { InMemoryTransport as Memory2, McpServer as McpServer2, Server as Server2 } from '@modelcontextprotocol/server';
import { guard } from 'perso/mcp';
import { z } from 'zod';
import { WAYS, serve } from '../support/http.mjs';
import { AGENT, DESK, compiled, isPortable } from '../support/policies.mjs';

const policy = await compiled(DESK);
const folder = mkdtempSync(join(tmpdir(), 'perso-hide-'));
after(() => rmSync(folder, { recursive: true }));
const module = join(folder, 'desk.wasm');
writeFileSync(module, policy.module);

// The names have the same length, so that nothing else differs.
const [HIDDEN, NONE] = ['dump_secrets', 'dump_nothing'];
const INFO = { name: 'desk', version: '1.0.0' };
const MODERN = '2026-07-28';
const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } };

/** Servers with one tool that records its calls. */
const HIGH = {
	'McpServer 1.x': (run) => {
		const server = new McpServer1(INFO);
		server.registerTool(HIDDEN, { inputSchema: { id: z.string().optional() } }, run);
		return server;
	},
	'McpServer 1.x, with tasks': (run) => {
		const server = new McpServer1(INFO, { capabilities: { tasks, tools: {} }, taskStore: new InMemoryTaskStore() });
		server.registerTool(HIDDEN, {}, run);
		return server;
	},
	'McpServer 2.x': (run) => {
		const server = new McpServer2(INFO);
		server.registerTool(HIDDEN, { inputSchema: z.object({ id: z.string().optional() }) }, run);
		return server;
	},
	'McpServer 2.x, that checks states': (run) => {
		const server = new McpServer2(INFO, {
			requestState: {
				verify: (state) => {
					if (state !== 'good') throw new Error('no');
				},
			},
		});
		server.registerTool(HIDDEN, { inputSchema: z.object({}) }, run);
		return server;
	},
	'a class of the host’s, which makes tools': (run) => {
		class Desk extends McpServer2 {
			constructor() {
				super(INFO);
				this.registerTool(HIDDEN, { inputSchema: z.object({}) }, run);
			}
		}
		return new Desk();
	},
};

/** How handlers of low-level servers answer for an unknown tool. */
const unknown = {
	'throws an error': (name) => {
		throw Object.assign(new Error(`Unknown tool: ${name}`), { code: -32602, data: { name } });
	},
	'throws a plain error': (name) => {
		throw new Error(`Unknown tool: ${name}`);
	},
	'returns a result': (name) => ({ content: [{ type: 'text', text: `Unknown tool: ${name}` }], isError: true }),
};
const LOW = {};
for (const [how, say] of Object.entries(unknown)) {
	const handle =
		(run) =>
		({ params }) =>
			params.name === HIDDEN ? run() : say(params.name);
	LOW[`Server 1.x, ${how}`] = [
		(run) => {
			const server = new Server1(INFO, { capabilities: { tools: {} } });
			server.setRequestHandler(CallToolRequestSchema, handle(run));
			return server;
		},
		say,
	];
	LOW[`Server 2.x, ${how}`] = [
		(run) => {
			const server = new Server2(INFO, { capabilities: { tools: {} } });
			server.setRequestHandler('tools/call', handle(run));
			return server;
		},
		say,
	];
}

const SERVERS = { ...Object.fromEntries(Object.entries(HIGH).map(([name, make]) => [name, [make, true]])), ...LOW };

/** Calls in the format of each era. */
const CALLS = {
	plain: {},
	arguments: { arguments: { id: '1' } },
	'wrong arguments': { arguments: { id: 5 } },
	task: { task: { ttl: 1000 } },
	'a round with answers': { arguments: {}, inputResponses: { x: { action: 'accept' } }, requestState: 'bad' },
	'an odd task': { task: 'x' },
};
const envelope = {
	'io.modelcontextprotocol/protocolVersion': MODERN,
	'io.modelcontextprotocol/clientInfo': INFO,
	'io.modelcontextprotocol/clientCapabilities': {},
};
const call = (name, id, more, isModern) => ({
	jsonrpc: '2.0',
	id,
	method: 'tools/call',
	params: { name, ...more, ...(isModern && { _meta: envelope }) },
});

/** The calls of a test. Low-level servers of SDK 1.x have other errors for tasks. */
const callsOf = (server) => Object.entries(CALLS).filter(([what]) => !(server.startsWith('Server 1.x') && what === 'an odd task'));

const isModernLine = (name) => !name.includes('1.x');
const same = (hidden, none, what) => assert.equal(hidden, none.replaceAll(NONE, HIDDEN), what);

for (const [name, [make, hide]] of Object.entries(SERVERS)) {
	const counting = (isHidden) => {
		let runs = 0;
		const server = make(() => ((runs += 1), { content: [] }));
		if (isHidden) guard(server, policy, { agent: AGENT, hide });
		return { server, ran: () => runs };
	};

	test(`${name}, in memory`, async () => {
		const Memory = isModernLine(name) ? Memory2 : Memory1;
		const say = async (tool, isHidden) => {
			const { server, ran } = counting(isHidden);
			const [near, far] = Memory.createLinkedPair();
			await server.connect(far);
			await near.start();
			const answers = {};
			for (const id of [7, 'seven']) {
				for (const [what, more] of callsOf(name)) {
					const answer = new Promise((resolve) => (near.onmessage = resolve));
					await near.send(call(tool, id, more));
					answers[`${id}, ${what}`] = JSON.stringify(await answer);
				}
			}
			await server.close();
			assert.equal(ran(), 0);
			return answers;
		};
		const [hidden, none] = [await say(HIDDEN, true), await say(NONE, false)];
		for (const what of Object.keys(none)) same(hidden[what], none[what], what);
	});

	for (const [way, handle] of Object.entries(WAYS[isModernLine(name) ? '2.x' : '1.x'])) {
		// One connection at a time: HTTP+SSE answers on another connection.
		if (way === 'sse') continue;
		for (const isModern of way.startsWith('handler') ? [false, true] : [false]) {
			test(`${name}, ${way}${isModern ? ', modern' : ''}`, async () => {
				const say = async (tool, isHidden) => {
					let ran = () => 0;
					const server = await serve(
						handle(() => {
							const made = counting(isHidden);
							({ ran } = made);
							return made.server;
						}),
					);
					let session;
					const post = async (message) => {
						const response = await fetch(server.url, {
							method: 'POST',
							headers: {
								'content-type': 'application/json',
								accept: 'application/json, text/event-stream',
								...(session && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' }),
								...(isModern && { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': tool }),
							},
							body: JSON.stringify(message),
						});
						session ??= response.headers.get('mcp-session-id');
						return `${response.status} ${response.headers.get('content-type')} ${(await response.text()).replace(/^id: .*$/m, '')}`;
					};
					if (way === 'sessions')
						await post({
							jsonrpc: '2.0',
							id: 0,
							method: 'initialize',
							params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: INFO },
						});
					const answers = {};
					for (const [what, more] of callsOf(name)) answers[what] = await post(call(tool, what, more, isModern));
					await server.close();
					assert.equal(ran(), 0);
					assert.deepEqual(server.errors, []);
					return answers;
				};
				const [hidden, none] = [await say(HIDDEN, true), await say(NONE, false)];
				for (const what of Object.keys(none)) same(hidden[what], none[what], what);
			});
		}
	}
}

test('over stdio, in both eras', async () => {
	const entry = isPortable ? 'perso/portable' : 'perso';
	for (const desk of ['McpServer 1.x', 'McpServer 2.x']) {
		for (const isModern of isModernLine(desk) ? [false, true] : [false]) {
			const say = async (tool, hides) => {
				const file = join(folder, `${Math.random()}`);
				writeFileSync(file, '');
				const args = hides
					? ['../servers/stdio.mjs', desk, entry, module, '["agent"]', file, 'hide']
					: ['../servers/unguarded.mjs', desk, file];
				const server = spawn(process.execPath, [fileURLToPath(new URL(args[0], import.meta.url)), ...args.slice(1)], {
					stdio: ['pipe', 'pipe', 'inherit'],
				});
				const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
				const said = [];
				for (const more of Object.values(CALLS)) {
					server.stdin.write(`${JSON.stringify(call(tool, 1, more, isModern))}\n`);
					said.push((await lines.next()).value);
				}
				const ended = once(server, 'exit');
				server.kill();
				await ended;
				assert.equal(readFileSync(file, 'utf8'), '');
				return said.join('\n');
			};
			same(await say(HIDDEN, true), await say(NONE, false), `${desk} ${isModern}`);
		}
	}
});

test('a hidden tool whose calls need the approval of a person is listed, and a call is answered as a denial is', async () => {
	const asks = await compiled({
		rules: [
			{ ask: HIDDEN, roles: ['agent'], reason: 'Ask first.' },
			{ allow: HIDDEN, roles: ['manager'] },
		],
	});
	for (const [name, [make, hide]] of Object.entries(SERVERS)) {
		const Memory = isModernLine(name) ? Memory2 : Memory1;
		const say = async (tool, settings) => {
			let runs = 0;
			const server = make(() => ((runs += 1), { content: [] }));
			if (settings) guard(server, asks, { hide, ...settings });
			const [near, far] = Memory.createLinkedPair();
			await server.connect(far);
			await near.start();
			const ask = async (message) => {
				const answer = new Promise((resolve) => (near.onmessage = resolve));
				await near.send(message);
				return answer;
			};
			const answer = JSON.stringify(await ask(call(tool, 1, {})));
			const { result } = await ask({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} });
			await server.close();
			return { answer, runs, tools: result?.tools.map(({ name }) => name) };
		};
		const none = await say(NONE);
		for (const agent of [AGENT, async () => AGENT]) {
			const asked = await say(HIDDEN, { agent });
			assert.equal(asked.runs, 0, name);
			same(asked.answer, none.answer, name);
			// The low-level servers have no list.
			if (name in HIGH) assert.deepEqual(asked.tools, [HIDDEN], name);
		}
		assert.equal((await say(HIDDEN, { agent: { roles: ['manager'] } })).runs, 1, name);
	}
});

/** Posts a tool call of revision 2026-07-28 with headers. */
async function modern(server, tool, args, headers) {
	const response = await fetch(server.url, {
		method: 'POST',
		headers: {
			'content-type': 'application/json',
			accept: 'application/json, text/event-stream',
			'mcp-protocol-version': MODERN,
			'mcp-method': 'tools/call',
			'mcp-name': tool,
			...headers,
		},
		body: JSON.stringify(call(tool, 1, { arguments: args }, true)),
	});
	return `${response.status} ${response.headers.get('www-authenticate')} ${await response.text()}`;
}

/** A server whose tools declare headers, and one of which asks for a scope. */
const declares = (done) => {
	const server = new McpServer2(INFO);
	const json = {
		type: 'object',
		properties: {
			region: { type: 'string', 'x-mcp-header': 'Region' },
			at: { type: 'object', properties: { floor: { type: 'integer', 'x-mcp-header': 'Floor' } } },
		},
	};
	const inputSchema = {
		'~standard': {
			version: 1,
			vendor: 'tests',
			validate: (value) => ({ value }),
			jsonSchema: { input: () => json, output: () => json },
		},
	};
	for (const name of ['view_customer', HIDDEN]) {
		const scopeChallenge = ({ authInfo }) => (authInfo?.scopes.includes('read') ? undefined : { scopes: [`${name}:read`] });
		server.registerTool(name, { inputSchema, ...(name === HIDDEN && { scopeChallenge }) }, () => (done.push(name), { content: [] }));
	}
	return server;
};

test('headers that say what arguments do tell nothing of a hidden tool, and are checked once a call is allowed', async () => {
	for (const way of ['handler', 'handler, SSE']) {
		const done = [];
		const hiding = await serve(WAYS['2.x'][way](() => guard(declares(done), policy, { agent: AGENT, hide: true })));
		const plain = await serve(WAYS['2.x'][way](() => declares([])));
		const headers = [
			{},
			{ 'mcp-param-region': 'eu', 'mcp-param-floor': '3' },
			{ 'mcp-param-region': 'us', 'mcp-param-floor': '3' },
			{ 'mcp-param-region': 'eu' },
			{ 'mcp-param-region': '=?base64?ZXU=?=', 'mcp-param-floor': '3.0' },
			{ 'mcp-param-region': '=?base64?!?=', 'mcp-param-floor': '3' },
			{ 'mcp-param-region': '=?base64?/w==?=', 'mcp-param-floor': '3' },
			{ 'mcp-param-region': 'eu', 'mcp-param-floor': 'three' },
		];
		for (const each of headers) {
			for (const args of [{ region: 'eu', at: { floor: 3 } }, { region: null }, { at: { floor: 3 } }, {}]) {
				// A hidden tool is answered like an unknown one.
				same(await modern(hiding, HIDDEN, args, each), await modern(plain, NONE, args, each), JSON.stringify(each));
				// An allowed call is answered exactly as without a guard.
				const before = done.length;
				const expected = await modern(plain, 'view_customer', args, each);
				const answer = await modern(hiding, 'view_customer', args, each);
				const said = (text) => JSON.parse(/^(?:data: )?(\{.*)$/m.exec(text.slice(9))[1]);
				assert.deepEqual(
					[said(answer), done.length - before],
					[said(expected), expected.includes('"error"') ? 0 : 1],
					JSON.stringify([each, args]),
				);
			}
		}
		assert.ok(!done.includes(HIDDEN));
		await hiding.close();
		await plain.close();
	}
});

test('a challenge for scopes tells nothing of a hidden tool', async () => {
	for (const isModern of [true, false]) {
		const done = [];
		const admin = ({ authInfo }) => ({ roles: authInfo?.extra?.roles ?? [] });
		const hiding = await serve(WAYS['2.x'].handler(() => guard(declares(done), policy, { agent: admin, hide: true })));
		const plain = await serve(WAYS['2.x'].handler(() => declares([])));
		const say = (server, tool, authorization) =>
			isModern
				? modern(server, tool, {}, { authorization })
				: fetch(server.url, {
						method: 'POST',
						headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization },
						body: JSON.stringify(call(tool, 1, {})),
					}).then(async (response) => `${response.status} ${response.headers.get('www-authenticate')} ${await response.text()}`);
		same(await say(hiding, HIDDEN, 'Bearer bob agent'), await say(plain, NONE, 'Bearer bob agent'));
		// Callers who can see the tool get the scope challenge.
		const challenged = await say(hiding, HIDDEN, 'Bearer ann admin');
		assert.match(challenged, /^403 Bearer .*dump_secrets:read/);
		assert.deepEqual(done, []);
		await hiding.close();
		await plain.close();
	}
});
