// Approvals by elicitation: the person at the client of either SDK version, in both eras of the protocol.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client as Client2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport as Memory1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { inputRequired, InMemoryTransport as Memory2, McpServer as McpServer2 } from '@modelcontextprotocol/server';
import { elicit, guard } from 'perso/mcp';
import { z } from 'zod';
import { DESKS } from '../servers/desk.mjs';
import { LINES } from '../support/ask.mjs';
import { call, CLIENTS, using } from '../support/clients.mjs';
import { WAYS, serve } from '../support/http.mjs';
import { LARGE, LATE, REFUSED, asking, memory } from '../support/limits.mjs';
import { compiled, isPortable } from '../support/policies.mjs';

const INFO = { name: 'tests', version: '1.0.0' };
const forms = { capabilities: { elicitation: { form: {} } } };

/** Clients that have elicitation: `answer(params)` is what their user does. */
const MAKE = {
	'1.x': (answer) => {
		const client = new Client1(INFO, forms);
		client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params));
		return client;
	},
	'2.x': (answer) => {
		const client = new Client2(INFO, { ...forms, versionNegotiation: { mode: 'legacy' } });
		client.setRequestHandler('elicitation/create', ({ params }) => answer(params));
		return client;
	},
	'2.x, modern': (answer) => {
		const client = new Client2(INFO, { ...forms, versionNegotiation: { mode: { pin: '2026-07-28' } } });
		client.setRequestHandler('elicitation/create', ({ params }) => answer(params));
		return client;
	},
};

const inMemory = (Memory) => async (make, client, run) => {
	const [near, far] = Memory.createLinkedPair();
	await make().connect(far);
	return using(client, near, run);
};
const overHttp = (handle, name) => async (make, client, run) => {
	const { url, close } = await serve(handle(make));
	try {
		return await using(client, CLIENTS[name].http(url, 'ann'), run);
	} finally {
		await close();
	}
};

/** The ways of a client to a server that can ask it back. */
const REACHED = {
	'1.x': { 'in memory': inMemory(Memory1), sessions: overHttp(WAYS['1.x'].sessions, '1.x') },
	'2.x': { 'in memory': inMemory(Memory2), sessions: overHttp(WAYS['2.x'].sessions, '2.x') },
	'2.x, modern': {
		handler: overHttp(WAYS['2.x'].handler, '2.x, modern'),
		'handler, SSE': overHttp(WAYS['2.x']['handler, SSE'], '2.x, modern'),
	},
};

/** What a user does, and what the model then reads of a refund of 501. */
const ANSWERS = [
	[{ action: 'accept', content: { approve: true } }, 'process_refund is done'],
	[{ action: 'accept', content: { approve: false } }, REFUSED],
	[{ action: 'decline' }, REFUSED],
	[{ action: 'cancel' }, LATE],
];

const accept = { action: 'accept', content: { approve: true } };

