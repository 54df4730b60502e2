// Every way in which this version of the OpenAI Agents SDK runs a tool, with tools that record their calls; and everything
// that can change a call between the guard and the tool.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
	Agent,
	MCPServerSSE,
	MCPServerStdio,
	MCPServerStreamableHttp,
	RunContext,
	RunState,
	Runner,
	applyPatchTool,
	computerTool,
	defineToolInputGuardrail,
	handoff,
	hostedMcpTool,
	invokeFunctionTool,
	run,
	setTracingDisabled,
	shellTool,
	tool,
	toolNamespace,
} from '@openai/agents';
import { SandboxAgent } from '@openai/agents/sandbox';
import { RealtimeAgent, RealtimeSession } from '@openai/agents/realtime';
import { ScriptedRealtimeTransport } from '@openai/agents/realtime/testing';
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing';
import { Denied } from 'perso';
import { guardMcpServer, guardedTool, toolInputGuardrail, verify } from 'perso/openai-agents';
import { z } from 'zod';
import { DESKS } from '../servers/desk.mjs';
import { SERVERS as PLAIN, SETTINGS } from '../support/closed.mjs';
import { STAFF, seeing } from '../support/covered.mjs';
import { WAYS, serve } from '../support/http.mjs';
import { assertInventory, callSites, folderOf } from '../support/inventory.mjs';
import { openaiModel as playing } from '../support/models.mjs';
import { AGENT, DESK, compiled, isPortable } from '../support/policies.mjs';
import { REASON } from './every-guard.mjs';

setTracingDisabled(true);

const policy = await compiled(DESK);
const context = { user: AGENT };
const agentOf = ({ context }) => context.context.user;
const guarding = guardedTool(policy, { agent: agentOf });
const guardrail = () => toolInputGuardrail(policy, { agent: agentOf });
const parameters = { type: 'object', properties: {}, additionalProperties: true, required: [] };

/** Options of a tool that records its calls. */
const refundOptions = (done, more) => ({
	name: 'process_refund',
	description: 'Refunds.',
	parameters,
	strict: false,
	execute: async (args) => (done.push(args.amount), 'refunded'),
	...more,
});
const readBy = ({ lastCall }) =>
	lastCall.request.input.filter(({ type }) => type === 'function_call_result').map(({ output }) => output.text ?? output[0]?.text);

/** Lets a model call a tool with each amount, in separate runs. Returns what the model read. */
async function calls(agentOptions, amounts, { name = 'process_refund', runner = new Runner(), more, prepare } = {}) {
	const read = [];
	for (const amount of amounts) {
		const model = playing([[name, { amount }, more]]);
		const agent = new Agent({ name: 'desk', model, ...agentOptions });
		prepare?.(agent);
		await runner.run(agent, 'go', { context });
		read.push(readBy(model)[0]);
	}
	return read;
}

