// Every way in which this version of LangChain runs a tool, with tools that record their calls; and everything that can
// change a call between the guard and the tool.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AIMessage } from '@langchain/core/messages';
import { RunnableLambda, RunnablePassthrough } from '@langchain/core/runnables';
import { DynamicStructuredTool, DynamicTool, StructuredTool, Tool } from '@langchain/core/tools';
import { ToolNode } from '@langchain/langgraph/prebuilt';
import { createAgent, createMiddleware, tool } from 'langchain';
import { guardTool, toolGuard, verify } from 'perso/langchain';
import { z } from 'zod';
import { assertInventory, callSites, folderOf } from '../support/inventory.mjs';
import { LangChainModel as Played } from '../support/models.mjs';
import { AGENT, DESK, compiled } from '../support/policies.mjs';
import { REASON } from './every-guard.mjs';

const policy = await compiled(DESK);
const anything = z.looseObject({ amount: z.number() });
const NAME = 'process_refund';
const user = { configurable: { user: AGENT } };
const byConfig = { agent: ({ configurable }) => configurable?.user };
const byContext = { agent: ({ runtime }) => runtime.context.user };

/** Tools of each kind, which record their calls. */
const KINDS = {
	'tool()': (done) => tool(async ({ amount }) => (done.push(amount), 'refunded'), { name: NAME, schema: anything }),
	'tool() with a JSON schema': (done) =>
		tool(async ({ amount }) => (done.push(amount), 'refunded'), {
			name: NAME,
			schema: { type: 'object', properties: { amount: { type: 'number' } }, required: ['amount'] },
		}),
	DynamicStructuredTool: (done) =>
		new DynamicStructuredTool({
			name: NAME,
			description: 'x',
			schema: anything,
			func: async ({ amount }) => (done.push(amount), 'refunded'),
		}),
	'a class': (done) =>
		new (class extends StructuredTool {
			name = NAME;
			description = 'x';
			schema = anything;
			async _call({ amount }) {
				done.push(amount);
				return 'refunded';
			}
		})(),
};

const said = (answer) => answer?.content ?? answer;
const toolCall = (amount, more) => ({ type: 'tool_call', id: `call-${amount}`, name: NAME, args: { amount, ...more } });
const aiMessage = (amount) => new AIMessage({ content: '', tool_calls: [toolCall(amount)] });
const caught = (promise) => promise.then(said, ({ message }) => message);
const stream = async (runnable, input) => {
	let last;
	for await (const chunk of await runnable.stream(input, user)) last = chunk;
	return last;
};

/** Ways to run a guarded tool. Each returns the results of an allowed and of a denied amount. */
const WAYS = {
	'invoke, with arguments': (tool, amount) => tool.invoke({ amount }, user),
	'invoke, with a call of a model': (tool, amount) => tool.invoke(toolCall(amount), user),
	'call, which is deprecated': (tool, amount) => tool.call({ amount }, user),
	batch: async (tool, amount) => (await tool.batch([{ amount }], user))[0],
	'batch, that returns exceptions': async (tool, amount) => {
		const [answer] = await tool.batch([{ amount }], user, { returnExceptions: true });
		return answer instanceof Error ? answer.message : answer;
	},
	stream: (tool, amount) => stream(tool, { amount }),
	transform: async (tool, amount) => {
		let last;
		const input = async function* () {
			yield { amount };
		};
		for await (const chunk of tool.transform(input(), user)) last = chunk;
		return last;
	},
	streamEvents: async (tool, amount) => {
		let output;
		for await (const { event, data } of tool.streamEvents({ amount }, { ...user, version: 'v2' }))
			if (event === 'on_tool_end') ({ output } = data);
		return output;
	},
	'pipe, to the next': (tool, amount) => tool.pipe((answer) => answer).invoke({ amount }, user),
	'pipe, from the one before': (tool, amount) =>
		RunnableLambda.from((amount) => ({ amount }))
			.pipe(tool)
			.invoke(amount, user),
	'a sequence that streams': (tool, amount) => stream(new RunnablePassthrough().pipe(tool), { amount }),
	withConfig: (tool, amount) => tool.withConfig(user).invoke({ amount }),
	withRetry: (tool, amount) => tool.withRetry({ stopAfterAttempt: 1 }).invoke({ amount }, user),
	withFallbacks: (tool, amount) => tool.withFallbacks([]).invoke({ amount }, user),
	'a runnable made of the tool, as a tool': (tool, amount) =>
		RunnableLambda.from((input, config) => tool.invoke(input, config))
			.asTool({ name: 'outer', schema: anything })
			.invoke({ amount }, user),
	_call: (tool, amount) => tool._call({ amount }, undefined, user),
	'func, where there is any': (tool, amount) => (tool.func ?? tool._call).call(tool, { amount }, undefined, user),
	'a ToolNode of a graph': async (tool, amount) => (await new ToolNode([tool]).invoke([aiMessage(amount)], user))[0],
	'an agent without a middleware': async (tool, amount) => {
		const model = new Played([[NAME, { amount }]]);
		await createAgent({ model, tools: [tool] }).invoke({ messages: 'go' }, user);
		return model.read[0];
	},
};