for (const [name, ways] of Object.entries(REACHED)) {
	const desks = Object.entries(DESKS).filter(([desk]) => desk.endsWith(name.slice(0, 3)));
	describe(`client ${name}`, () => {
		for (const [way, reached] of Object.entries(ways)) {
			for (const [desk, make] of desks) {
				test(`${desk}, ${way}`, async () => {
					const policy = await asking();
					const [asked, done, events] = [[], [], []];
					let answer;
					const client = MAKE[name](async (params) => {
						asked.push(params);
						return answer;
					});
					const guarded = () =>
						guard(
							make((what) => done.push(what)),
							policy,
							{ agent: { id: 'ann' }, approver: elicit(), onDecision: (event) => events.push(event) },
						);
					await reached(guarded, client, async (client) => {
						for (const [given, text] of ANSWERS) {
							answer = given;
							assert.equal((await call(client, 'process_refund', { amount: 501, note: 'a\u202eb' })).text, text);
						}
						assert.equal(asked.length, 4);
						// What needs no approval is not asked about.
						assert.equal((await call(client, 'process_refund', { amount: 5 })).ok, true);
					});
					assert.equal(asked.length, 4);
					assert.equal(asked[0].message, `${LARGE}\n\nTool: "process_refund"\nArguments: {"amount":501,"note":"a\\u{202e}b"}`);
					assert.deepEqual(
						done.map(({ args }) => args.amount),
						[501, 5],
					);
					assert.equal(events.find(({ decision }) => decision.allowed && decision.rule === 'large').approvedBy, 'ann');
				});
			}

			test(`a client without elicitation, ${way}`, async () => {
				const done = [];
				const policy = await asking();
				const [[, make]] = desks;
				const guarded = () =>
					guard(
						make((what) => done.push(what)),
						policy,
						{ approver: elicit() },
					);
				await reached(guarded, CLIENTS[name].make(), async (client) => {
					assert.equal((await call(client, 'process_refund', { amount: 501 })).text, LATE);
				});
				assert.deepEqual(done, []);
			});

			test(`a user who does not answer in time, ${way}`, { skip: name.endsWith('modern') }, async () => {
				const done = [];
				const policy = await asking();
				const [[, make]] = desks;
				const guarded = () =>
					guard(
						make((what) => done.push(what)),
						policy,
						{ approver: elicit(), approvalTime: 50 },
					);
				const client = MAKE[name](() => new Promise((resolve) => setTimeout(resolve, 200, accept)));
				await reached(guarded, client, async (client) => {
					assert.equal((await call(client, 'process_refund', { amount: 501 })).text, LATE);
					await new Promise((resolve) => setTimeout(resolve, 250));
				});
				assert.deepEqual(done, []);
			});
		}
	});
}

/** A line of the 2026-07-28 revision to a guarded server, for messages that no client sends. */
async function modern(make, run) {
	for (const [way, connect] of Object.entries(LINES['2.x'](make))) {
		if (!way.endsWith('2026-07-28')) continue;
		const { ask, close } = await connect();
		let id = 0;
		const round = async (args, more) =>
			(
				await ask({
					jsonrpc: '2.0',
					id: (id += 1),
					method: 'tools/call',
					params: { name: 'process_refund', arguments: args, ...more },
				})
			).result;
		try {
			await run(round);
		} finally {
			await close();
		}
	}
}

/** The next round of a call, with the user's answers. */
const next = ({ requestState, inputRequests }, answer = accept) => ({
	requestState,
	inputResponses: Object.fromEntries(Object.keys(inputRequests).map((key) => [key, answer])),
});

test('an approval between rounds is for the same call, once', async () => {
	const policy = await asking();
	const done = [];
	let agent = { id: 'ann' };
	const make = () =>
		guard(
			DESKS['Server 2.x']((what) => done.push(what)),
			policy,
			{ agent: () => agent, approver: elicit() },
		);
	await modern(make, async (round) => {
		done.length = 0;
		agent = { id: 'ann' };
		const first = await round({ amount: 501 });
		assert.equal(first.resultType, 'input_required');
		// Other arguments: the user is asked about them.
		const other = await round({ amount: 502 }, next(first));
		assert.equal(other.resultType, 'input_required');
		// The answer was used up by that.
		const again = await round({ amount: 501 }, next(first));
		assert.equal(again.resultType, 'input_required');
		// Another caller.
		agent = { id: 'bob' };
		const stolen = await round({ amount: 501 }, next(again));
		assert.equal(stolen.resultType, 'input_required');
		agent = { id: 'ann' };
		// An answer to no question.
		const made = { inputResponses: { 'perso-approval': accept }, requestState: 'made up' };
		assert.equal((await round({ amount: 501 }, made)).resultType, 'input_required');
		assert.equal((await round({ amount: 501 }, { inputResponses: { 'perso-approval': accept } })).resultType, 'input_required');
		assert.deepEqual(done, []);
		const right = await round({ amount: 501 });
		assert.equal((await round({ amount: 501 }, next(right))).content[0].text, 'process_refund is done');
		assert.equal((await round({ amount: 501 }, next(right))).resultType, 'input_required');
		assert.equal(done.length, 1);
	});
});

