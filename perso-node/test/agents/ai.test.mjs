// The AI SDK: a loop with a fake model.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
	ToolLoopAgent,
	dynamicTool,
	experimental_toolCaller,
	generateText,
	isStepCount,
	jsonSchema,
	streamText,
	tool,
	toolSearch,
} from 'ai';
import { Denied, Json } from 'perso';
import { guardTools } from 'perso/ai';
import { z } from 'zod';
import { native, opened, recorded, written } from '../support/journal.mjs';
import { aiModel as playing } from '../support/models.mjs';
import { ASKED, ASKS } from '../support/asks.mjs';
import { AGENT, DESK, MANAGER, compiled } from '../support/policies.mjs';
import { REASON, everyGuard } from './every-guard.mjs';

const policy = await compiled(DESK);
/** The desk's tools. */
const NAMES = ['process_refund', 'delete_record', 'view_customer'];
const deskTools = (done) =>
	Object.fromEntries(
		NAMES.map((name) => [
			name,
			tool({
				description: name,
				inputSchema: z.looseObject({ order: z.string().optional() }),
				execute: async (input) => {
					done.push([name, input]);
					return `${name} is done`;
				},
			}),
		]),
	);

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
	const guarded = guardTools(tools, policy, settings);
	const { steps } = await generateText({ model, tools: guarded, prompt: 'go', stopWhen: isStepCount(3) });
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
	const [{ tool, options }] = told;
	assert.deepEqual([tool, options.toolCallId, options.messages.at(-1).role], ['process_refund', 'call-0', 'user']);
});

test('what the schema makes of the input is judged, and runs', async () => {
	const done = [];
	const defaults = {
		process_refund: tool({
			inputSchema: z.object({ amount: z.coerce.number().default(1000), order: z.string().trim().optional() }),
			execute: async (input) => (done.push(input), 'refunded'),
		}),
	};
	const run = async (input) => (await call(defaults, 'process_refund', input, { agent: AGENT })).read;
	assert.equal(await run({}), reads(REASON));
	assert.equal(await run({ amount: '501' }), reads(REASON));
	assert.equal(await run({ amount: '7', order: ' 1 ' }), 'refunded');
	assert.deepEqual(done, [{ amount: 7, order: '1' }]);
});

test('text that readers of JSON differ about', async () => {
	const done = [];
	const process_refund = dynamicTool({ inputSchema: jsonSchema({}), execute: async (input) => done.push(input) });
	for (const text of [
		'{"amount": 5, "amount": 900}',
		'{"amount": 900',
		'{"__proto__": {"amount": 5}}',
		'{"amount": 1e999}',
		'[5]',
		'5',
		'"5"',
	]) {
		await call({ process_refund }, 'process_refund', text, { agent: AGENT });
	}
	assert.deepEqual(done, []);
});

/** A tool whose schema transforms every input with `value`. */
const making = (value, done) => ({
	process_refund: tool({
		inputSchema: z.looseObject({}).transform(value),
		execute: async (input) => (done.push(input), 'refunded'),
	}),
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
			assert.equal(
				(
					await call(
						making(() => lies()[at], done),
						'process_refund',
						{},
						{ agent },
					)
				).read,
				'refunded',
			);
			assert.deepEqual(done, [{ amount: 5 }], 'what was judged has run');
		}
	}
	const shared = { amount: 5 };
	const done = [];
	const agent = async () => ((shared.amount = 9000), AGENT);
	await call(
		making(() => shared, done),
		'process_refund',
		{},
		{ agent },
	);
	assert.deepEqual(done, [{ amount: 5 }]);
	let texts = 0;
	const text = () => ((texts += 1) === 1 ? '{"amount": 5}' : '{"amount": 9000}');
	const json = Object.create(Json.prototype, { text: { get: text } });
	const ran = [];
	await call(
		making(() => json, ran),
		'process_refund',
		{},
		{ agent: AGENT },
	);
	assert.deepEqual([ran[0].text, ran[0].text], ['{"amount": 5}', '{"amount": 5}']);
	let times = 0;
	for (const value of [
		{
			get amount() {
				return fails();
			},
		},
		{ amount: { toJSON: () => ((times += 1) === 1 ? 5 : 9000) } },
		{ amount: 9000, toJSON: () => ({ amount: 5 }) },
		new Proxy({ amount: 5 }, { ownKeys: fails }),
		Object.create({ amount: 5 }),
		new (class Order {
			amount = 5;
		})(),
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
		const { process_refund } = guardTools(
			making(() => value, done),
			policy,
			{ agent: AGENT },
		);
		await assert.rejects(process_refund.execute(value, {}), Denied);
		assert.deepEqual(done, []);
	}
	// Calls with values that a policy cannot read do not run, even if everything is allowed.
	const view_customer = tool({ inputSchema: z.any(), execute: async (input) => done.push(input) });
	for (const id of [Symbol('c'), () => 'c', Promise.resolve('c'), new Uint8Array(1)]) {
		await assert.rejects(async () => guardTools({ view_customer }, policy).view_customer.execute({ id }, {}), Denied);
	}
	assert.equal(done.length, 1);
	await guardTools({ view_customer }, policy).view_customer.execute({ id: 'c' }, {});
	assert.deepEqual(done.slice(1), [{ id: 'c' }]);
});