/** A way to run a tool: returns the results of an allowed and of a denied call. */
const WAYS_TO_RUN = {
	'a run: the runner invokes the function tool that the model calls': async (done) =>
		calls({ tools: [guarding(refundOptions(done))] }, [5, 501]),
	'a streamed run': async (done) => {
		const model = playing([
			['process_refund', { amount: 5 }],
			['process_refund', { amount: 501 }],
		]);
		const agent = new Agent({ name: 'desk', model, tools: [guarding(refundOptions(done))] });
		const result = await new Runner().run(agent, 'go', { context, stream: true });
		await result.completed;
		return readBy(model);
	},
	'calls of one turn, one at a time': async (done) => {
		const model = playing([
			['process_refund', { amount: 5 }],
			['process_refund', { amount: 501 }],
		]);
		const runner = new Runner({ toolExecution: { maxFunctionToolConcurrency: 1 } });
		await runner.run(new Agent({ name: 'desk', model, tools: [guarding(refundOptions(done))] }), 'go', { context });
		return readBy(model);
	},
	'a tool that has a guardrail': async (done) =>
		calls({ tools: [tool(refundOptions(done, { inputGuardrails: [guardrail()] }))] }, [5, 501]),
	'a tool that your own code invokes': async (done) => {
		const refund = guarding(refundOptions(done));
		const invoke = (amount) => refund.invoke(new RunContext(context), JSON.stringify({ amount }));
		return [await invoke(5), await invoke(501)];
	},
	'`invokeFunctionTool`, with a time limit': async (done) => {
		const refund = guarding(refundOptions(done, { timeoutMs: 60_000 }));
		const invoke = (amount) =>
			invokeFunctionTool({ tool: refund, runContext: new RunContext(context), input: JSON.stringify({ amount }) });
		return [await invoke(5), await invoke(501)];
	},
	'a tool in a namespace': async (done) => {
		const rules = await compiled({
			rules: DESK.rules.map((rule) => (rule.id === 'refund' ? { ...rule, allow: 'billing.process_refund' } : rule)),
		});
		const refund = guardedTool(rules, { agent: agentOf })(refundOptions(done));
		return calls({ tools: toolNamespace({ name: 'billing', description: 'Money.', tools: [refund] }) }, [5, 501], {
			more: { namespace: 'billing' },
		});
	},
	'a call that a person approves': async (done) => {
		const read = [];
		for (const amount of [5, 501]) {
			const model = playing([['process_refund', { amount }]]);
			const agent = new Agent({ name: 'desk', model, tools: [guarding(refundOptions(done, { needsApproval: async () => true }))] });
			const first = await run(agent, 'go', { context });
			first.state.approve(first.interruptions[0]);
			await run(agent, first.state);
			read.push(readBy(model)[0]);
		}
		return read;
	},
	'a run that is stored, and resumed from its text': async (done) => {
		const read = [];
		for (const amount of [5, 501]) {
			const model = playing([['process_refund', { amount }]]);
			const agent = new Agent({ name: 'desk', model, tools: [guarding(refundOptions(done, { needsApproval: true }))] });
			const { state } = await run(agent, 'go', { context });
			const again = await RunState.fromString(agent, state.toString());
			again.approve(again.getInterruptions()[0]);
			await run(agent, again, { context });
			read.push(readBy(model)[0]);
		}
		return read;
	},
	'an agent as a tool: its own tools': async (done) => {
		const read = [];
		for (const amount of [5, 501]) {
			const model = playing([['process_refund', { amount }]]);
			const inner = new Agent({ name: 'inner', model, tools: [guarding(refundOptions(done))] });
			const outer = new Agent({
				name: 'outer',
				model: playing([['ask', { input: 'go' }]]),
				tools: [inner.asTool({ toolName: 'ask' })],
			});
			await run(outer, 'go', { context });
			read.push(readBy(model)[0]);
		}
		return read;
	},
	'an agent that is handed off to': async (done) => {
		const read = [];
		for (const amount of [5, 501]) {
			const model = new ScriptedModel([[functionCall('process_refund', { amount }, { callId: 'c' })], [assistantMessage('done')]]);
			const next = new Agent({ name: 'next', model, tools: [guarding(refundOptions(done))] });
			const first = new Agent({ name: 'first', model: playing([['transfer_to_next', {}]]), handoffs: [handoff(next)] });
			await run(first, 'go', { context });
			read.push(readBy(model).at(-1));
		}
		return read;
	},
	'a realtime session': async (done) => realtime([guarding(refundOptions(done))]),
	'a realtime session, with a guardrail': async (done) => realtime([tool(refundOptions(done, { inputGuardrails: [guardrail()] }))]),
};

/** Lets a realtime model call the tool with 5 and with 501. */
async function realtime(tools, prepare) {
	const transport = new ScriptedRealtimeTransport();
	const desk = new RealtimeAgent({ name: 'desk', tools });
	prepare?.(desk);
	const session = new RealtimeSession(desk, { transport, context });
	const failed = new Promise((resolve) => session.on('error', ({ error }) => resolve(`${error}`)));
	await session.connect({ apiKey: 'none' });
	const read = [];
	for (const amount of [5, 501]) {
		const output = new Promise((resolve) => {
			transport.sendFunctionCallOutput = (call, text) => resolve(text);
		});
		const id = `call-${amount}`;
		transport.emit('turn_started', { type: 'response_started', providerData: { response: { id } } });
		transport.emit('function_call', { ...functionCall('process_refund', { amount }, { callId: id }), responseId: id });
		read.push(await Promise.race([output, failed]));
	}
	session.close();
	return read;
}

for (const [way, play] of Object.entries(WAYS_TO_RUN)) {
	test(`${way}: an allowed call runs once, a denied one never`, async () => {
		const done = [];
		const read = await play(done);
		assert.deepEqual([done, read], [[5], ['refunded', REASON]]);
	});
}