for (const [kind, make] of Object.entries(KINDS)) {
	describe(kind, () => {
		for (const [way, run] of Object.entries(WAYS)) {
			test(`${way}: an allowed call runs once, a denied one never`, async () => {
				const done = [];
				const guarded = guardTool(make(done), policy, byConfig);
				const read = [said(await caught(run(guarded, 5))), said(await caught(run(guarded, 501)))];
				assert.deepEqual(done, [5]);
				assert.match(`${read[0]}`, /refunded/);
				assert.match(`${read[1]}`, /Agents may refund up to \$500\./);
			});
		}

		test('an agent with the guard: run, streamed, and with its events', async () => {
			for (const play of [
				(agent, input, options) => agent.invoke(input, options),
				async (agent, input, options) => {
					for await (const chunk of await agent.stream(input, options)) assert.ok(chunk);
				},
				async (agent, input, options) => {
					for await (const event of agent.streamEvents(input, { ...options, version: 'v2' })) assert.ok(event);
				},
			]) {
				const done = [];
				for (const amount of [5, 501]) {
					const model = new Played([[NAME, { amount }]]);
					const agent = verify(createAgent({ model, tools: [make(done)], middleware: [toolGuard(policy, byContext)] }));
					await play(agent, { messages: [{ role: 'user', content: 'go' }] }, { context: { user: AGENT } });
					assert.equal(model.read[0].content, amount === 5 ? 'refunded' : REASON);
				}
				assert.deepEqual(done, [5]);
			}
		});

		test('what the model sends in the place of what the framework gives', async () => {
			// The names of everything that LangChain passes to tools, and the forms that it treats as calls.
			const admin = { roles: ['agent', 'admin', 'manager'] };
			const sent = {
				config: { configurable: { user: admin }, toolCall: toolCall(5) },
				configurable: { user: admin },
				callbacks: [{ handleToolStart: 'x' }],
				context: { user: admin },
				runtime: { context: { user: admin } },
				state: { user: admin },
				store: {},
				toolCall: toolCall(5),
				run_manager: {},
				manager: {},
				runManager: {},
				metadata: admin,
				tags: ['x'],
				signal: {},
				input: { amount: 5 },
				type: 'tool_call',
				args: { amount: 5 },
				id: 'x',
				name: 'view_customer',
			};
			const done = [];
			const guarded = guardTool(make(done), policy, byConfig);
			for (const more of [sent, ...Object.entries(sent).map((entry) => Object.fromEntries([entry]))]) {
				await caught(guarded.invoke({ amount: 501, ...more }, { configurable: { user: AGENT } }));
				await caught(guarded.invoke(toolCall(501, more), { configurable: { user: AGENT } }));
				// Arguments must not become the caller.
				await caught(guarded.invoke({ amount: 5, ...more }));
				await caught(guarded.invoke(toolCall(5, more)));
				const model = new Played([[NAME, { amount: 5, ...more }]]);
				const agent = createAgent({ model, tools: [make(done)], middleware: [toolGuard(policy, byContext)] });
				await caught(agent.invoke({ messages: 'go' }, { context: { user: {} } }));
			}
			// `{ type: 'tool_call', args: { amount: 5 } }` is a call with 5: that is what is judged and what runs.
			assert.ok(
				done.every((amount) => amount === 5),
				`${done}`,
			);
			assert.ok(done.length <= 4, `${done.length}`);
		});
	});
}