test('dates, bigints and maps are judged, and run as what they are', async () => {
	const done = [];
	const at = new Date('2026-11-25');
	const run = (value) =>
		call(
			making(() => value, done),
			'process_refund',
			{},
			{ agent: AGENT },
		);
	await run({ amount: 500n, at });
	await run({ amount: 501n, at });
	await run(
		new Map([
			['amount', 5],
			['tags', new Set(['a'])],
		]),
	);
	await run(new Map([['amount', 501]]));
	assert.deepEqual(done, [
		{ amount: 500n, at },
		new Map([
			['amount', 5],
			['tags', new Set(['a'])],
		]),
	]);
	assert.notEqual(done[0].at, at);
});

/** The results of a tool in order. The last one is repeated as the final result. */
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
			const results = [
				['half', true],
				['all', true],
				['all', false],
			];
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
		const fails = () => {
			throw new Error('out of money');
		};
		assert.deepEqual((await streams(fails, { amount: 5 }, { agent }))[1], ['Error: out of money']);
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
	const { execute, needsApproval, ...rest } = tools.process_refund;
	const { execute: unguarded, needsApproval: asks, ...expected } = given.process_refund;
	assert.deepEqual(rest, expected);
	assert.notEqual(execute, unguarded);
	assert.notEqual(needsApproval, asks);
	assert.ok(tools.process_refund instanceof Refund);
	assert.equal(tools.process_refund.onInputStart, Refund.prototype.onInputStart);
	assert.equal((await call(given, 'process_refund', { amount: 5 }, { agent: AGENT })).read, '5!');
	assert.equal((await call(given, 'process_refund', { amount: 501 }, { agent: AGENT })).read, reads(REASON));
	// The original tools are unchanged.
	assert.equal(await given.process_refund.execute({ amount: 501 }), '5,501');
});

test('a call that needs the approval of a person is like one that is denied: the SDK asks nobody, and the tool does not hear of it', async () => {
	const [done, heard] = [[], []];
	const tools = Object.fromEntries(
		NAMES.map((name) => [
			name,
			tool({
				inputSchema: z.looseObject({}),
				needsApproval: true,
				onInputAvailable: ({ input }) => void heard.push(input),
				execute: async (input) => done.push(input),
			}),
		]),
	);
	const asks = await compiled(ASKS);
	for (const { tool: name, args, decision, hint, text } of ASKED) {
		for (const play of [generateText, streamed]) {
			const model = playing([[name, args]]);
			const guarded = guardTools(tools, asks, { agent: AGENT });
			const { content } = await play({ model, tools: guarded, prompt: 'go', stopWhen: isStepCount(3) });
			assert.ok(!content.some(({ type }) => type === 'tool-approval-request'));
			assert.deepEqual(model.read, [reads(text)]);
		}
		await assert.rejects(
			async () => guardTools(tools, asks, { agent: AGENT })[name].execute(args, {}),
			(error) => {
				assert.ok(error instanceof Denied);
				assert.deepEqual([error.message, error.hint, error.decision.decision], [text, hint, decision]);
				return true;
			},
		);
	}
	assert.deepEqual([done, heard], [[], []]);
});

/** Answers a step's request for approval. */
const approving = (first, approved = true) => {
	const { approvalId } = first.content.find(({ type }) => type === 'tool-approval-request');
	return [
		{ role: 'user', content: 'go' },
		...first.response.messages,
		{ role: 'tool', content: [{ type: 'tool-approval-response', approvalId, approved }] },
	];
};