// Everything that can change a call between its guardrails and its tool. Each turns an allowed call into a denied one.
const LARGE = '{"amount":9000}';
const tampers = {
	'a hook of the runner': {
		prepareRunner: (runner, change) => runner.on('agent_tool_start', (context, agent, tool, { toolCall }) => change(toolCall)),
	},
	'a hook of the agent': { prepare: (agent, change) => agent.on('agent_tool_start', (context, tool, { toolCall }) => change(toolCall)) },
	'a guardrail after the guard': {
		guardrails: (guard, change) => [
			...guard,
			defineToolInputGuardrail({ name: 'x', run: async ({ toolCall }) => (change(toolCall), { behavior: { type: 'allow' } }) }),
		],
	},
	'a guardrail before the guard': {
		guardrails: (guard, change) => [
			defineToolInputGuardrail({ name: 'x', run: async ({ toolCall }) => (change(toolCall), { behavior: { type: 'allow' } }) }),
			...guard,
		],
	},
};
const CHANGES = {
	assigns: (toolCall) => (toolCall.arguments = LARGE),
	defines: (toolCall) => Object.defineProperty(toolCall, 'arguments', { value: LARGE }),
	'merges, without a word': (toolCall) => Reflect.set(toolCall, 'arguments', LARGE),
};
/** With the `browser` condition, errors thrown by a hook cannot be caught. */
const isLoud = (who, how) => isPortable && who.startsWith('a hook') && !how.endsWith('without a word');

for (const [who, { prepareRunner, prepare, guardrails = (guard) => guard }] of Object.entries(tampers)) {
	for (const [how, change] of Object.entries(CHANGES)) {
		test(`${who} that ${how} other arguments: they do not run`, { skip: isLoud(who, how) }, async () => {
			for (const make of [
				(done) => guarding(refundOptions(done, { inputGuardrails: guardrails([], change) })),
				(done) => tool(refundOptions(done, { inputGuardrails: guardrails([guardrail()], change) })),
			]) {
				const done = [];
				const runner = new Runner();
				prepareRunner?.(runner, change);
				await calls({ tools: [make(done)] }, [5], { runner, prepare: (agent) => prepare?.(agent, change) }).catch(({ message }) =>
					assert.match(message, /arguments/),
				);
				assert.ok(
					done.every((amount) => amount === 5),
					`${done}`,
				);
			}
		});
	}
}

test('a hook of a realtime session that changes the arguments', async () => {
	const prepare = (agent) => agent.on('agent_tool_start', (context, tool, { toolCall }) => CHANGES['merges, without a word'](toolCall));
	const done = [];
	assert.equal((await realtime([guarding(refundOptions(done))], prepare))[0], REASON);
	await realtime([tool(refundOptions(done, { inputGuardrails: [guardrail()] }))], prepare);
	assert.deepEqual(done, [5], 'what the guardrail has judged has run');
});

test('a hook that exchanges what the tool runs, or the name of the call', async () => {
	const done = [];
	const exchange = (agent) =>
		agent.on('agent_tool_start', (context, tool) => {
			Reflect.set(tool, 'invoke', async () => done.push('exchanged'));
		});
	await calls({ tools: [guarding(refundOptions(done))] }, [5], { prepare: exchange });
	const rename = (agent) => agent.on('agent_tool_start', (context, tool, { toolCall }) => (toolCall.name = 'view_customer'));
	const [read] = await calls({ tools: [guarding(refundOptions(done))] }, [501], { prepare: rename });
	assert.deepEqual([done, read], [[5], REASON]);
});

