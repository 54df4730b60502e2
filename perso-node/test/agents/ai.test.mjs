// The AI SDK: a loop with a model that is played.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
	ToolLoopAgent, dynamicTool, experimental_toolCaller, generateText, isStepCount, jsonSchema, streamText, tool, toolSearch,
} from 'ai';
import { MockLanguageModelV4, convertArrayToReadableStream } from 'ai/test';
import { Denied } from 'perso';
import { guardTools } from 'perso/ai';
import { z } from 'zod';
import { AGENT, DESK, MANAGER, compiled } from '../support/policies.mjs';
import { REASON, everyGuard } from './every-guard.mjs';

const policy = await compiled(DESK);
const usage = {
	inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
	outputTokens: { total: 1, text: 1, reasoning: 0 },
};
const ends = (unified) => ({ finishReason: { unified, raw: unified }, usage, warnings: [] });

/** A model that makes these calls, and then says no more. `read` is what it reads of each. */
function playing(calls) {
	const content = calls.map(([toolName, args], at) => ({
		type: 'tool-call',
		toolCallId: `call-${at}`,
		toolName,
		input: typeof args === 'string' ? args : JSON.stringify(args),
	}));
	const results = ({ prompt }) => prompt.filter(({ role }) => role === 'tool').flatMap(({ content }) => content);
	const model = new MockLanguageModelV4({
		doGenerate: async (options) => {
			model.read = results(options).filter(({ type }) => type === 'tool-result').map(({ output }) => output.value ?? output.reason);
			return model.read.length === 0
				? { content, ...ends('tool-calls') }
				: { content: [{ type: 'text', text: 'done' }], ...ends('stop') };
		},
		doStream: async (options) => {
			model.read = results(options).map(({ output }) => output.value);
			const isFirst = model.read.length === 0;
			const { finishReason } = ends(isFirst ? 'tool-calls' : 'stop');
			return {
				stream: convertArrayToReadableStream([
					{ type: 'stream-start', warnings: [] },
					...(isFirst ? content : []),
					{ type: 'finish', finishReason, usage },
				]),
			};
		},
	});
	return model;
}

/** The desk's tools. */
const deskTools = (done) => Object.fromEntries(['process_refund', 'delete_record', 'view_customer'].map((name) => [name, tool({
	description: name,
	inputSchema: z.looseObject({ order: z.string().optional() }),
	execute: async (input) => {
		done.push([name, input]);
		return `${name} is done`;
	},
})]));

const reads = (reason) => `Denied: ${reason}`;

everyGuard({
	guard: (policy, settings) => guardTools({}, policy, settings),
	caller: ({ options }) => options.context,
	reads,
	async play(policy, settings, calls, who, done) {
		const model = playing(calls);
		const tools = guardTools(deskTools(done), policy, settings);
		const toolsContext = Object.fromEntries(Object.keys(tools).map((name) => [name, who]));
		await generateText({ model, tools, toolsContext, prompt: 'go', stopWhen: isStepCount(3) });
		return model.read;
	},
});

/** Lets a model call one tool. */
async function call(tools, name, args, settings) {
	const model = playing([[name, args]]);
	const { steps } = await generateText({ model, tools: guardTools(tools, policy, settings), prompt: 'go', stopWhen: isStepCount(3) });
	return { read: model.read[0], step: steps[0] };
}

test('the denial is the error of the step', async () => {
	const { step } = await call(deskTools([]), 'process_refund', { amount: 501 }, { agent: AGENT });
	const { error } = step.content.find(({ type }) => type === 'tool-error');
	assert.ok(error instanceof Denied);
	assert.deepEqual([error.message, error.rule, error.tool], [REASON, 'refund', 'process_refund']);
});

test('what `agent` is told', async () => {
	const told = [];
	const agent = (of) => (told.push(of), AGENT);
	await call(deskTools([]), 'process_refund', { amount: 5 }, { agent });
	assert.deepEqual([told[0].tool, told[0].options.toolCallId, told[0].options.messages.at(-1).role], ['process_refund', 'call-0', 'user']);
});

