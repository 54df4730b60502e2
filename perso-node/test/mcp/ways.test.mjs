// Every way in which these versions of the SDKs run a tool, over each transport and in each era, with tools that record their
// calls. test/mcp/servers.test.mjs does the same with the SDKs' clients, and over stdio.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { Server as Server1 } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { McpServer as McpServer2, Server as Server2, inputRequired } from '@modelcontextprotocol/server';
import { guard } from 'perso/mcp';
import { z } from 'zod';
import { LINES } from '../support/ask.mjs';
import { assertInventory, callSites, folderOf } from '../support/inventory.mjs';
import { AGENT, DESK, MANAGER, compiled } from '../support/policies.mjs';
import { REASON } from '../agents/every-guard.mjs';

const policy = await compiled(DESK);
const INFO = { name: 'desk', version: '1.0.0' };
const NAME = 'process_refund';
const shape = { amount: z.number() };
const text = (text) => ({ content: [{ type: 'text', text }] });
const ran =
	(done) =>
	({ amount }) => (done.push(amount), text('refunded'));

/** Ways of SDK 1.x: each makes a server, with a function that runs while it is connected. */
const OLD = {
	'McpServer: a tool that is registered before': (done) => {
		const server = new McpServer1(INFO);
		server.registerTool(NAME, { inputSchema: shape }, ran(done));
		return server;
	},
	'McpServer: a tool that is registered by `tool`, without a schema of its arguments': (done) => {
		const server = new McpServer1(INFO);
		server.tool(NAME, (extra) => (done.push(5), extra.signal, text('refunded')));
		return server;
	},
	'McpServer: a tool whose callback is replaced while the server runs': (done) => {
		const server = new McpServer1(INFO);
		const tool = server.registerTool(NAME, { inputSchema: shape }, () => text('nothing'));
		return connected(server, () => tool.update({ callback: ran(done) }));
	},
	'McpServer: a tool that is registered while the server runs': (done) => {
		const server = new McpServer1(INFO, { capabilities: { tools: {} } });
		return connected(server, () => server.registerTool(NAME, { inputSchema: shape }, ran(done)));
	},
	'McpServer: a handler that is set while the server runs': (done) => {
		const server = new McpServer1(INFO);
		server.registerTool(NAME, { inputSchema: shape }, () => text('nothing'));
		return connected(server, () => server.server.setRequestHandler(CallToolRequestSchema, ({ params }) => ran(done)(params.arguments)));
	},
	'Server: a handler': (done) => {
		const server = new Server1(INFO, { capabilities: { tools: {} } });
		server.setRequestHandler(CallToolRequestSchema, ({ params }) => ran(done)(params.arguments));
		return server;
	},
	'Server: the handler for all that has none': (done) => {
		const server = new Server1(INFO, { capabilities: { tools: {} } });
		server.fallbackRequestHandler = async ({ params }) => ran(done)(params.arguments);
		return server;
	},
};

/** Ways of SDK 2.x. */
const NEW = {
	'McpServer: a tool that is registered before': (done) => {
		const server = new McpServer2(INFO);
		server.registerTool(NAME, { inputSchema: z.object(shape) }, ran(done));
		return server;
	},
	'McpServer: a tool that is registered while the server runs': (done) => {
		const server = new McpServer2(INFO, { capabilities: { tools: {} } });
		return connected(server, () => server.registerTool(NAME, { inputSchema: z.object(shape) }, ran(done)));
	},
	'McpServer: a handler that is set while the server runs': (done) => {
		const server = new McpServer2(INFO);
		server.registerTool(NAME, { inputSchema: z.object(shape) }, () => text('nothing'));
		return connected(server, () => server.server.setRequestHandler('tools/call', ({ params }) => ran(done)(params.arguments)));
	},
	'Server: a handler': (done) => {
		const server = new Server2(INFO, { capabilities: { tools: {} } });
		server.setRequestHandler('tools/call', ({ params }) => ran(done)(params.arguments));
		return server;
	},
	'Server: the handler for all that has none': (done) => {
		const server = new Server2(INFO, { capabilities: { tools: {} } });
		server.fallbackRequestHandler = async ({ params }) => ran(done)(params.arguments);
		return server;
	},
};

/** Runs a function on a server once it is connected, however it is connected. */
function connected(server, then) {
	const low = server.server ?? server;
	const { connect } = low;
	low.connect = async (transport) => {
		await connect.call(low, transport);
		then();
	};
	return server;
}