test('an approval between rounds is for the policy that asked, and for the caller as they were', async () => {
	const policy = await asking();
	const done = [];
	let agent = {};
	const make = () =>
		guard(
			DESKS['Server 2.x']((what) => done.push(what)),
			policy,
			{ agent: () => agent, approver: elicit() },
		);
	await modern(make, async (round) => {
		done.length = 0;
		agent = { roles: ['agent'] };
		const first = await round({ amount: 501 });
		// The same rules again are another version, which the person has not seen.
		await policy.reload(policy.module);
		const reloaded = await round({ amount: 501 }, next(first));
		assert.equal(reloaded.resultType, 'input_required');
		// A caller without an id is known by the attributes alone.
		agent = { roles: ['manager'] };
		const other = await round({ amount: 501 }, next(reloaded));
		assert.equal(other.resultType, 'input_required');
		assert.deepEqual(done, []);
		assert.equal((await round({ amount: 501 }, next(other))).content[0].text, 'process_refund is done');
	});
});

test('calls between rounds take a limited amount of memory', async () => {
	const policy = await asking();
	const make = () => guard(DESKS['Server 2.x'](), policy, { approver: elicit() });
	await modern(make, async (round) => {
		const large = { inputResponses: { sure: { text: 'x'.repeat(3 << 20) } } };
		const first = await round({ amount: 501 }, large);
		assert.equal(first.resultType, 'input_required');
		for (let more = 0; more < 3; more += 1) await round({ amount: 502 }, large);
		// It was dropped, so the person is asked again.
		assert.equal((await round({ amount: 501 }, next(first))).resultType, 'input_required');
	});
});

test('a tool that asks its own questions still gets its answers', async () => {
	const policy = await asking();
	const got = [];
	const make = () => {
		const server = new McpServer2(INFO);
		server.registerTool('process_refund', { inputSchema: z.object({ amount: z.number() }) }, ({ amount }, { mcpReq }) => {
			got.push([amount, Object.keys(mcpReq.inputResponses ?? {}), mcpReq.requestState?.()]);
			if (mcpReq.inputResponses !== undefined) return { content: [{ type: 'text', text: 'refunded' }] };
			return inputRequired({
				inputRequests: { sure: inputRequired.elicit({ message: 'Sure?', requestedSchema: { type: 'object', properties: {} } }) },
				requestState: 'mine',
			});
		});
		return guard(server, policy, { approver: elicit() });
	};
	await modern(make, async (round) => {
		got.length = 0;
		const approval = await round({ amount: 501 });
		const question = await round({ amount: 501 }, next(approval));
		assert.deepEqual(Object.keys(question.inputRequests), ['sure']);
		// Each round is judged, so that the user is asked again.
		const second = await round({ amount: 501 }, next(question));
		assert.deepEqual(Object.keys(second.inputRequests), ['perso-approval']);
		assert.equal((await round({ amount: 501 }, next(second))).content[0].text, 'refunded');
		assert.deepEqual(got, [
			[501, [], undefined],
			[501, ['sure'], 'mine'],
		]);
	});
});

test('a guard behind this one asks for itself', async () => {
	const policy = await asking();
	const got = [];
	const make = () => {
		const server = new McpServer2(INFO);
		server.registerTool('process_refund', { inputSchema: z.object({ amount: z.number() }) }, (_, { mcpReq }) => {
			got.push([Object.keys(mcpReq.inputResponses ?? {}), mcpReq.requestState?.()]);
			if (mcpReq.inputResponses !== undefined) return { content: [{ type: 'text', text: 'refunded' }] };
			const sure = inputRequired.elicit({ message: 'Sure?', requestedSchema: { type: 'object', properties: {} } });
			return inputRequired({ inputRequests: { 'perso-approval': sure }, requestState: 'of another guard' });
		});
		return guard(server, policy, { approver: elicit() });
	};
	await modern(make, async (round) => {
		got.length = 0;
		const question = await round({ amount: 20 });
		assert.equal((await round({ amount: 20 }, next(question))).content[0].text, 'refunded');
		assert.deepEqual(got, [
			[[], undefined],
			[['perso-approval'], 'of another guard'],
		]);
	});
});