for (const [how, needs] of Object.entries({ always: true, 'as a function says': async ({ amount }) => amount !== 1 })) {
	test(`a call that would be denied is not put before a person: approval needed ${how}`, async () => {
		const done = [];
		const process_refund = tool({
			inputSchema: z.looseObject({}),
			needsApproval: needs,
			execute: async ({ amount }) => done.push(amount),
		});
		const asked = [];
		for (const agent of [AGENT, async () => AGENT]) {
			const tools = guardTools({ process_refund }, policy, { agent });
			for (const amount of [5, 501]) {
				for (const play of [generateText, streamed]) {
					const model = playing([['process_refund', { amount }]]);
					const first = await play({ model, tools, prompt: 'go', stopWhen: isStepCount(3) });
					const request = first.content.find(({ type }) => type === 'tool-approval-request');
					asked.push([amount, request !== undefined]);
					if (request) await generateText({ model, tools, messages: approving(first) });
					else assert.deepEqual(model.read, [reads(REASON)]);
				}
			}
		}
		assert.deepEqual(
			asked,
			Array(2)
				.fill([
					[5, true],
					[5, true],
					[501, false],
					[501, false],
				])
				.flat(),
		);
		assert.deepEqual(done, [5, 5, 5, 5]);
	});
}

/** The first step of a stream, in the form of `generateText`. */
async function streamed(options) {
	const result = streamText(options);
	await result.consumeStream();
	const [first] = await result.steps;
	return first;
}

test('a call that nobody was asked to approve does not run, whatever has changed since', async () => {
	const done = [];
	const process_refund = tool({ inputSchema: z.looseObject({}), needsApproval: true, execute: async ({ amount }) => done.push(amount) });
	// Denied when the approval is requested; allowed on the next judgement, or on the one after it.
	for (const denials of [1, 2]) {
		let asked = 0;
		const agent = () => ((asked += 1) <= denials ? {} : AGENT);
		const tools = guardTools({ process_refund }, policy, { agent });
		const model = playing([['process_refund', { amount: 5 }]]);
		await generateText({ model, tools, prompt: 'go', stopWhen: isStepCount(3) });
		assert.deepEqual(
			[done, model.read],
			[[], [reads('nobody was asked to approve the call, because it would have been denied: make the call again')]],
		);
	}
});

test('a call that was approved is judged when it runs', async () => {
	const done = [];
	const process_refund = tool({ inputSchema: z.looseObject({}), needsApproval: true, execute: async ({ amount }) => done.push(amount) });
	let agent = AGENT;
	const tools = guardTools({ process_refund }, policy, { agent: () => agent });
	for (const [who, approved, expected] of [
		[AGENT, true, [5]],
		[{}, true, [5]],
		[AGENT, false, [5]],
	]) {
		agent = AGENT;
		const model = playing([['process_refund', { amount: 5 }]]);
		const first = await generateText({ model, tools, prompt: 'go' });
		agent = who;
		await generateText({ model, tools, messages: approving(first, approved) });
		assert.deepEqual(done, expected);
	}
});

test('a tool does not hear of an input that would be denied', async () => {
	const heard = [];
	const hears = (what) => (options) => void heard.push([what, options.input?.amount]);
	const process_refund = tool({
		inputSchema: z.looseObject({}),
		onInputStart: hears('start'),
		onInputDelta: hears('delta'),
		onInputAvailable: hears('available'),
		toModelOutput: ({ output }) => (heard.push(['output', output]), { type: 'text', value: output }),
		execute: async () => 'refunded',
	});
	for (const agent of [AGENT, async () => AGENT]) {
		const tools = guardTools({ process_refund }, policy, { agent });
		for (const play of [generateText, streamed]) {
			for (const amount of [501, 5]) {
				heard.length = 0;
				await play({ model: playing([['process_refund', { amount }]]), tools, prompt: 'go', stopWhen: isStepCount(3) });
				const after = heard.filter(([what]) => what !== 'start' && what !== 'delta');
				assert.deepEqual(
					after,
					amount === 5
						? [
								['available', 5],
								['output', 'refunded'],
							]
						: [],
					`${play.name}`,
				);
			}
		}
	}
});

test('tools that run elsewhere must be named', async () => {
	const provided = { type: 'provider', args: {}, inputSchema: z.looseObject({}), execute: () => 'ran' };
	const elsewhere = {
		ask_user: tool({ inputSchema: z.object({}), outputSchema: z.string() }),
		web_search: { ...provided, id: 'some.web_search', isProviderExecuted: true },
		find_tools: toolSearch(),
	};
	for (const [name, found] of Object.entries(elsewhere)) {
		const tools = { ...deskTools([]), [name]: found };
		const message = new RegExp(`^\`${name}\` cannot be guarded`);
		assert.throws(() => guardTools(tools, policy), { name: 'TypeError', message });
		const guarded = guardTools(tools, policy, { unguarded: [name] });
		assert.equal(guarded[name], found);
		assert.deepEqual(Object.keys(guarded), Object.keys(tools));
	}
	const naming = (name) => () => guardTools(deskTools([]), policy, { unguarded: [name] });
	assert.throws(naming('view_customers'), /`view_customers`.*none of the tools/);
	assert.throws(naming('view_customer'), /`view_customer` can be guarded/);
	const shell = { ...provided, id: 'some.shell', isProviderExecuted: false };
	assert.equal((await call({ shell }, 'shell', {}, {})).read, reads('no rule allows this tool'));
});