test('what the schema makes of the input is judged, and runs', async () => {
	const done = [];
	const defaults = {
		process_refund: tool({
			inputSchema: z.object({ amount: z.coerce.number().default(1000), order: z.string().trim().optional() }),
			execute: async (input) => (done.push(input), 'refunded'),
		}),
	};
	assert.equal((await call(defaults, 'process_refund', {}, { agent: AGENT })).read, reads(REASON));
	assert.equal((await call(defaults, 'process_refund', { amount: '501' }, { agent: AGENT })).read, reads(REASON));
	assert.equal((await call(defaults, 'process_refund', { amount: '7', order: ' 1 ' }, { agent: AGENT })).read, 'refunded');
	assert.deepEqual(done, [{ amount: 7, order: '1' }]);
});

test('text that readers of JSON differ about', async () => {
	const done = [];
	for (const text of ['{"amount": 5, "amount": 900}', '{"amount": 900', '{"__proto__": {"amount": 5}}', '[5]', '5', '"5"', '{"amount": 1e999}']) {
		await call({ process_refund: dynamicTool({ inputSchema: jsonSchema({}), execute: async (input) => done.push(input) }) },
			'process_refund', text, { agent: AGENT });
	}
	assert.deepEqual(done, []);
});

/** A tool whose schema makes this of whatever it gets. */
const making = (value, done, more) => ({
	process_refund: tool({ inputSchema: z.looseObject({}).transform(value), execute: async (input) => (done.push(input), 'refunded'), ...more }),
});

test('values that change once they have been judged', async () => {
	const fails = () => {
		throw new Error('no');
	};
	const lies = () => {
		let reads = 0;
		const amount = () => ((reads += 1) === 1 ? 5 : 9000);
		return [
			{ get amount() { return amount(); } },
			new Proxy({ amount: 5 }, { get: (of, key) => (key === 'amount' ? amount() : Reflect.get(of, key)) }),
		];
	};
	for (const at of [0, 1]) {
		for (const agent of [AGENT, async () => AGENT]) {
			const done = [];
			assert.equal((await call(making(() => lies()[at], done), 'process_refund', {}, { agent })).read, 'refunded');
			assert.deepEqual(done, [{ amount: 5 }], 'what was judged has run');
		}
	}
	const shared = { amount: 5 };
	const done = [];
	const agent = async () => ((shared.amount = 9000), AGENT);
	await call(making(() => shared, done), 'process_refund', {}, { agent });
	assert.deepEqual(done, [{ amount: 5 }]);
	let times = 0;
	for (const value of [
		{ get amount() { return fails(); } },
		{ amount: { toJSON: () => ((times += 1) === 1 ? 5 : 9000) } },
		{ amount: 9000, toJSON: () => ({ amount: 5 }) },
		new Proxy({ amount: 5 }, { ownKeys: fails }),
		Object.create({ amount: 5 }),
		new (class Order { amount = 5; })(),
		JSON.parse('{"__proto__": {"amount": 5}}'),
		{ amount: NaN },
		{ amount: [5] },
		// eslint-disable-next-line no-sparse-arrays
		{ amount: [, 5] },
		{ amount: new Number(5) },
		{ amount: () => 5 },
		[5],
		5,
		undefined,
	]) {
		const done = [];
		// The SDK's loop itself fails with some of these.
		const { process_refund } = guardTools(making(() => value, done), policy, { agent: AGENT });
		await assert.rejects(process_refund.execute(value, {}), Denied);
		assert.deepEqual(done, []);
	}
});

test('dates, bigints and maps are judged, and run as what they are', async () => {
	const done = [];
	const at = new Date('2026-11-25');
	const run = (value) => call(making(() => value, done), 'process_refund', {}, { agent: AGENT });
	await run({ amount: 500n, at });
	await run({ amount: 501n, at });
	await run(new Map([['amount', 5], ['tags', new Set(['a'])]]));
	await run(new Map([['amount', 501]]));
	assert.deepEqual(done, [{ amount: 500n, at }, new Map([['amount', 5], ['tags', new Set(['a'])]])]);
	assert.notEqual(done[0].at, at);
});