const call = (amount, more) => ({
	jsonrpc: '2.0',
	id: `call ${amount}`,
	method: 'tools/call',
	params: { name: NAME, arguments: { amount }, ...more },
});
const said = ({ result, error }) => error?.message ?? result?.content?.[0]?.text;

for (const [line, ways] of Object.entries({ '1.x': OLD, '2.x': NEW })) {
	for (const [way, make] of Object.entries(ways)) {
		describe(`${line}, ${way}`, () => {
			const done = [];
			const transports = LINES[line](() => guard(make(done), policy, { agent: AGENT }));
			for (const [transport, connect] of Object.entries(transports)) {
				test(`${transport}: an allowed call runs once, a denied one never`, async () => {
					done.length = 0;
					const { ask, close } = await connect();
					const answers = [said(await ask(call(5))), said(await ask(call(501)))];
					await close();
					assert.deepEqual([done, answers], [[5], ['refunded', REASON]]);
				});
			}
		});
	}
}

test('1.x: tools that are tasks, that a client asks for and that the server waits for itself', async () => {
	for (const taskSupport of ['required', 'optional']) {
		let make;
		for (const [transport, connect] of Object.entries(LINES['1.x'](() => guard(make(), policy, { agent: AGENT })))) {
			const done = [];
			const stores = [];
			make = () => {
				const taskStore = new InMemoryTaskStore();
				stores.push(taskStore);
				const server = new McpServer1(INFO, {
					capabilities: { tasks: { requests: { tools: { call: {} } } }, tools: {} },
					taskStore,
					taskMessageQueue: new InMemoryTaskMessageQueue(),
				});
				server.experimental.tasks.registerToolTask(
					NAME,
					{ inputSchema: shape, execution: { taskSupport } },
					{
						async createTask({ amount }, { taskStore }) {
							done.push(amount);
							const task = await taskStore.createTask({ ttl: 60_000, pollInterval: 1 });
							await taskStore.storeTaskResult(task.taskId, 'completed', text('refunded'));
							return { task };
						},
						getTask: (_, { taskId, taskStore }) => taskStore.getTask(taskId),
						getTaskResult: (_, { taskId, taskStore }) => taskStore.getTaskResult(taskId),
					},
				);
				return server;
			};
			const { ask, close } = await connect();
			const asked = { task: { ttl: 60_000 } };
			const allowed = await ask(call(5, asked));
			assert.ok(allowed.result.task.taskId, transport);
			assert.deepEqual((await ask(call(501, asked))).error.message, REASON);
			if (taskSupport === 'optional') {
				assert.deepEqual([said(await ask(call(6))), said(await ask(call(502)))], ['refunded', REASON]);
			}
			// What queues behind a task is not what was not asked for.
			const queued = await ask({
				...call(503),
				params: { ...call(503).params, _meta: { 'io.modelcontextprotocol/related-task': { taskId: allowed.result.task.taskId } } },
			});
			assert.equal(said(queued), REASON);
			await close();
			// Its timers would keep the process alive.
			for (const store of stores) store.cleanup();
			assert.deepEqual(done, taskSupport === 'optional' ? [5, 6] : [5], transport);
		}
	}
});

test('a task that its client goes on with: its tool runs anew only where the call would', async () => {
	for (const [line, asTask] of [
		['1.x', (taskId) => ({ task: { taskId, status: 'working', ttl: null, createdAt: '', lastUpdatedAt: '' } })],
		['1.x', (taskId) => ({ resultType: 'task', taskId, content: [] })],
	]) {
		const done = [];
		const kept = new Map();
		// The caller is identified by the roles that the host sets.
		let roles = ['agent'];
		const make = () => {
			const server = new Server1(INFO, { capabilities: { tools: {} } });
			server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
				const id = `${params.name} ${params.arguments.amount}`;
				kept.set(id, params.arguments);
				return { content: [], ...asTask(id) };
			});
			server.setRequestHandler(
				z.object({ method: z.literal('tasks/update'), params: z.any() }),
				({ params }) => (done.push(kept.get(params.taskId)?.amount), {}),
			);
			return guard(server, policy, { agent: () => ({ roles }) });
		};
		for (const [transport, connect] of Object.entries(LINES[line](make))) {
			done.length = 0;
			roles = ['agent'];
			const { ask, close } = await connect();
			const update = (taskId, id, more) =>
				ask({ jsonrpc: '2.0', id, method: 'tasks/update', params: { taskId, inputResponses: {} }, ...more });
			await ask(call(5));
			assert.equal(said(await ask(call(501))), REASON);
			assert.deepEqual((await update('process_refund 5', 1)).result, {}, transport);
			roles = [];
			assert.equal((await update('process_refund 5', 2)).error.message, REASON);
			roles = ['agent'];
			for (const [at, taskId] of ['process_refund 501', 'other', '', 5, null].entries())
				assert.ok((await update(taskId, `u ${at}`)).error, transport);
			for (const [at, method] of ['Tasks/update', 'tasks/update ', 'TASKS/UPDATE'].entries())
				assert.ok((await update('process_refund 5', `m ${at}`, { method })).error, method);
			assert.ok((await update('process_refund 5', 'k', { params: { taskId: 'process_refund 5', TaskId: 'other' } })).error);
			await close();
			assert.deepEqual(done, [5], transport);
		}
	}
});

