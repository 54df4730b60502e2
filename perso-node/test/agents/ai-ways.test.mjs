// Every way in which this version of the AI SDK runs a tool, with tools that record their calls; and everything that can
// change a call before that.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { executeTool } from '@ai-sdk/provider-utils';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import {
	ToolLoopAgent,
	dynamicTool,
	experimental_toolCaller,
	generateText,
	isStepCount,
	jsonSchema,
	streamText,
	tool,
	wrapLanguageModel,
} from 'ai';
import { guardTools } from 'perso/ai';
import { z } from 'zod';
import { DESKS } from '../servers/desk.mjs';
import { CLIENTS } from '../support/clients.mjs';
import { assertInventory, callSites, folderOf } from '../support/inventory.mjs';
import { aiModel as playing } from '../support/models.mjs';
import { AGENT, DESK, compiled } from '../support/policies.mjs';
import { REASON } from './every-guard.mjs';

const policy = await compiled(DESK);
const inputSchema = z.looseObject({ amount: z.number() });
const counting = (done, more) => tool({ inputSchema, execute: async ({ amount }) => (done.push(amount), 'refunded'), ...more });
const guarded = (process_refund) => guardTools({ process_refund }, policy, { agent: AGENT });
const stopWhen = isStepCount(3);

/** Lets a model call the tool with each amount. Returns what the model read. */
async function each(play, amounts = [5, 501]) {
	const read = [];
	for (const amount of amounts) {
		const model = playing([['process_refund', { amount }]]);
		await play(model);
		read.push(...model.read);
	}
	return read;
}

const consume = async (result) => (await result).consumeStream();

const WAYS = {
	generateText: (done) => each((model) => generateText({ model, tools: guarded(counting(done)), prompt: 'go', stopWhen })),
	streamText: (done) => each((model) => consume(streamText({ model, tools: guarded(counting(done)), prompt: 'go', stopWhen }))),
	'one call at a time': (done) =>
		each((model) => generateText({ model, tools: guarded(counting(done)), prompt: 'go', stopWhen, toolCallConcurrency: 1 })),
	'an agent that generates': (done) =>
		each((model) => new ToolLoopAgent({ model, tools: guarded(counting(done)), stopWhen }).generate({ prompt: 'go' })),
	'an agent that streams': (done) =>
		each(async (model) => consume(new ToolLoopAgent({ model, tools: guarded(counting(done)), stopWhen }).stream({ prompt: 'go' }))),
	'a dynamic tool': (done) =>
		each((model) =>
			generateText({
				model,
				tools: guarded(dynamicTool({ inputSchema, execute: async ({ amount }) => (done.push(amount), 'refunded') })),
				prompt: 'go',
				stopWhen,
			}),
		),
	'a tool that gives preliminary results': (done) =>
		each((model) =>
			consume(
				streamText({
					model,
					prompt: 'go',
					stopWhen,
					tools: guarded(
						counting(done, {
							async *execute({ amount }) {
								done.push(amount);
								yield 'refunded';
							},
						}),
					),
				}),
			),
		),
	'a tool of the provider that runs here': (done) =>
		each((model) =>
			generateText({
				model,
				tools: guarded({ ...counting(done), type: 'provider', id: 'some.shell', args: {}, isProviderExecuted: false }),
				prompt: 'go',
				stopWhen,
			}),
		),
	'a tool that your own code executes': async (done) => {
		const { process_refund } = guarded(counting(done));
		const run = (amount) =>
			process_refund.execute({ amount }, { toolCallId: 'c', messages: [] }).catch(({ message }) => `Denied: ${message}`);
		return [await run(5), await run(501)];
	},
	'`executeTool` of the SDK': async (done) => {
		const { process_refund } = guarded(counting(done));
		const run = async (amount) => {
			try {
				let last;
				for await (const { output } of executeTool({
					tool: process_refund,
					input: { amount },
					options: { toolCallId: 'c', messages: [] },
				}))
					last = output;
				return last;
			} catch ({ message }) {
				return `Denied: ${message}`;
			}
		};
		return [await run(5), await run(501)];
	},
	'a tool that another tool calls': (done) => {
		const code = experimental_toolCaller(tool({ inputSchema: z.looseObject({}), outputSchema: z.any() }), {
			type: 'local',
			bind: (tools) =>
				tool({
					inputSchema: z.looseObject({}),
					execute: async ({ amount }, options) => tools.process_refund.execute({ amount }, options),
				}),
		});
		return (async () => {
			const rules = await compiled({ rules: [...DESK.rules, { allow: 'code' }] });
			const read = [];
			for (const amount of [5, 501]) {
				const model = playing([['code', { amount }]]);
				await generateText({
					model,
					tools: guardTools({ process_refund: counting(done), code }, rules, { agent: AGENT }),
					experimental_toolCallers: { process_refund: ['code'] },
					prompt: 'go',
					stopWhen,
				});
				read.push(...model.read);
			}
			return read;
		})();
	},
	'a tool of an MCP server': async (done) => {
		const [near, far] = InMemoryTransport.createLinkedPair();
		const server = DESKS['McpServer 1.x'](({ args }) => done.push(args.amount));
		const client = CLIENTS['1.x'].make();
		await server.connect(far);
		await client.connect(near);
		const { tools } = await client.listTools();
		const { inputSchema } = tools.find(({ name }) => name === 'process_refund');
		const remote = dynamicTool({
			inputSchema: jsonSchema(inputSchema),
			execute: async (args) =>
				(await client.callTool({ name: 'process_refund', arguments: args })).content[0].text.replace(
					'process_refund is done',
					'refunded',
				),
		});
		const read = await each((model) => generateText({ model, tools: guarded(remote), prompt: 'go', stopWhen }));
		await client.close();
		return read;
	},
};

