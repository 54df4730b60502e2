// LangChain: an agent's loop with a fake model, and tools without an agent.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { AIMessage, ToolMessage } from '@langchain/core/messages';
import { RunnableLambda } from '@langchain/core/runnables';
import { DynamicTool, StructuredTool } from '@langchain/core/tools';
import { createAgent, createMiddleware, tool, toolRetryMiddleware } from 'langchain';
import { Denied, META } from 'perso';
import { guardTool, toolGuard } from 'perso/langchain';
import { z } from 'zod';
import { native, opened, recorded, written } from '../support/journal.mjs';
import { LangChainModel as Played } from '../support/models.mjs';
import { ASKED, ASKS, asksAPerson } from '../support/asks.mjs';
import { AGENT, DESK, compiled } from '../support/policies.mjs';
import { CASES, LIES, REASONS } from '../support/times.mjs';
import { REASON, UNKNOWN, everyGuard } from './every-guard.mjs';

const policy = await compiled(DESK);

const anything = z.looseObject({});

const deskTools = (done) =>
	['process_refund', 'delete_record', 'view_customer'].map((name) =>
		tool(
			async (args) => {
				done.push([name, args]);
				return `${name} is done`;
			},
			{ name, description: name, schema: anything },
		),
	);

async function loop(tools, calls, middleware, context) {
	const model = new Played(calls);
	const agent = createAgent({ model, tools, middleware });
	await agent.invoke({ messages: [{ role: 'user', content: 'go' }] }, { context });
	return model.read;
}

everyGuard({
	guard: toolGuard,
	caller: ({ runtime }) => runtime.context.user,
	async play(policy, settings, calls, user, done) {
		const read = await loop(deskTools(done), calls, [toolGuard(policy, settings)], { user });
		return read.map(({ content }) => content);
	},
});

/** Lets a model of a guarded agent call one tool. */
async function call(tools, name, args, settings = { agent: AGENT }, more = []) {
	const [read] = await loop(tools, [[name, args]], [...more, toolGuard(policy, settings)]);
	return read;
}

test('the denial is an error of the call, with the decision for programs', async () => {
	const events = [];
	const settings = { agent: AGENT, onDecision: (event) => events.push(event) };
	const read = await call(deskTools([]), 'process_refund', { amount: 501 }, settings);
	const { content, status, tool_call_id, name, artifact } = read;
	assert.deepEqual([content, status, tool_call_id, name], [REASON, 'error', 'call-0', 'process_refund']);
	assert.deepEqual(artifact, { [META]: { decision: 'deny', rule: 'refund', hint: null, decision_id: events[0].id } });
	assert.equal((await call(deskTools([]), 'process_refund', { amount: 5 })).status, 'success');
});

test('what `agent` is told', async () => {
	const told = [];
	const agent = (of) => (told.push(of), AGENT);
	await loop(deskTools([]), [['process_refund', { amount: 5 }]], [toolGuard(policy, { agent })], { user: 'ann' });
	const [{ toolCall, state, runtime, tool }] = told;
	assert.deepEqual([toolCall.id, tool.name, runtime.context], ['call-0', 'process_refund', { user: 'ann' }]);
	assert.equal(state.messages[0].content, 'go');
});

test('what the schema makes of the arguments is judged, and runs', async () => {
	const done = [];
	const schema = z.object({ amount: z.coerce.number().default(1000), order: z.string().trim().optional() });
	const refund = tool(async (args) => (done.push(args), 'refunded'), { name: 'process_refund', schema });
	for (const args of [{}, { amount: '501' }]) {
		assert.equal((await call([refund], 'process_refund', args)).content, REASON);
	}
	assert.equal((await call([refund], 'process_refund', { amount: '7', order: ' 1 ' })).content, 'refunded');
	assert.deepEqual(done, [{ amount: 7, order: '1' }]);
	// The schema's errors reach the model as without a guard.
	const refused = await call([refund], 'process_refund', { order: 1 });
	assert.match(refused.content, /did not match expected schema/);
});