test('1.x: each call of a batch, over HTTP', async () => {
	const done = [];
	const make = () => guard(OLD['McpServer: a tool that is registered before'](done), policy, { agent: AGENT });
	const { sessions, stateless } = LINES['1.x'](make);
	for (const connect of [sessions, stateless]) {
		done.length = 0;
		const { ask, close } = await connect();
		await ask([call(5), call(501), call(6), call(502)]);
		await close();
		assert.deepEqual(done, [5, 6]);
	}
});

test('2.x: each round of a call that asks back', async () => {
	const done = [];
	const make = () => {
		const server = new McpServer2(INFO);
		server.registerTool(NAME, { inputSchema: z.object(shape) }, ({ amount }, ctx) => {
			done.push([amount, ctx.mcpReq.inputResponses !== undefined]);
			if (ctx.mcpReq.inputResponses !== undefined) return text('refunded');
			return inputRequired({
				inputRequests: { sure: inputRequired.elicit({ message: 'Sure?', requestedSchema: { type: 'object', properties: {} } }) },
				requestState: 'x',
			});
		});
		return guard(server, policy, { agent: AGENT });
	};
	const { 'handler, 2026-07-28': json, 'handler, SSE, 2026-07-28': stream } = LINES['2.x'](make);
	for (const connect of [json, stream]) {
		done.length = 0;
		const { ask, close } = await connect();
		const first = await ask(call(5));
		assert.equal(first.result.resultType, 'input_required');
		const answers = { requestState: first.result.requestState, inputResponses: { sure: { action: 'accept', content: {} } } };
		assert.equal(said(await ask(call(5, answers))), 'refunded');
		// A round with other arguments, and a first round that already has answers.
		assert.equal(said(await ask(call(501, answers))), REASON);
		assert.equal(said(await ask(call(501))), REASON);
		await close();
		assert.deepEqual(done, [
			[5, false],
			[5, true],
		]);
	}
});

test('servers are connected in each way that they can be', async () => {
	for (const [line, ways] of Object.entries({ '1.x': OLD, '2.x': NEW })) {
		const done = [];
		const make = ways['McpServer: a tool that is registered before'];
		const shared = guard(make(done), policy, { agent: AGENT });
		const Pairs = LINES[line];
		// With the inner server, and with one connection after another.
		for (const server of [shared.server, shared, shared.server]) {
			const { 'in memory': connect } = Pairs(() => server);
			const { ask, close } = await connect();
			assert.deepEqual([said(await ask(call(5))), said(await ask(call(501)))], ['refunded', REASON]);
			await close();
		}
		assert.deepEqual(done, [5, 5, 5]);
		assert.throws(() => guard(shared, policy), /guarded by this policy already/);
		assert.throws(() => guard(shared.server, policy), /guarded by this policy already/);
		// Several servers with the same policy, each with its own options.
		const other = guard(make(done), policy, { agent: {} });
		const { ask, close } = await Pairs(() => other)['in memory']();
		assert.equal(said(await ask(call(5))), REASON);
		await close();
		assert.equal(done.length, 3);
	}
});

/** Arguments with a list that is nested to this depth. */
const nested = (depth) => {
	let list = [];
	for (let level = 1; level < depth; level += 1) list = [list];
	return { record_id: '1', list };
};