test('a text tool', async () => {
	const rules = await compiled({ rules: [{ allow: 'search', when: { 'args.input': { starts_with: 'a' } }, reason: 'Only a.' }] });
	for (const make of [
		(done) => new DynamicTool({ name: 'search', description: 'x', func: async (text) => (done.push(text), 'found') }),
		(done) =>
			new (class extends Tool {
				name = 'search';
				description = 'x';
				async _call(text) {
					done.push(text);
					return 'found';
				}
			})(),
		(done) => tool(async (text) => (done.push(text), 'found'), { name: 'search', description: 'x' }),
		(done) => tool(async (text) => (done.push(text), 'found'), { name: 'search', description: 'x', schema: z.string() }),
	]) {
		const done = [];
		const guarded = guardTool(make(done), rules);
		for (const input of ['abc', 'bcd']) {
			await caught(guarded.invoke(input));
			await caught(guarded.call(input));
			await caught(guarded.invoke({ type: 'tool_call', id: 'x', name: 'search', args: { input } }));
		}
		assert.deepEqual(done, ['abc', 'abc', 'abc']);
	}
});

test('a class that overrides what LangChain runs is not taken for one that does not', async () => {
	class Base extends StructuredTool {
		name = NAME;
		description = 'x';
		schema = anything;
		constructor(done) {
			super();
			this.done = done;
		}
		async _call({ amount }) {
			this.done.push(amount);
			return 'refunded';
		}
	}
	const classes = {
		invoke: class extends Base {
			async invoke(input) {
				this.done.push(input.args?.amount ?? input.amount);
				return 'refunded';
			}
		},
		call: class extends Base {
			async call(input) {
				this.done.push(input.amount);
				return 'refunded';
			}
		},
		'call, with other arguments': class extends Base {
			async call(input, config) {
				return super.call({ ...input, type: undefined }, config);
			}
		},
		'invoke, as a field': class extends Base {
			invoke = async (input) => (this.done.push(input.args?.amount ?? input.amount), 'refunded');
		},
	};
	const likeOne = (done) => ({
		name: NAME,
		schema: anything,
		_call() {},
		call() {},
		invoke: async ({ args }) => (done.push(args.amount), 'refunded'),
	});
	assert.throws(() => guardTool(likeOne([]), policy), TypeError);
	const makes = Object.values(classes).map((Class) => (done) => new Class(done));
	for (const make of makes) {
		assert.throws(() => guardTool(make([]), policy), {
			name: 'TypeError',
			message: /`process_refund` cannot be guarded, because its class overrides/,
		});
		const done = [];
		for (const args of [{ amount: 5 }, { amount: 501 }, { amount: 5, type: 'tool_call', args: { amount: 9000 } }]) {
			const model = new Played([[NAME, args]]);
			await createAgent({ model, tools: [make(done)], middleware: [toolGuard(policy, { agent: AGENT })] }).invoke({ messages: 'go' });
		}
		assert.deepEqual(done, [5], `${make}`);
	}
});

test('a middleware after the guard that changes the arguments of a tool that LangChain does not parse', async () => {
	const done = [];
	const runnable = RunnableLambda.from(async ({ amount }) => (done.push(amount), 'refunded')).asTool({
		name: NAME,
		description: 'x',
		schema: anything,
	});
	const changes = createMiddleware({
		name: 'changes',
		wrapToolCall: (request, handler) => handler({ ...request, toolCall: { ...request.toolCall, args: { amount: 9000 } } }),
	});
	const model = new Played([[NAME, { amount: 5 }]]);
	await createAgent({ model, tools: [runnable], middleware: [toolGuard(policy, { agent: AGENT }), changes] }).invoke({ messages: 'go' });
	assert.deepEqual([done, model.read[0].content], [[], REASON]);
});