/** A tool whose schema transforms every input with `value`. */
const making = (value, done) =>
	tool(async (args) => (done.push(args), 'refunded'), {
		name: 'process_refund',
		description: 'Refunds.',
		schema: anything.transform(value),
	});

test('values that change once they have been judged', async () => {
	const fails = () => {
		throw new Error('no');
	};
	const lies = () => {
		let reads = 0;
		const amount = () => ((reads += 1) === 1 ? 5 : 9000);
		return [
			{
				get amount() {
					return amount();
				},
			},
			new Proxy({ amount: 5 }, { get: (of, key) => (key === 'amount' ? amount() : Reflect.get(of, key)) }),
		];
	};
	for (const at of [0, 1]) {
		for (const agent of [AGENT, async () => AGENT]) {
			const done = [];
			assert.equal((await call([making(() => lies()[at], done)], 'process_refund', {}, { agent })).content, 'refunded');
			assert.deepEqual(done, [{ amount: 5 }], 'what was judged has run');
		}
	}
	const shared = { amount: 5 };
	const ran = [];
	await call([making(() => shared, ran)], 'process_refund', {}, { agent: async () => ((shared.amount = 9000), AGENT) });
	assert.deepEqual(ran, [{ amount: 5 }]);
	for (const value of [
		{
			get amount() {
				return fails();
			},
		},
		{ amount: { toJSON: () => 5 } },
		new Proxy({ amount: 5 }, { ownKeys: fails }),
		Object.create({ amount: 5 }),
		new (class Order {
			amount = 5;
		})(),
		JSON.parse('{"__proto__": {"amount": 5}}'),
		{ amount: NaN },
		// eslint-disable-next-line no-sparse-arrays
		{ amount: [, 5] },
		[5],
		5,
		undefined,
	]) {
		const done = [];
		assert.equal((await call([making(() => value, done)], 'process_refund', {})).status, 'error');
		assert.deepEqual(done, []);
	}
});

test('dates, bigints and maps are judged, and run as what they are', async () => {
	const done = [];
	const at = new Date('2026-11-25');
	const maps = [new Map([['amount', 5]]), new Map([['amount', 501]])];
	for (const value of [{ amount: 500n, at }, { amount: 501n, at }, ...maps]) {
		await call([making(() => value, done)], 'process_refund', {});
	}
	assert.deepEqual(done, [{ amount: 500n, at }, new Map([['amount', 5]])]);
});

test('a middleware before the guard changes what is judged', async () => {
	const done = [];
	const changes = (amount) =>
		createMiddleware({
			name: 'changes',
			wrapToolCall: (request, handler) => handler({ ...request, toolCall: { ...request.toolCall, args: { amount } } }),
		});
	const run = (amount, before) => call(deskTools(done), 'process_refund', { amount }, { agent: AGENT }, [before]);
	assert.equal((await run(5, changes(501))).content, REASON);
	assert.equal((await run(501, changes(5))).status, 'success');
	const [, , view] = deskTools(done);
	await run(
		501,
		createMiddleware({
			name: 'exchanges',
			wrapToolCall: (request, handler) => handler({ ...request, tool: view }),
		}),
	);
	const ran = [
		['process_refund', { amount: 5 }],
		['view_customer', { amount: 501 }],
	];
	assert.deepEqual(done, ran, 'the tool that runs is judged');
});

test('a middleware after the guard changes what is judged, too, and does not retry a denial', async () => {
	const done = [];
	const decided = [];
	const run = (amount, after) =>
		loop(
			deskTools(done),
			[['process_refund', { amount }]],
			[toolGuard(policy, { agent: AGENT, onDecision: (event) => decided.push(event.decision.allowed) }), after],
		);
	const changes = createMiddleware({
		name: 'changes',
		wrapToolCall: (request, handler) => handler({ ...request, toolCall: { ...request.toolCall, args: { amount: 501 } } }),
	});
	assert.equal((await run(5, changes))[0].content, REASON);
	assert.equal((await run(501, toolRetryMiddleware({ maxRetries: 2, initialDelayMs: 0 })))[0].content, REASON);
	assert.deepEqual([done, decided], [[], [false, false]]);
});