test('arguments that are nested deep: what the resource and the observers are told is what runs', async () => {
	for (const line of ['1.x', '2.x']) {
		const done = [];
		const told = [];
		const make = () => {
			const server =
				line === '1.x' ? new Server1(INFO, { capabilities: { tools: {} } }) : new Server2(INFO, { capabilities: { tools: {} } });
			server.setRequestHandler(
				line === '1.x' ? CallToolRequestSchema : 'tools/call',
				({ params }) => (done.push(JSON.stringify(params.arguments)), text('deleted')),
			);
			return guard(server, policy, {
				agent: MANAGER,
				resource: async ({ args }) => (
					told.push(JSON.stringify(args)),
					{ owner_id: Array.isArray(args.list) ? 'mgr-001' : 'nobody' }
				),
				onDecision: (event, args) => told.push(event.decision.allowed ? JSON.stringify(args) : undefined),
			});
		};
		const remove = (depth) => ({
			jsonrpc: '2.0',
			id: depth,
			method: 'tools/call',
			params: { name: 'delete_record', arguments: nested(depth) },
		});
		for (const [transport, connect] of Object.entries(LINES[line](make))) {
			const { ask, close } = await connect();
			for (const depth of [3, 60, 62, 129, 500, 511]) {
				told.length = done.length = 0;
				assert.equal(said(await ask(remove(depth))), 'deleted', `${transport}, ${depth}`);
				assert.deepEqual([done, told], [[JSON.stringify(nested(depth))], [done[0], done[0]]], `${transport}, ${depth}`);
			}
			told.length = done.length = 0;
			assert.equal(said(await ask(remove(600))), 'the call cannot be judged', transport);
			assert.deepEqual([done, told], [[], [undefined]]);
			// `JSON.stringify` cannot write arguments nested this deep, so they can only be passed in memory.
			if (transport === 'in memory') assert.equal(said(await ask(remove(100_000))), 'the call cannot be judged');
			assert.deepEqual(done, []);
			await close();
		}
	}
});

/** The places where these versions run tools, and what guards each. */
const SITES = {
	'sdk/server/mcp.js: executeToolHandler(': [2, 'its definition, and `tools/call`, which comes over a transport'],
	'sdk/server/mcp.js: .createTask(': [4, 'the same, for tools that are tasks'],
	'sdk/server/mcp.js: typedHandler(': [2, 'what `executeToolHandler` does'],
	'sdk/shared/protocol.js: _requestHandlers.get(': [1, 'requests, which come over a transport'],
	'sdk/shared/protocol.js: .createTask(': [1, 'the store’s: no tool runs'],
	'sdk/shared/protocol.js: .onmessage = ': [1, '`connect`: the guard’s handler is around it'],
	'sdk/server/streamableHttp.js: .onmessage = ': [1, 'an accessor, which the guard uses'],
	'server/mcp.mjs: executeToolHandler(': [2, 'its definition, and `tools/call`, which comes over a transport'],
	'server/mcp.mjs: .executor(': [1, 'what `executeToolHandler` does'],
	'server/mcp.mjs: .scopeChallenge?.(': [4, 'before the guard: tells nothing of a hidden tool, and runs none'],
	'server/index.mjs: .toolInputSchemaJson(': [1, 'before the guard: tells nothing of a hidden tool, and runs none'],
	'server/src.mjs: _requestHandlers.get(': [2, 'requests, which come over a transport; the other one is for clients'],
	'server/src.mjs: .onmessage = ': [1, '`connect`: the guard’s handler is around it'],
	'server/stdio.mjs: .onmessage = ': [1, '`serveStdio`: hands on to the transport of the server that it makes'],
	'node/index.mjs: .onmessage = ': [1, 'an accessor, which the guard uses'],
};

test('the SDKs run tools where this test knows, and nowhere else', () => {
	const pattern =
		/(\bexecuteToolHandler\(|\.createTask\(|typedHandler\(|\.executor\(|\.scopeChallenge\?\.\(|\.toolInputSchemaJson\(|_requestHandlers\.get\(|\.onmessage = )/g;
	const found = {};
	const folders = { sdk: 'sdk/dist/esm', server: 'server/dist', node: 'node/dist' };
	for (const [name, folder] of Object.entries(folders)) {
		const sites = callSites(join(folderOf('@modelcontextprotocol/sdk'), '..', folder), (file) => /\.m?js$/.test(file), pattern);
		for (const [site, count] of Object.entries(sites)) {
			if (/^(client|examples|inMemory)/.test(site) || (name === 'sdk' && site.startsWith('experimental'))) continue;
			// The names of bundles contain a hash.
			const key = `${name}/${site.replace(/^(\w+)-[\w-]{8}\.mjs/, '$1.mjs')}`;
			found[key] = (found[key] ?? 0) + count;
		}
	}
	assertInventory(found, SITES, 'test/mcp/ways.test.mjs');
});
