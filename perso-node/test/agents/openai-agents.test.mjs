// The OpenAI Agents SDK: runs with a fake model.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Agent, Runner, run, setTracingDisabled, tool, toolNamespace } from '@openai/agents';
import { RealtimeAgent, RealtimeSession } from '@openai/agents/realtime';
import { ScriptedRealtimeTransport } from '@openai/agents/realtime/testing';
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing';
import { META } from 'perso';
import { guardMcpServer, guardedTool, toolInputGuardrail } from 'perso/openai-agents';
import { z } from 'zod';
import { native, opened, recorded, written } from '../support/journal.mjs';
import { openaiModel as playing } from '../support/models.mjs';
import { ASKED, ASKS, asksAPerson } from '../support/asks.mjs';
import { AGENT, DESK, compiled } from '../support/policies.mjs';
import { CASES, LIES, REASONS } from '../support/times.mjs';
import { REASON, everyGuard } from './every-guard.mjs';

setTracingDisabled(true);

const policy = await compiled(DESK);
const parameters = { type: 'object', properties: {}, additionalProperties: true, required: [] };

/** What the model read of each call. */
const readBy = ({ lastCall }) =>
	lastCall.request.input.filter(({ type }) => type === 'function_call_result').map(({ output }) => output.text);

/** The desk's tools, with a guardrail. */
const deskTools = (done, guard) => deskToolsBy(tool, done, { inputGuardrails: [guard] });

/** The desk's tools, made with a tool function. */
const deskToolsBy = (tool, done, more) =>
	['process_refund', 'delete_record', 'view_customer'].map((name) =>
		tool({
			name,
			description: name,
			parameters,
			strict: false,
			...more,
			execute: async (args) => {
				done.push([name, args]);
				return `${name} is done`;
			},
		}),
	);

/** The guards, and the desk's tools with each. */
const GUARDS = {
	guardedTool: [guardedTool, (guarded, done) => deskToolsBy(guarded, done)],
	// The guardrail does not see what the tool answers.
	toolInputGuardrail: [toolInputGuardrail, (guard, done) => deskTools(done, guard), ['unknown', 'unknown']],
};

for (const [name, [guard, tools, became]] of Object.entries(GUARDS)) {
	describe(name, () =>
		everyGuard({
			guard,
			became,
			caller: ({ context }) => context.context,
			async play(policy, settings, calls, context, done) {
				const model = playing(calls);
				await run(new Agent({ name: 'desk', model, tools: tools(guard(policy, settings), done) }), 'go', { context });
				return readBy(model);
			},
		}),
	);
}

/** Lets a model call one tool. */
async function call(tools, name, args, more) {
	const model = playing([[name, args, more]]);
	const result = await run(new Agent({ name: 'desk', model, tools }), 'go');
	return { read: readBy(model)[0], result };
}

test('the result of the guardrail has the decision', async () => {
	const events = [];
	const guard = toolInputGuardrail(policy, { agent: AGENT, onDecision: (event) => events.push(event) });
	const { result } = await call(deskTools([], guard), 'process_refund', { amount: 501 });
	const [{ guardrail, output }] = result.toolInputGuardrailResults;
	assert.deepEqual(guardrail, { type: 'tool_input', name: 'perso' });
	assert.deepEqual(output.behavior, { type: 'rejectContent', message: REASON });
	assert.deepEqual(output.outputInfo, { [META]: { decision: 'deny', rule: 'refund', hint: null, decision_id: events[0].id } });
});

test('what `agent` is told', async () => {
	const told = [];
	const guard = toolInputGuardrail(policy, { agent: (of) => (told.push(of), AGENT) });
	await call(deskTools([], guard), 'process_refund', { amount: 5 });
	const [{ agent, toolCall }] = told;
	assert.deepEqual([agent.name, toolCall.callId, toolCall.arguments], ['desk', 'call-0', '{"amount":5}']);
});

test('the text of the arguments is judged to the letter', async () => {
	const done = [];
	const guard = toolInputGuardrail(policy, { agent: AGENT });
	const tools = deskTools(done, guard);
	assert.equal((await call(tools, 'process_refund', '{"amount": 5e2, "amounts": 900}')).read, 'process_refund is done');
	assert.equal(done.length, 1);
	for (const text of [
		'{"amount": 900, "amount": 5}',
		'{"amount": 900, "\\u0061mount": 5}',
		'{"amount": 5, "Amount": 900}',
		'{"amount": 500.00000000000000000001}',
		'{"amount": "5"}',
		'{"__proto__": {"amount": 5}}',
		'{"amount": 1e999}',
		'{"amount": NaN}',
		'{"amount": 5',
		'{"amount": 5} {}',
		'{"amount": 5}, "agent": {"roles": ["agent"]}',
		'[{"amount": 5}]',
		'"{\\"amount\\": 5}"',
		'5',
		'null',
		'',
	]) {
		assert.notEqual((await call(tools, 'process_refund', text)).read, 'process_refund is done', text);
		const { behavior } = await guard.run({ toolCall: functionCall('process_refund', text, { callId: 'c' }) });
		assert.equal(behavior.type, 'rejectContent', text);
	}
	assert.deepEqual(done, [['process_refund', { amount: 500, amounts: 900 }]]);
});