test('tools that the agent does not know by itself', async () => {
	const done = [];
	const [refund] = deskTools(done);
	const brings = createMiddleware({
		name: 'brings',
		wrapToolCall: (request, handler) => handler(request.tool ? request : { ...request, tool: refund }),
	});
	const run = async (args, middleware) => (await loop([], [['process_refund', args]], middleware))[0];
	const guard = toolGuard(policy, { agent: AGENT });
	assert.equal((await run({ amount: 501 }, [brings, guard])).content, REASON);
	assert.equal((await run({ amount: 5 }, [brings, guard])).content, 'process_refund is done');
	assert.equal(done.length, 1);
	// A tool added by a middleware after the guard does not run, because it cannot be judged.
	assert.equal((await run({ amount: 501 }, [guard, brings])).content, REASON);
	assert.match((await run({ amount: 5 }, [guard, brings])).content, /not a valid tool/);
	assert.match((await run({ amount: 5 }, [guard])).content, /not a valid tool/);
	const unknown = (await loop([], [['drop_database', {}]], [guard, brings]))[0];
	assert.deepEqual([unknown.status, done.length], ['error', 1]);
});

test('a runnable as a tool', async () => {
	const done = [];
	const runnable = RunnableLambda.from(async (args) => (done.push(args), 'refunded')).asTool({
		name: 'process_refund',
		description: 'Refunds.',
		schema: z.object({ amount: z.number() }),
	});
	assert.equal((await call([runnable], 'process_refund', { amount: 5 })).content, 'refunded');
	assert.equal((await call([runnable], 'process_refund', { amount: 501 })).content, REASON);
	const agent = async ({ toolCall }) => ((toolCall.args.amount = 9000), AGENT);
	await call([runnable], 'process_refund', { amount: 6 }, { agent });
	assert.deepEqual(done, [{ amount: 5 }, { amount: 6 }], 'what was judged has run');
	assert.throws(() => guardTool(runnable, policy), /`process_refund` cannot be guarded/);
});

test('what else goes wrong is told as before', async () => {
	const fails = tool(
		async () => {
			throw new Error('out of money');
		},
		{ name: 'process_refund', schema: anything },
	);
	await assert.rejects(call([fails], 'process_refund', { amount: 5 }), /out of money/);
	assert.equal((await call([fails], 'process_refund', { amount: 501 })).content, REASON);
});

test('agents of CommonJS', async () => {
	const require = createRequire(import.meta.url);
	const langchain = require('langchain');
	const done = [];
	const model = new Played([
		['process_refund', { amount: 5 }],
		['process_refund', { amount: 501 }],
	]);
	const refund = langchain.tool(async (args) => (done.push(args), 'refunded'), {
		name: 'process_refund',
		schema: anything,
	});
	const agent = langchain.createAgent({ model, tools: [refund], middleware: [toolGuard(policy, { agent: AGENT })] });
	await agent.invoke({ messages: [{ role: 'user', content: 'go' }] });
	assert.deepEqual([model.read.map(({ content }) => content), done], [['refunded', REASON], [{ amount: 5 }]]);
});