/** The results of a tool as they come, the last of them once more as the final one. */
async function streams(execute, args, settings) {
	const model = playing([['process_refund', args]]);
	const tools = guardTools({ process_refund: tool({ inputSchema: z.looseObject({}), execute }) }, policy, settings);
	const results = [];
	const { stream } = streamText({ model, tools, prompt: 'go', stopWhen: isStepCount(3) });
	for await (const part of stream) {
		if (part.type === 'tool-result') results.push([part.output, part.preliminary === true]);
		if (part.type === 'tool-error') results.push(part.error.message);
	}
	return [results, model.read];
}

test('tools that give preliminary results', async () => {
	const done = [];
	async function* generates({ amount }) {
		done.push(amount);
		yield 'half';
		yield 'all';
	}
	for (const execute of [generates, (input) => generates(input)]) {
		for (const agent of [AGENT, async () => AGENT]) {
			const results = [['half', true], ['all', true], ['all', false]];
			assert.deepEqual(await streams(execute, { amount: 5 }, { agent }), [results, ['all']]);
			assert.deepEqual(await streams(execute, { amount: 501 }, { agent }), [[REASON], [reads(REASON)]]);
		}
	}
	assert.deepEqual(done, [5, 5, 5, 5]);
});

test('tools that give one result', async () => {
	for (const agent of [AGENT, async () => AGENT]) {
		assert.deepEqual(await streams(async () => 'all', { amount: 5 }, { agent }), [[['all', false]], ['all']]);
		assert.deepEqual((await streams(() => 'all', { amount: 5 }, { agent }))[1], ['all']);
		assert.deepEqual((await streams(() => Promise.resolve('all'), { amount: 5 }, { agent }))[1], ['all']);
		assert.deepEqual(await streams(async () => 'all', { amount: 501 }, { agent }), [[REASON], [reads(REASON)]]);
		assert.deepEqual((await streams(() => { throw new Error('out of money'); }, { amount: 5 }, { agent }))[1], ['Error: out of money']);
	}
});

test('a tool stays what it is, but for how it runs', async () => {
	class Refund {
		#done = [];
		type = 'dynamic';
		description = 'Refunds.';
		inputSchema = z.looseObject({});
		metadata = { from: 'here' };
		needsApproval = () => false;
		onInputStart() {}
		toModelOutput({ output }) {
			return { type: 'text', value: `${output}!` };
		}
		async execute(input) {
			this.#done.push(input.amount);
			return this.#done.join();
		}
	}
	const given = Object.freeze({ process_refund: Object.freeze(new Refund()) });
	const tools = guardTools(given, policy, { agent: AGENT });
	const { execute, ...rest } = tools.process_refund;
	const { execute: unguarded, ...expected } = given.process_refund;
	assert.deepEqual(rest, expected);
	assert.notEqual(execute, unguarded);
	assert.ok(tools.process_refund instanceof Refund && tools.process_refund.onInputStart === Refund.prototype.onInputStart);
	assert.equal((await call(given, 'process_refund', { amount: 5 }, { agent: AGENT })).read, '5!');
	assert.equal((await call(given, 'process_refund', { amount: 501 }, { agent: AGENT })).read, reads(REASON));
	// What was given is as it was.
	assert.equal(await given.process_refund.execute({ amount: 501 }), '5,501');
});

test('a call that a person must approve is judged when it runs', async () => {
	const done = [];
	const tools = guardTools(
		{ process_refund: tool({ inputSchema: z.looseObject({}), needsApproval: true, execute: async ({ amount }) => done.push(amount) }) },
		policy, { agent: AGENT },
	);
	for (const amount of [5, 501]) {
		const model = playing([['process_refund', { amount }]]);
		const first = await generateText({ model, tools, prompt: 'go' });
		const { approvalId } = first.content.find(({ type }) => type === 'tool-approval-request');
		await generateText({
			model, tools, messages: [
				{ role: 'user', content: 'go' }, ...first.response.messages,
				{ role: 'tool', content: [{ type: 'tool-approval-response', approvalId, approved: true }] },
			],
		});
	}
	assert.deepEqual(done, [5]);
});