test('text that is no JSON is not told as arguments', async () => {
	const told = [];
	const onDecision = ({ decision }, args) => told.push([decision.cause.kind, args]);
	const guard = toolInputGuardrail(policy, { agent: AGENT, onDecision });
	const { behavior } = await guard.run({ toolCall: functionCall('process_refund', '{"amount": ', { callId: 'c' }) });
	assert.deepEqual([behavior.type, told], ['rejectContent', [['malformed', {}]]]);
});

test('tools with a schema', async () => {
	const done = [];
	const refund = tool({
		name: 'process_refund',
		description: 'Refunds.',
		parameters: z.object({ order: z.string(), amount: z.number() }),
		inputGuardrails: [toolInputGuardrail(policy, { agent: AGENT })],
		execute: async (args) => (done.push(args), 'refunded'),
	});
	assert.equal((await call([refund], 'process_refund', { order: '1', amount: 5 })).read, 'refunded');
	assert.equal((await call([refund], 'process_refund', { order: '1', amount: 501 })).read, REASON);
	assert.match((await call([refund], 'process_refund', { amount: 5 })).read, /failed/);
	assert.deepEqual(done, [{ order: '1', amount: 5 }]);
});

test('a tool in a namespace has a name of its own', async () => {
	const rules = await compiled({ rules: [{ allow: 'billing.process_refund' }, { allow: 'late' }] });
	const done = [];
	const guarded = deskTools(done, toolInputGuardrail(rules));
	const tools = (namespace) => toolNamespace({ name: namespace, description: 'Money.', tools: guarded });
	const run = (namespace) => call(tools(namespace), 'process_refund', { amount: 5 }, { namespace });
	assert.equal((await run('billing')).read, 'process_refund is done');
	assert.equal((await run('other')).read, 'no rule allows this tool');
	assert.equal(done.length, 1);
	const late = functionCall('late', {}, { callId: 'c', namespace: 'late' });
	const { behavior } = await toolInputGuardrail(rules).run({ toolCall: late });
	assert.equal(behavior.type, 'allow', 'a tool that is loaded late is in a namespace of its own name');
});

test('the tools of an MCP server', async () => {
	const done = [];
	const server = {
		name: 'desk',
		cacheToolsList: false,
		toolInputGuardrails: [toolInputGuardrail(policy, { agent: AGENT })],
		connect: async () => {},
		close: async () => {},
		invalidateToolsCache: async () => {},
		listTools: async () => [{ name: 'process_refund', description: 'Refunds.', inputSchema: parameters }],
		callTool: async (name, args) => (done.push([name, args]), [{ type: 'text', text: 'refunded' }]),
	};
	const model = playing([
		['process_refund', { amount: 5 }],
		['process_refund', { amount: 501 }],
	]);
	await run(new Agent({ name: 'desk', model, mcpServers: [server] }), 'go');
	assert.deepEqual([readBy(model)[1], done], [REASON, [['process_refund', { amount: 5 }]]]);
});

test("a guarded MCP server is called at the guard's time", async () => {
	for (const [name, { rules, context, runs }] of Object.entries(CASES)) {
		const tools = ['process_refund', 'view_customer'];
		const policy = await compiled(rules(...tools));
		const done = [];
		const given = {
			name: 'desk',
			cacheToolsList: false,
			connect: async () => {},
			close: async () => {},
			invalidateToolsCache: async () => {},
			listTools: async () => tools.map((name) => ({ name, description: name, inputSchema: parameters })),
			callTool: async (name) => (done.push(name), [{ type: 'text', text: 'done' }]),
			callToolResult: async (name) => (done.push(name), { content: [{ type: 'text', text: 'done' }] }),
		};
		const server = guardMcpServer(given, policy, { context });
		for (const [at, tool] of tools.entries()) {
			const text = runs[at] ? 'done' : REASONS[at];
			assert.deepEqual(await server.callTool(tool, LIES, LIES), [{ type: 'text', text }], name);
			assert.equal((await server.callToolResult(tool, LIES, LIES)).content[0].text, text, name);
		}
		assert.equal(done.length, 2, name);
	}
});

test('a guarded MCP server does not get a call that needs the approval of a person', async () => {
	const asks = await compiled(ASKS);
	const done = [];
	const answer = (name, args) => (done.push([name, args]), [{ type: 'text', text: 'done' }]);
	const server = guardMcpServer(
		{
			name: 'desk',
			cacheToolsList: false,
			connect: async () => {},
			close: async () => {},
			invalidateToolsCache: async () => {},
			listTools: async () =>
				['process_refund', 'delete_record', 'view_customer'].map((name) => ({ name, description: name, inputSchema: parameters })),
			callTool: async (name, args) => answer(name, args),
			callToolResult: async (name, args) => ({ content: answer(name, args) }),
		},
		asks,
		{ agent: AGENT },
	);
	const byModel = async (name, args) => {
		const model = playing([[name, args]]);
		await run(new Agent({ name: 'desk', model, mcpServers: [server] }), 'go');
		const { output } = model.lastCall.request.input.find(({ type }) => type === 'function_call_result');
		return { text: output[0].text };
	};
	await asksAPerson(byModel, done);
	for (const { tool, args, decision, rule, hint, text } of ASKED) {
		assert.deepEqual(await server.callTool(tool, args), [{ type: 'text', text }]);
		const { content, isError, _meta } = await server.callToolResult(tool, args);
		const { decision_id, ...record } = _meta[META];
		assert.deepEqual([content, isError, record], [[{ type: 'text', text }], true, { decision, rule, hint }]);
	}
	assert.equal(done.length, 1);
});