test('a tool without an agent', async () => {
	const done = [];
	const [refund] = deskTools(done);
	for (const agent of [AGENT, async () => AGENT, ({ configurable }) => configurable.user]) {
		done.length = 0;
		const guarded = guardTool(refund, policy, { agent });
		const config = { configurable: { user: AGENT } };
		assert.equal(await guarded.invoke({ amount: 5 }, config), 'process_refund is done');
		await assert.rejects(guarded.invoke({ amount: 501 }, config), { name: 'Denied', message: REASON });
		// A call by a model.
		const made = { type: 'tool_call', id: 'call-1', name: 'process_refund', args: { amount: 501 } };
		const message = await guarded.invoke(made, config);
		assert.deepEqual([message.content, message.status, message.tool_call_id], [REASON, 'error', 'call-1']);
		assert.deepEqual(done, [['process_refund', { amount: 5 }]]);
	}
	const fails = guardTool(refund, policy, { agent: ({ configurable }) => configurable.user.roles });
	await assert.rejects(fails.invoke({ amount: 5 }), { message: UNKNOWN });
	assert.ok(guardTool(refund, policy) instanceof refund.constructor);
	const { func, ...rest } = guardTool(refund, policy);
	const { func: unguarded, ...expected } = refund;
	assert.deepEqual(rest, expected);
	assert.notEqual(func, unguarded);
	// The original tool is unchanged.
	done.length = 0;
	await refund.invoke({ amount: 501 });
	assert.equal(done.length, 1);
});

test('guarded tools of an agent', async () => {
	const done = [];
	const tools = deskTools(done).map((tool) => guardTool(tool, policy, { agent: AGENT }));
	const read = await loop(
		tools,
		[
			['process_refund', { amount: 5 }],
			['process_refund', { amount: 501 }],
		],
		[],
	);
	const expected = [
		['process_refund is done', 'success'],
		[REASON, 'error'],
	];
	assert.deepEqual(
		read.map(({ content, status }) => [content, status]),
		expected,
	);
	assert.equal(done.length, 1);
});

test("a guarded tool reads the guard's time", async () => {
	for (const [name, { rules, context, runs }] of Object.entries(CASES)) {
		const policy = await compiled(rules('process_refund', 'view_customer'));
		const done = [];
		const tools = deskTools(done).map((tool) => guardTool(tool, policy, { context }));
		for (const [at, called] of ['process_refund', 'view_customer'].entries()) {
			const guarded = tools.find(({ name }) => name === called);
			const config = { configurable: LIES, metadata: LIES, context: LIES };
			const { content } = await guarded.invoke({ type: 'tool_call', id: '1', name: called, args: LIES }, config);
			assert.equal(content, runs[at] ? `${called} is done` : REASONS[at], name);
		}
		assert.equal(done.length, 1, name);
	}
});

test('a guarded tool does not run a call that needs the approval of a person', async () => {
	const asks = await compiled(ASKS);
	const done = [];
	const tools = deskTools(done).map((tool) => guardTool(tool, asks, { agent: AGENT }));
	// In an agent, by a call of a model and by itself.
	await asksAPerson(async (name, args) => {
		const [{ content, artifact }] = await loop(tools, [[name, args]], []);
		return { text: content, meta: artifact };
	}, done);
	for (const { tool, args, decision, hint, text } of ASKED) {
		const guarded = tools.find(({ name }) => name === tool);
		const { content, artifact } = await guarded.invoke({ type: 'tool_call', id: 'call-1', name: tool, args });
		assert.deepEqual([content, artifact[META].decision, artifact[META].hint], [text, decision, hint]);
		await assert.rejects(guarded.invoke(args), (error) => {
			assert.ok(error instanceof Denied);
			assert.deepEqual([error.message, error.hint, error.decision.decision], [text, hint, decision]);
			return true;
		});
	}
	assert.equal(done.length, 1);
});