test('two guards in one process, one behind the other, both ask', async () => {
	const rule = (id) => compiled({ rules: [{ id, ask: 'process_refund', reason: `By ${id}.` }] });
	for (const [inner, outer] of [
		[await rule('inner'), await rule('outer')],
		// They ask the same.
		[await rule('both'), await rule('both')],
	]) {
		const [done, events] = [[], []];
		const onDecision = ({ decision, approvedBy }) => decision.allowed && events.push([decision.rule, approvedBy]);
		const make = () => {
			const server = DESKS['Server 2.x']((what) => done.push(what));
			// The guard that was put on last is the first that a call reaches.
			for (const policy of [inner, outer]) guard(server, policy, { agent: { id: 'ann' }, approver: elicit(), onDecision });
			return server;
		};
		await modern(make, async (round) => {
			done.length = events.length = 0;
			const asked = [];
			let answer = await round({ amount: 1 });
			while (answer.resultType === 'input_required' && asked.length < 9) {
				asked.push(answer.inputRequests['perso-approval'].params.message.split('\n')[0]);
				answer = await round({ amount: 1 }, next(answer));
			}
			assert.equal(answer.content?.[0].text, 'process_refund is done');
			const [first, second] = [outer, inner].map((policy) => policy.decide({ tool: 'process_refund' }).reason);
			// What the outer guard has let through was one run, so that it asks again when the call comes with the inner guard's answer.
			assert.deepEqual(asked, [first, second, first]);
			assert.equal(done.length, 1);
			assert.equal(events.filter(([, by]) => by === 'ann').length, events.length);
		});
	}
});

test('an answer to one of two guards is not one to the other', async () => {
	const rule = (id) => compiled({ rules: [{ id, ask: 'process_refund', reason: 'Same.' }] });
	const [inner, outer] = [await rule('same'), await rule('same')];
	const done = [];
	const make = () => {
		const server = DESKS['Server 2.x']((what) => done.push(what));
		for (const policy of [inner, outer]) guard(server, policy, { agent: { id: 'ann' }, approver: elicit() });
		return server;
	};
	await modern(make, async (round) => {
		done.length = 0;
		const first = await round({ amount: 1 });
		const second = await round({ amount: 1 }, next(first));
		// The user declines what the inner guard asks, so that a yes to the outer one does not let the call run.
		const third = await round({ amount: 1 }, next(second, { action: 'decline' }));
		assert.equal(third.resultType, 'input_required');
		const last = await round({ amount: 1 }, next(third));
		assert.equal(last.content[0].text, 'Same. Hint: a person has denied this call: do not repeat it.');
		// Both answers were used up.
		for (const used of [first, second, third]) {
			assert.equal((await round({ amount: 1 }, next(used))).resultType, 'input_required');
		}
		assert.deepEqual(done, []);
	});
});

test('a rule and a limit that both ask', { skip: isPortable && 'a ledger needs native code' }, async () => {
	const policy = await compiled({
		rules: [{ id: 'rule', ask: 'process_refund', reason: 'By rule.' }],
		limits: [{ id: 'limit', of: 'process_refund', max: 0, window: '1h', over: 'ask', reason: 'By limit.' }],
	});
	const ledger = memory();
	const done = [];
	const make = () =>
		guard(
			DESKS['Server 2.x']((what) => done.push(what)),
			policy,
			{ ledger, approver: elicit() },
		);
	await modern(make, async (round) => {
		done.length = 0;
		const rule = await round({ amount: 1 });
		assert.match(rule.inputRequests['perso-approval'].params.message, /^By rule\./);
		const limit = await round({ amount: 1 }, next(rule));
		assert.match(limit.inputRequests['perso-approval'].params.message, /^By limit\./);
		assert.equal((await round({ amount: 1 }, next(limit))).content[0].text, 'process_refund is done');
		assert.equal(done.length, 1);
	});
});