test('tools that run elsewhere must be named', async () => {
	const elsewhere = {
		ask_user: tool({ inputSchema: z.object({}), outputSchema: z.string() }),
		web_search: { type: 'provider', id: 'some.web_search', isProviderExecuted: true, args: {}, inputSchema: z.object({}), execute: () => 'x' },
		find_tools: toolSearch(),
	};
	for (const [name, found] of Object.entries(elsewhere)) {
		const tools = { ...deskTools([]), [name]: found };
		assert.throws(() => guardTools(tools, policy), (error) => error instanceof TypeError && error.message.includes(`\`${name}\``));
		const guarded = guardTools(tools, policy, { unguarded: [name] });
		assert.equal(guarded[name], found);
		assert.deepEqual(Object.keys(guarded), Object.keys(tools));
	}
	assert.throws(() => guardTools(deskTools([]), policy, { unguarded: ['view_customers'] }), /`view_customers`.*none of the tools/);
	assert.throws(() => guardTools(deskTools([]), policy, { unguarded: ['view_customer'] }), /`view_customer` can be guarded/);
	const shell = { type: 'provider', id: 'some.shell', isProviderExecuted: false, args: {}, inputSchema: z.looseObject({}), execute: () => 'ran' };
	assert.equal((await call({ shell }, 'shell', {}, {})).read, reads('no rule allows this tool'));
});

test('a tool that runs other tools, and the tools that it runs', async () => {
	const done = [];
	const code = experimental_toolCaller(
		tool({ inputSchema: z.looseObject({}), outputSchema: z.any() }),
		{
			type: 'local',
			bind: (tools) => tool({
				inputSchema: z.looseObject({}),
				execute: async (input, options) => {
					done.push('code');
					return tools.process_refund.execute({ amount: input.refund }, options);
				},
			}),
		},
	);
	const rules = await compiled({ rules: [...DESK.rules, { allow: 'code', when: { 'args.refund': { lt: 1000 } }, reason: 'Less.' }] });
	const run = async (refund) => {
		const model = playing([['code', { refund }]]);
		await generateText({
			model, tools: guardTools({ ...deskTools(done), code }, rules, { agent: AGENT }),
			experimental_toolCallers: { process_refund: ['code'] }, prompt: 'go', stopWhen: isStepCount(3),
		});
		return model.read[0];
	};
	assert.equal(await run(5), 'process_refund is done');
	assert.equal(await run(501), reads(REASON));
	assert.equal(await run(1000), reads('Less.'));
	assert.deepEqual(done, ['code', ['process_refund', { amount: 5 }], 'code']);
});

test('in an agent, tool by tool its own context', async () => {
	const done = [];
	const model = playing([['process_refund', { amount: 5 }], ['delete_record', { record: 'r' }]]);
	const agent = new ToolLoopAgent({
		model,
		tools: guardTools(deskTools(done), policy, { agent: ({ options }) => options.context, resource: () => ({ owner_id: 'mgr-001' }) }),
		toolsContext: { process_refund: { roles: [] }, delete_record: MANAGER },
	});
	await agent.generate({ prompt: 'go' });
	assert.deepEqual(model.read, [reads(REASON), 'delete_record is done']);
	assert.deepEqual(done, [['delete_record', { record: 'r' }]]);
});

test('a tool named `__proto__` is one of the tools', async () => {
	const done = [];
	const tools = JSON.parse('{"__proto__": 1}');
	Object.defineProperty(tools, '__proto__', { value: deskTools(done).process_refund, enumerable: true });
	const guarded = guardTools(tools, policy, { agent: AGENT });
	assert.deepEqual(Object.keys(guarded), ['__proto__']);
	assert.equal(Object.getPrototypeOf(guarded), Object.prototype);
	await assert.rejects(async () => Object.entries(guarded)[0][1].execute({ amount: 5 }, {}), Denied);
	assert.deepEqual(done, []);
});