test('tools by their classes', async () => {
	const done = [];
	class Refund extends StructuredTool {
		name = 'process_refund';
		description = 'Refunds.';
		schema = z.object({ amount: z.number() });
		#log = done;

		async _call({ amount }) {
			this.#log.push(amount);
			return 'refunded';
		}
	}
	const guarded = guardTool(new Refund(), policy, { agent: AGENT });
	assert.ok(guarded instanceof Refund);
	assert.equal(await guarded.invoke({ amount: 5 }), 'refunded');
	await assert.rejects(guarded.invoke({ amount: 501 }), Denied);
	class Other extends Refund {
		async invoke() {
			done.push('other');
			return 'refunded';
		}
	}
	assert.throws(() => guardTool(new Other(), policy, { agent: AGENT }), TypeError);
	assert.equal((await call([new Other()], 'process_refund', { amount: 501 })).content, REASON);
	assert.deepEqual(done, [5]);
});

test('tools that take a text, that have an artifact, and that tell how far they are', async () => {
	const done = [];
	const rule = { allow: 'search', when: { 'args.input': { starts_with: 'a' } }, reason: 'Only a.' };
	const rules = await compiled({ rules: [rule] });
	const search = guardTool(
		new DynamicTool({
			name: 'search',
			description: 'Searches.',
			func: async (text) => (done.push(text), 'found'),
		}),
		rules,
	);
	assert.equal(await search.invoke('abc'), 'found');
	assert.equal(await search.invoke({ input: 'abd' }), 'found');
	for (const input of ['bc', { input: 'bc' }]) await assert.rejects(search.invoke(input), { message: 'Only a.' });
	await assert.rejects(search.invoke({}), { message: 'Only a. Hint: args.input is missing.' });
	assert.deepEqual(done, ['abc', 'abd']);

	const pair = tool(async ({ amount }) => ['refunded', amount], {
		name: 'process_refund',
		schema: anything,
		responseFormat: 'content_and_artifact',
	});
	const yes = await call([pair], 'process_refund', { amount: 5 });
	const no = await call([pair], 'process_refund', { amount: 501 });
	assert.deepEqual([yes.content, yes.artifact, no.content, no.status], ['refunded', 5, REASON, 'error']);

	const tells = tool(
		async function* ({ amount }) {
			yield { told: amount };
			return 'refunded';
		},
		{ name: 'process_refund', schema: anything },
	);
	assert.equal((await call([tells], 'process_refund', { amount: 5 })).content, 'refunded');
	assert.equal((await call([tells], 'process_refund', { amount: 501 })).content, REASON);
});

test('what became of a call of a tool', native, async () => {
	const { path, journal } = opened({ args: 'read' });
	const message = (status) => new ToolMessage({ content: 'x', status, tool_call_id: '1' });
	const answers = {
		text: () => 'done',
		message: () => message('success'),
		error: () => message('error'),
		thrown: () => {
			throw new Error('broken');
		},
		cancelled: () => new Promise(() => {}),
	};
	const made = (answer) => tool(answer, { name: 'process_refund', description: 'x', schema: z.object({ amount: z.number() }) });
	const settings = { agent: AGENT, journal };
	for (const [name, answer] of Object.entries(answers)) {
		const controller = new AbortController();
		const guarded = guardTool(made(answer), policy, { ...settings, session: () => name });
		const running = guarded.invoke({ amount: 1 }, { signal: controller.signal }).catch(() => {});
		for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
		if (name === 'cancelled') controller.abort();
		await running;
	}
	// A tool of an agent that is no tool of LangChain's own, and one that there is not.
	const own = new (class extends StructuredTool {
		name = 'process_refund';
		description = 'x';
		schema = z.object({ amount: z.number() });
		async invoke(input) {
			return new ToolMessage({ content: 'no', status: 'error', tool_call_id: input.id });
		}
	})();
	await loop([own], [['process_refund', { amount: 2 }]], [toolGuard(policy, settings)]);
	await written(journal, 2 * (Object.keys(answers).length + 1));
	assert.deepEqual(
		recorded(path).map(({ session, ran }) => [session, ran]),
		[
			['text', 'ok'],
			['message', 'ok'],
			['error', 'error'],
			['thrown', 'error'],
			['cancelled', 'unknown'],
			[undefined, 'error'],
		],
	);
});