test('a tool that runs other tools, and the tools that it runs', async () => {
	const done = [];
	const code = experimental_toolCaller(tool({ inputSchema: z.looseObject({}), outputSchema: z.any() }), {
		type: 'local',
		bind: (tools) =>
			tool({
				inputSchema: z.looseObject({}),
				execute: async (input, options) => {
					done.push('code');
					return tools.process_refund.execute({ amount: input.refund }, options);
				},
			}),
	});
	const less = { allow: 'code', when: { 'args.refund': { lt: 1000 } }, reason: 'Less.' };
	const rules = await compiled({ rules: [...DESK.rules, less] });
	const run = async (refund) => {
		const model = playing([['code', { refund }]]);
		await generateText({
			model,
			tools: guardTools({ ...deskTools(done), code }, rules, { agent: AGENT }),
			experimental_toolCallers: { process_refund: ['code'] },
			prompt: 'go',
			stopWhen: isStepCount(3),
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
	const model = playing([
		['process_refund', { amount: 5 }],
		['delete_record', { record: 'r' }],
	]);
	const settings = { agent: ({ options }) => options.context, resource: () => ({ owner_id: 'mgr-001' }) };
	const agent = new ToolLoopAgent({
		model,
		tools: guardTools(deskTools(done), policy, settings),
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

test('what became of a call, also if it has many answers or is cancelled', native, async () => {
	const { path, journal } = opened({ args: 'read' });
	async function* stream({ order }) {
		yield 'first';
		if (order === 'broken') throw new Error('broken');
		yield 'last';
		return 'end';
	}
	const answers = {
		value: () => 1,
		isError: () => ({ content: [], isError: true }),
		'a rejection': () => Promise.reject(new Error('broken')),
		stream,
		'a stream that is not read to the end': stream,
		'a stream that is broken': () => stream({ order: 'broken' }),
		cancelled: (_, { abortSignal }) =>
			new Promise((_, reject) => abortSignal.addEventListener('abort', () => reject(abortSignal.reason))),
		'cancelled, and it goes on': () => new Promise(() => {}),
		'cancelled once it has answered': () => 1,
	};
	for (const agent of [AGENT, async () => AGENT]) {
		for (const [name, answer] of Object.entries(answers)) {
			const controller = new AbortController();
			const tools = { process_refund: { inputSchema: {}, execute: (...given) => answer(...given) } };
			const { execute } = guardTools(tools, policy, { agent, journal, session: () => name }).process_refund;
			const options = { abortSignal: controller.signal };
			const running = (async () => {
				const got = await execute({ order: name, amount: 1 }, options);
				if (typeof got?.[Symbol.asyncIterator] !== 'function') return got;
				let last;
				for await (const part of got) {
					last = part;
					if (name.endsWith('to the end')) break;
				}
				return last;
			})().catch(() => {});
			for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
			if (name.startsWith('cancelled')) controller.abort();
			if (!name.endsWith('goes on')) await running;
		}
		await written(journal, 2 * Object.keys(answers).length * (agent === AGENT ? 1 : 2));
	}
	const became = ['ok', 'error', 'error', 'ok', 'unknown', 'error', 'unknown', 'unknown', 'ok'];
	assert.deepEqual(
		recorded(path).map(({ session, ran }) => [session, ran]),
		[...Object.keys(answers), ...Object.keys(answers)].map((name, at) => [name, became[at % became.length]]),
	);
});

test('what a stream returns is passed on', native, async () => {
	const { journal } = opened();
	async function* stream() {
		yield 1;
		return 'end';
	}
	const tools = { process_refund: { inputSchema: {}, execute: () => stream() } };
	const got = guardTools(tools, policy, { agent: AGENT, journal }).process_refund.execute({ amount: 1 }, {});
	assert.deepEqual(
		[await got.next(), await got.next()],
		[
			{ value: 1, done: false },
			{ value: 'end', done: true },
		],
	);
});