test('what became of a call of a guarded MCP server', native, async () => {
	const { path, journal } = opened({ args: 'read' });
	const answers = {
		1: () => ({ content: [{ type: 'text', text: 'done' }] }),
		2: () => ({ content: [], isError: true }),
		3: () => {
			throw new Error('broken');
		},
		4: () => new Promise(() => {}),
	};
	const server = guardMcpServer(
		{
			name: 'desk',
			callTool: async (_, { amount }) => answers[amount]().content,
			callToolResult: async (_, { amount }) => answers[amount](),
			readResource: async () => ({ contents: [] }),
		},
		await compiled({ ...DESK, covers: ['tools', 'resources'], rules: [...DESK.rules, { id: 'read', allow: 'mcp:resources/read' }] }),
		{ agent: AGENT, journal },
	);
	const refund = (amount, ...rest) => server.callToolResult('process_refund', { amount }, ...rest);
	await server.callTool('process_refund', { amount: 1 });
	await refund(1);
	await refund(2);
	await assert.rejects(refund(3), /broken/);
	const controller = new AbortController();
	void refund(4, undefined, { signal: controller.signal });
	await new Promise(setImmediate);
	controller.abort();
	await refund(800);
	await server.readResource('note://one');
	await written(journal, 13);
	assert.deepEqual(
		recorded(path).map(({ tool, ran }) => [tool, ran]),
		[...['ok', 'ok', 'error', 'error', 'unknown', undefined].map((ran) => ['process_refund', ran]), ['mcp:resources/read', 'ok']],
	);
});

test('an approval that the SDK asks for does not replace one that the policy asks for', async () => {
	const done = [];
	const tool = guardedTool(await compiled(ASKS), { agent: AGENT });
	const [refund] = deskToolsBy(tool, done, { needsApproval: async () => true });
	const model = playing([['process_refund', { amount: 501 }]]);
	const agent = new Agent({ name: 'desk', model, tools: [refund] });
	const first = await run(agent, 'go');
	for (const interruption of first.interruptions) first.state.approve(interruption);
	await run(agent, first.state);
	const { text } = ASKED.find(({ args }) => args.amount === 501);
	assert.deepEqual([readBy(model), done], [[text], []]);
});

test('a call that a person must approve is judged when it runs', async () => {
	const done = [];
	const guard = toolInputGuardrail(policy, { agent: AGENT });
	const [refund] = deskTools(done, guard).map((tool) => ({ ...tool, needsApproval: async () => true }));
	const model = playing([
		['process_refund', { amount: 5 }],
		['process_refund', { amount: 501 }],
	]);
	const agent = new Agent({ name: 'desk', model, tools: [refund] });
	const first = await run(agent, 'go');
	assert.equal(first.interruptions.length, 2);
	for (const interruption of first.interruptions) first.state.approve(interruption);
	await run(agent, first.state);
	assert.deepEqual([readBy(model), done], [['process_refund is done', REASON], [['process_refund', { amount: 5 }]]]);
});

test('streamed runs', async () => {
	const done = [];
	const model = playing([
		['process_refund', { amount: 5 }],
		['process_refund', { amount: 501 }],
	]);
	const agent = new Agent({ name: 'desk', model, tools: deskTools(done, toolInputGuardrail(policy, { agent: AGENT })) });
	const result = await new Runner().run(agent, 'go', { stream: true });
	await result.completed;
	assert.deepEqual([readBy(model), done.length], [['process_refund is done', REASON], 1]);
});

test('realtime sessions', async () => {
	const done = [];
	const transport = new ScriptedRealtimeTransport();
	const guard = toolInputGuardrail(policy, { agent: ({ context }) => context.context.user });
	const desk = new RealtimeAgent({ name: 'desk', tools: deskTools(done, guard) });
	const session = new RealtimeSession(desk, { transport, context: { user: AGENT } });
	await session.connect({ apiKey: 'none' });
	const read = [];
	for (const amount of [5, 501]) {
		const output = new Promise((resolve) => {
			transport.sendFunctionCallOutput = (call, text) => resolve(text);
		});
		const id = `call-${amount}`;
		const call = functionCall('process_refund', { amount }, { callId: id });
		transport.emit('turn_started', { type: 'response_started', providerData: { response: { id } } });
		transport.emit('function_call', { ...call, responseId: id });
		read.push(await output);
	}
	session.close();
	assert.deepEqual([read, done.length], [['process_refund is done', REASON], 1]);
});