for (const [way, play] of Object.entries(WAYS)) {
	test(`${way}: an allowed call runs once, a denied one never`, async () => {
		const done = [];
		assert.deepEqual([await play(done), done], [['refunded', `Denied: ${REASON}`], [5]]);
	});
}

test('what changes a call before its tool runs is judged', async () => {
	const large = (input) => void (input.amount = 9000);
	const changes = {
		'a callback of the tool': { tool: { onInputAvailable: ({ input }) => large(input) } },
		'whether it needs approval': { tool: { needsApproval: (input) => (large(input), false) } },
		'whether it needs approval, asked for by the call': {
			options: { toolApproval: ({ toolCall }) => (large(toolCall.input), undefined) },
		},
		'a callback of the call': { options: { onToolExecutionStart: ({ toolCall }) => large(toolCall.input) } },
		'a repaired call': {
			options: { repairToolCall: async ({ toolCall }) => ({ ...toolCall, input: '{"amount":9000}' }) },
			args: '{"amount":"five"}',
		},
		'an input that is refined': { options: { experimental_refineToolInput: { process_refund: () => ({ amount: 9000 }) } } },
		'a schema': { tool: { inputSchema: inputSchema.transform(({ amount }) => ({ amount: amount * 1800 })) } },
		'a middleware of the model': {
			model: (model) =>
				wrapLanguageModel({
					model,
					middleware: {
						specificationVersion: 'v4',
						wrapGenerate: async ({ doGenerate }) => {
							const answer = await doGenerate();
							return {
								...answer,
								content: answer.content.map((part) =>
									part.type === 'tool-call' ? { ...part, input: '{"amount":9000}' } : part,
								),
							};
						},
					},
				}),
		},
	};
	for (const [what, { tool: more, options, args = { amount: 5 }, model: wrap = (model) => model }] of Object.entries(changes)) {
		const done = [];
		const model = playing([['process_refund', args]]);
		await generateText({ model: wrap(model), tools: guarded(counting(done, more)), prompt: 'go', stopWhen, ...options });
		assert.deepEqual([done, model.read], [[], [`Denied: ${REASON}`]], what);
	}
});

test('a step that brings other tools', async () => {
	// `activeTools` and `prepareStep` choose from the tools of the call, which are guarded.
	const done = [];
	const model = playing([['process_refund', { amount: 501 }]]);
	await generateText({
		model,
		tools: guarded(counting(done)),
		prompt: 'go',
		stopWhen,
		prepareStep: () => ({ activeTools: ['process_refund'] }),
	});
	assert.deepEqual([done, model.read], [[], [`Denied: ${REASON}`]]);
});

/** The places where this version runs tools, and what guards each. */
const SITES = {
	'ai/index.js: executeTool({': [1, 'runs the tools of `generateText`, `streamText` and agents: `guardTools` wraps `execute`'],
	'ai/index.js: executeToolCall({': [4, 'its definition, and who calls it'],
	'@ai-sdk/provider-utils/index.js: executeTool({': [1, 'its definition'],
	'ai/index.js: this.executeTool(': [1, 'realtime: your own `onToolCall` runs the tool, where nothing can guard it'],
	'@ai-sdk/provider-utils/index.js: tool.execute(': [1, 'what `executeTool` does'],
	'ai/index.js: .needsApproval(': [1, 'asks whether to ask a person: wrapped'],
	'ai/index.js: .onInputAvailable(': [2, 'tells a tool of its input: wrapped'],
	'ai/index.js: .onInputStart(': [2, 'before there is an input: the page says so'],
	'ai/index.js: .onInputDelta(': [1, 'before there is a whole input: the page says so'],
	'ai/index.js: .toModelOutput(': [1, 'after a tool has run'],
	'ai/index.js: caller.bind(': [1, 'makes the tool that runs others: wrapped'],
};

test('the SDK runs tools where this test knows, and nowhere else', () => {
	const pattern =
		/(\bexecuteTool\(\{|\bexecuteToolCall\(\{|this\.executeTool\(|\btool\.execute\(|\.needsApproval\(|\.onInput\w+\(|\.toModelOutput\(|\bcaller\.bind\()/g;
	const found = {};
	for (const name of ['ai', '@ai-sdk/provider-utils']) {
		const sites = callSites(join(folderOf(name), 'dist'), (file) => file === 'index.js', pattern);
		for (const [site, count] of Object.entries(sites)) if (site.startsWith('index.js')) found[`${name}/${site}`] = count;
	}
	assertInventory(found, SITES, 'test/agents/ai-ways.test.mjs');
});