test('an approval function that changes what it is given, and what a schema makes of arguments', async () => {
	const done = [];
	const json = () => ({ type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'], additionalProperties: false });
	const validate = ({ amount }) => ({ value: { amount: amount * 100 } });
	const schema = { '~standard': { version: 1, vendor: 'tests', validate, jsonSchema: { input: json, output: json } } };
	const refund = guarding({
		name: 'process_refund',
		description: 'Refunds.',
		parameters: schema,
		needsApproval: async (context, args) => ((args.amount = 1), false),
		execute: async ({ amount }) => (done.push(amount), 'refunded'),
	});
	assert.deepEqual(await calls({ tools: [refund] }, [4, 6]), ['refunded', REASON]);
	assert.deepEqual(done, [400]);
});

test('a tool with a schema of its output answers a denial as any error', async () => {
	const done = [];
	const outputSchema = z.object({ ok: z.boolean() });
	const options = refundOptions(done, { outputSchema, execute: async ({ amount }) => (done.push(amount), { ok: true }) });
	await assert.rejects(calls({ tools: [guarding(options)] }, [501]), /Agents may refund up to \$500/);
	const answering = guarding({ ...options, errorFunction: () => ({ ok: false }) });
	assert.deepEqual(await calls({ tools: [answering] }, [5, 501]), ['{"ok":true}', '{"ok":false}']);
	assert.deepEqual(done, [5]);
});

// The SDK's own clients of MCP servers, with a real server behind each.
const SERVERS = fileURLToPath(new URL('../servers/unguarded.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'perso-openai-'));
after(() => rmSync(folder, { recursive: true }));

/** Ways to run a function with an MCP server that only the agent guards, and with the record of what its tools did. */
const MCP = {
	async stdio(use) {
		const file = join(folder, `${Math.random()}`);
		writeFileSync(file, '');
		const done = () =>
			readFileSync(file, 'utf8')
				.split('\n')
				.filter(Boolean)
				.map((line) => JSON.parse(line));
		await use((options) => new MCPServerStdio({ command: process.execPath, args: [SERVERS, 'McpServer 1.x', file], ...options }), done);
	},
	async http(use) {
		const done = [];
		const server = await serve(WAYS['1.x'].sessions(() => DESKS['McpServer 1.x']((what) => done.push(what))));
		try {
			await use(
				(options) => new MCPServerStreamableHttp({ url: server.url.href, ...options }),
				() => done,
			);
		} finally {
			await server.close();
		}
	},
	async sse(use) {
		const done = [];
		const server = await serve(WAYS['1.x'].sse(() => DESKS['McpServer 1.x']((what) => done.push(what))));
		try {
			await use(
				(options) => new MCPServerSSE({ url: server.url.href, ...options }),
				() => done,
			);
		} finally {
			await server.close();
		}
	},
};

for (const [transport, using] of Object.entries(MCP)) {
	// With the `browser` condition, the SDK has no MCP clients.
	test(`the tools of an MCP server over ${transport}`, { skip: isPortable }, async () => {
		await using(async (make, done) => {
			for (const options of [
				{},
				{ useStructuredContent: true },
				{ toolMetaResolver: ({ arguments: args }) => ((args.note = 'x'), { x: 1 }) },
			]) {
				const before = done().length;
				const server = guardMcpServer(make(options), policy, { agent: agentOf });
				await server.connect();
				const agent = { mcpServers: [server] };
				assert.deepEqual(await calls(agent, [5, 501]), ['process_refund is done', REASON]);
				assert.deepEqual(
					done()
						.slice(before)
						.map(({ name, args }) => [name, args.amount]),
					[['process_refund', 5]],
				);
				const prefixed = await calls({ ...agent, mcpConfig: { includeServerInToolNames: true } }, [5, 501], {
					name: (
						await new Agent({ name: 'x', ...agent, mcpConfig: { includeServerInToolNames: true } }).getMcpTools(
							new RunContext(context),
						)
					).find(({ name }) => name.endsWith('process_refund')).name,
				});
				assert.deepEqual(prefixed, ['process_refund is done', REASON]);
				// Calls by your own code have no run, so `agent` cannot know the caller.
				assert.match(JSON.stringify(await server.callTool('process_refund', { amount: 5 })), /cannot|cannot/);
				assert.equal(done().length, before + 2);
				await server.close();
			}
			const changing = guardMcpServer(make({ toolMetaResolver: ({ arguments: args }) => void (args.amount = 9000) }), policy, {
				agent: agentOf,
			});
			await changing.connect();
			const before = done().length;
			const hook = {
				prepare: (agent) => agent.on('agent_tool_start', (context, tool, { toolCall }) => (toolCall.arguments = LARGE)),
			};
			assert.deepEqual(await calls({ mcpServers: [changing] }, [5]), [REASON]);
			assert.deepEqual(await calls({ mcpServers: [changing] }, [5], hook), [REASON]);
			await changing.close();
			const railed = make({ toolInputGuardrails: [guardrail()] });
			await railed.connect();
			await calls({ mcpServers: [railed] }, [5], hook).catch(({ message }) => assert.match(message, /arguments/));
			assert.deepEqual(await calls({ mcpServers: [railed] }, [501]), [REASON]);
			await railed.close();
			assert.equal(done().length, before);
		});
	});
}

test('the resources of an MCP server, and prompts where a server has them', { skip: isPortable }, async () => {
	const done = [];
	const http = await serve(WAYS['1.x'].sessions(() => PLAIN['1.x'].McpServer(done)));
	for (const [setting, settings] of Object.entries(SETTINGS)) {
		const real = new MCPServerStreamableHttp({ url: http.url.href });
		const prompts = {
			listPrompts: async () => (done.push('list'), { prompts: ['greet'] }),
			getPrompt: async (name) => (done.push(name), {}),
		};
		const server = guardMcpServer(Object.assign(real, prompts), policy, settings);
		await server.connect();
		const ran = async (run) => {
			done.length = 0;
			const answer = await run().catch(({ message }) => message);
			return [answer, done.length];
		};
		const isOff = (kind) => settings[kind] === 'deny' && settings.mode !== 'observe';
		const denial = (method, kind) => [`${method} is not allowed: this server's guard denies ${kind}`, 0];
		const [read, ofRead] = await ran(() => server.readResource('note://one'));
		if (isOff('resources')) {
			assert.deepEqual([read, ofRead], denial('resources/read', 'resources'), setting);
			assert.deepEqual(
				[await server.listResources(), await server.listResourceTemplates()],
				[{ resources: [] }, { resourceTemplates: [] }],
			);
		} else {
			assert.deepEqual([read.contents[0].text, ofRead], ['one', 1], setting);
			assert.deepEqual(
				[(await server.listResources()).resources.length, (await server.listResourceTemplates()).resourceTemplates.length],
				[1, 1],
			);
		}
		assert.deepEqual(
			await ran(() => server.getPrompt('greet')),
			isOff('prompts') ? denial('prompts/get', 'prompts') : [{}, 1],
			setting,
		);
		assert.deepEqual(
			await ran(() => server.listPrompts()),
			isOff('prompts') ? [{ prompts: [] }, 0] : [{ prompts: ['greet'] }, 1],
			setting,
		);
		await server.close();
	}
	await http.close();
	const bare = { name: 'bare', cacheToolsList: false, callTool: async () => [] };
	assert.equal(guardMcpServer(bare, policy, SETTINGS.both).readResource, undefined);
	assert.throws(() => guardMcpServer(bare, policy, { resources: 'allow' }), {
		name: 'TypeError',
		message: '`resources` is `allow`: use `deny` or `pass`',
	});
});

test('the resources and prompts of an MCP server that the policy covers', { skip: isPortable }, async () => {
	const done = [];
	const http = await serve(WAYS['1.x'].sessions(() => PLAIN['1.x'].McpServer(done)));
	const { seen, settings } = seeing();
	const real = new MCPServerStreamableHttp({ url: http.url.href });
	const prompts = {
		listPrompts: async () => ({ prompts: [{ name: 'greet' }, { name: 'payroll' }] }),
		getPrompt: async (...args) => (done.push(args), {}),
	};
	const server = guardMcpServer(Object.assign(real, prompts), STAFF, settings);
	await server.connect();
	for (const [roles, isAllowed] of [
		[['staff'], true],
		[['guest'], false],
	]) {
		seen.roles = roles;
		for (const [ask, tool, args] of [
			[() => server.readResource('note://one'), 'mcp:resources/read', { uri: 'note://one' }],
			[() => server.getPrompt('greet', { number: '1' }), 'mcp:prompts/get', { name: 'greet', arguments: { number: '1' } }],
		]) {
			done.length = seen.decided.length = 0;
			if (isAllowed) await ask();
			else await assert.rejects(ask(), Denied);
			assert.deepEqual([done.length, seen.decided], [isAllowed ? 1 : 0, [[tool, isAllowed, args]]], `${tool} by ${roles}`);
		}
		const lists = await Promise.all([server.listResources(), server.listResourceTemplates(), server.listPrompts()]);
		assert.deepEqual(
			lists.map(({ resources, resourceTemplates, prompts }) => (resources ?? resourceTemplates ?? prompts).length),
			isAllowed ? [1, 1, 1] : [0, 0, 0],
		);
	}
	seen.roles = ['staff'];
	done.length = 0;
	await assert.rejects(server.readResource('note://two'), Denied);
	await assert.rejects(server.readResource({ toString: () => 'note://one' }), { message: 'Invalid request parameters' });
	await assert.rejects(server.getPrompt('greet', { number: '2' }), Denied);
	assert.deepEqual(done, []);
	await server.close();
	await http.close();
});

test('`verify` finds what runs unjudged', () => {
	const guarded = guarding(refundOptions([]));
	const railed = tool(refundOptions([], { inputGuardrails: [guardrail()] }));
	const raw = tool(refundOptions([], { name: 'raw' }));
	const server = { name: 'files', cacheToolsList: false, callTool: async () => [] };
	const [namespaced] = toolNamespace({ name: 'x', description: 'x', tools: [guarded] });
	const fine = new Agent({
		name: 'fine',
		tools: [guarded, railed, namespaced],
		mcpServers: [guardMcpServer(server, policy), { ...server, toolInputGuardrails: [guardrail()] }],
	});
	verify(fine);
	const elsewhere = [
		hostedMcpTool({ serverLabel: 'x', serverUrl: 'http://127.0.0.1/' }),
		applyPatchTool({ editor: {} }),
		shellTool({ shell: {} }),
		computerTool({ computer: {} }),
	];
	const inner = new Agent({ name: 'inner', tools: [raw], mcpServers: [server], handoffs: [fine] });
	const desk = new Agent({
		name: 'desk',
		tools: [...elsewhere, fine.asTool({ toolName: 'ask' }), { ...guarded, invoke: raw.invoke }],
		handoffs: [handoff(inner)],
	});
	const names = ['hosted_mcp', 'apply_patch', 'shell', 'computer_use_preview', 'ask', 'process_refund', 'raw', 'files'];
	assert.throws(
		() => verify(desk),
		({ message }) => names.every((name) => message.includes(`\`${name}\``)),
	);
	verify(desk, { unguarded: names });
	assert.throws(() => verify(fine, { unguarded: ['other'] }), /`other` is in `unguarded`, but there is no such tool/);
	assert.throws(() => verify(new SandboxAgent({ name: 'box' })), /`shell` of `box` cannot be guarded/);
});

/** The places where this version runs tools, and what guards each. */
const SITES = {
	'agents-core/runner/toolExecution.mjs: invokeFunctionTool(': [
		1,
		'runs function tools: `guardedTool`, `guardMcpServer`, `toolInputGuardrail`',
	],
	'agents-core/tool.mjs: .invoke(': [1, 'what `invokeFunctionTool` does'],
	'agents-core/tool.mjs: options.execute(': [1, 'runs what a tool was made with: `guardedTool` wraps it'],
	'agents-core/mcp.mjs: .callTool(': [3, 'runs tools of MCP servers: `guardMcpServer` wraps it'],
	'agents-core/mcp.mjs: .callToolResult(': [9, 'the same, and what the servers of the SDK forward to'],
	'agents-core/shims/mcp-server/node.mjs: .callTool(': [3, 'the clients of the servers of the SDK'],
	'agents-core/shims/mcp-server/node.mjs: .callToolResult(': [3, 'the same'],
	'agents-core/handoff.mjs: .onInvokeHandoff(': [1, 'its definition'],
	'agents-core/runner/toolExecution.mjs: .onInvokeHandoff(': [1, 'another agent goes on: its tools are guarded'],
	'agents-core/runner/toolExecution.mjs: .shell.run(': [1, 'cannot be guarded: `verify` finds it'],
	'agents-core/runner/toolExecution.mjs: .editor.createFile(': [1, 'cannot be guarded: `verify` finds it'],
	'agents-core/runner/toolExecution.mjs: .editor.updateFile(': [1, 'cannot be guarded: `verify` finds it'],
	'agents-core/runner/toolExecution.mjs: .editor.deleteFile(': [1, 'cannot be guarded: `verify` finds it'],
	'agents-core/runner/toolExecution.mjs: computer.click(': [1, 'cannot be guarded: `verify` finds it'],
	'agents-realtime/realtimeSession.mjs: invokeFunctionTool(': [1, 'runs function tools of realtime sessions: as above'],
	'agents-realtime/realtimeSession.mjs: .onInvokeHandoff(': [1, 'another agent goes on: its tools are guarded'],
};

test('the SDK runs tools where this test knows, and nowhere else', () => {
	const pattern =
		/(?<!function )((?<!async )\binvokeFunctionTool\(|\.invoke\(|\boptions\.execute\(|\.callTool(?:Result)?\(|\.onInvokeHandoff\(|\.shell\.run\(|\.editor\.\w+\(|\bcomputer\.click\()/g;
	const found = {};
	for (const name of ['agents-core', 'agents-realtime', 'agents-openai']) {
		const sites = callSites(
			join(folderOf('@openai/agents'), '..', name, 'dist'),
			(file) => file.endsWith('.mjs') && !file.startsWith('index-'),
			pattern,
		);
		for (const [site, count] of Object.entries(sites)) found[`${name}/${site}`] = count;
	}
	assertInventory(found, SITES, 'test/agents/openai-agents-ways.test.mjs');
});