test('a middleware after the guard that exchanges the tool is found', async () => {
	const done = [];
	const raw = tool(async ({ amount }) => (done.push(amount), 'refunded'), { name: NAME, schema: anything });
	const exchanges = createMiddleware({ name: 'exchanges', wrapToolCall: (request, handler) => handler({ ...request, tool: raw }) });
	const make = (middleware, tools = [raw]) => createAgent({ model: new Played([[NAME, { amount: 501 }]]), tools, middleware });
	const guard = toolGuard(policy, { agent: AGENT });
	const wrong = make([guard, exchanges]);
	assert.throws(() => verify(wrong), /`exchanges` comes after `perso`/);
	await assert.rejects(wrong.invoke({ messages: 'go' }), /make `perso` the last one/);
	done.length = 0;
	const right = verify(make([exchanges, guard]));
	await right.invoke({ messages: 'go' });
	assert.deepEqual(done, []);
	assert.throws(() => verify(make([])), /`process_refund` is not guarded/);
	assert.throws(() => verify(make([exchanges], [guardTool(raw, policy)])), /`exchanges` can exchange the tools/);
	verify(make([], [guardTool(raw, policy)]));
	const brings = createMiddleware({ name: 'brings', tools: [raw] });
	assert.throws(() => verify(make([brings], [])), /`process_refund` is not guarded/);
	verify(make([brings, guard], []));
	const search = { type: 'web_search', name: 'web_search' };
	assert.throws(() => verify(make([guard], [raw, search])), /`web_search` is executed by the provider/);
	verify(make([guard], [raw, search]), { unguarded: ['web_search'] });
});

/** The places where this version runs tools, and what guards each. */
const SITES = {
	'@langchain/core/tools/index.js: this._call(': [1, 'runs every tool of LangChain’s classes: `_call` is what is guarded'],
	'@langchain/core/tools/index.js: this.func(': [
		2,
		'what `_call` of the dynamic tools does: `func` of a guarded tool is guarded as well',
	],
	'@langchain/core/tools/index.js: super.call(': [3, 'from one class to the next'],
	'@langchain/core/tools/index.js: this.call(': [1, '`invoke` calls `call`'],
	'langchain/agents/nodes/ToolNode.js: invokableTool.invoke(': [1, 'agents: `toolGuard` gives it a guarded tool'],
	'@langchain/langgraph/prebuilt/tool_node.js: tool.invoke(': [1, 'graphs: `guardTool`'],
	'@langchain/langgraph/prebuilt/tool_executor.js: ].invoke(': [1, 'graphs: `guardTool`'],
};

test('LangChain runs tools where this test knows, and nowhere else', () => {
	const found = {};
	const patterns = {
		'@langchain/core': /(this\._call\(|this\.func\(|super\.call\(|this\.call\()/g,
		langchain: /(\b(?:invokable)?[tT]ool\.invoke\(|\btool\.(?:call|_call|func)\()/g,
		'@langchain/langgraph': /(\b[tT]ool\.invoke\(|\btool\.(?:call|_call|func)\(|\]\.invoke\()/g,
	};
	for (const [name, pattern] of Object.entries(patterns)) {
		const folder = join(folderOf(name), 'dist', name === '@langchain/core' ? 'tools' : name === 'langchain' ? 'agents' : '');
		const sites = callSites(folder, (file) => file.endsWith('.js') && !file.includes('.test.'), pattern);
		const below = { '@langchain/core': 'tools/', langchain: 'agents/', '@langchain/langgraph': '' }[name];
		for (const [site, count] of Object.entries(sites)) found[`${name}/${below}${site}`] = count;
	}
	assertInventory(found, SITES, 'test/agents/langchain-ways.test.mjs');
});
