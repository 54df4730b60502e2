// Limits, labels and approvals, through real servers of both SDK versions over every transport.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ledger, Queue } from 'perso';
import { guard } from 'perso/mcp';
import { DESKS, isOld } from '../servers/desk.mjs';
import { LINES } from '../support/ask.mjs';
import { call, CLIENTS, using } from '../support/clients.mjs';
import {
	LARGE,
	LATE,
	NO_LEDGER,
	OVER,
	REFUSED,
	UNAPPROVED,
	UNASKED,
	UNTRUSTED,
	approver,
	asking,
	limited,
	memory,
} from '../support/limits.mjs';
import { passing, request } from '../support/memory.mjs';
import { compiled, isPortable } from '../support/policies.mjs';

const native = { skip: isPortable && 'a ledger needs native code' };

/**
 * Serves a guarded desk over each transport. `settings(ledger)` gets a new ledger for each. `run` gets what calls and lists its tools,
 * and what has run.
 */
async function each(desk, policy, settings, run) {
	let ran = [];
	const done = () => {
		const all = ran;
		ran = [];
		return all;
	};
	const line = isOld(desk) ? '1.x' : '2.x';
	let ledger;
	const make = () =>
		guard(
			DESKS[desk]((what) => ran.push(what)),
			policy,
			settings(ledger),
		);
	for (const [transport, connect] of Object.entries(LINES[line](make))) {
		ledger = memory();
		const { ask, close } = await connect();
		let id = 0;
		const call = async (name, args = {}) => {
			const answer = await ask({ jsonrpc: '2.0', id: (id += 1), method: 'tools/call', params: { name, arguments: args } });
			return answer.result.content[0].text;
		};
		const list = async () => {
			const names = [];
			for (let cursor; ;) {
				const params = cursor === undefined ? {} : { cursor };
				const { result } = await ask({ jsonrpc: '2.0', id: (id += 1), method: 'tools/list', params });
				names.push(...result.tools.map(({ name }) => name));
				cursor = result.nextCursor;
				if (cursor === undefined) return names;
			}
		};
		try {
			await run({ call, list, done });
		} catch (error) {
			throw new Error(transport, { cause: error });
		} finally {
			await close();
		}
	}
}

const DONE = 'process_refund is done';
const folder = mkdtempSync(join(tmpdir(), 'perso-limits-'));
after(() => rmSync(folder, { recursive: true }));

for (const desk of Object.keys(DESKS)) {
	describe(desk, () => {
		test('a limit stops what does not fit', native, async () => {
			const policy = await limited();
			let agent;
			const settings = (ledger) => ({ ledger, agent: () => agent });
			await each(desk, policy, settings, async ({ call, list, done }) => {
				for (const [id, amount] of [
					['ann', 500],
					['ann', 499],
					['bob', 500],
				]) {
					agent = { id };
					assert.equal(await call('process_refund', { amount }), DONE);
				}
				agent = { id: 'ann' };
				assert.equal(await call('process_refund', { amount: 2 }), OVER);
				assert.equal(await call('process_refund', { amount: 1 }), DONE);
				assert.equal(done().length, 4);
				assert.ok((await list()).includes('process_refund'), 'what is limited is listed');
			});
		});

		test('calls at once do not pass a limit together', native, async () => {
			const policy = await limited();
			await each(
				desk,
				policy,
				(ledger) => ({ ledger, agent: { id: 'ann' } }),
				async ({ call, done }) => {
					const texts = await Promise.all(Array.from({ length: 40 }, () => call('process_refund', { amount: 70 })));
					assert.equal(texts.filter((text) => text === DONE).length, 14);
					assert.equal(done().length, 14);
				},
			);
		});

		test('a session keeps what it has seen', native, async () => {
			const policy = await limited();
			const ledger = Ledger.open('memory:');
			let session;
			let count = 0;
			const settings = () => ({ ledger, session: async () => session });
			await each(desk, policy, settings, async ({ call, list, done }) => {
				const [one, other] = [`one ${(count += 1)}`, `other ${count}`];
				session = one;
				assert.ok((await list()).includes('delete_record'));
				await call('delete_record', { record_id: '1' });
				await call('view_customer');
				assert.equal(done().length, 2);
				assert.equal(await call('delete_record', { record_id: '1' }), UNTRUSTED);
				assert.ok(!(await list()).includes('delete_record'));
				session = other;
				assert.ok((await list()).includes('delete_record'));
				await call('delete_record', { record_id: '1' });
				assert.equal(done().length, 1);
				session = undefined;
				await call('delete_record', { record_id: '1' });
				await call('view_customer');
				assert.deepEqual(done(), [], 'without a session, nobody knows what was seen');
			});
		});

		test('a person is asked', async () => {
			const policy = await asking();
			const asked = [];
			const settings = () => ({ agent: { id: 'ann' }, approver: approver(asked), approvalTime: 50 });
			await each(desk, policy, settings, async ({ call, list, done }) => {
				assert.ok((await list()).includes('process_refund'));
				assert.equal(await call('process_refund', { amount: 501 }), DONE);
				assert.equal(done().length, 1);
				for (const [amount, text] of Object.entries(UNAPPROVED)) {
					assert.equal(await call('process_refund', { amount: Number(amount) }), text, amount);
				}
				assert.deepEqual(done(), []);
			});
			const [[question]] = asked;
			assert.deepEqual(question, {
				tool: 'process_refund',
				args: { amount: 501 },
				agent: 'ann',
				session: null,
				rule: 'large',
				limit: null,
				reason: LARGE,
			});
		});

		test('a call waits in the ledger for a person', native, async () => {
			const policy = await limited();
			const ledger = Ledger.open('memory:');
			let agent;
			const settings = () => ({ ledger, agent: () => agent, approver: new Queue({ wait: 20_000 }) });
			let count = 0;
			await each(desk, policy, settings, async ({ call, done }) => {
				for (const approved of [true, false]) {
					agent = { id: `agent ${(count += 1)}` };
					const answer = call('process_refund', { amount: 600 });
					let waiting;
					while (waiting === undefined) [waiting] = await ledger.list();
					assert.deepEqual([waiting.call.agent, waiting.call.args], [agent.id, { amount: 600 }]);
					await ledger.decide(waiting.id, { approved, by: 'max' });
					assert.equal(await answer, approved ? DONE : REFUSED);
					assert.equal(done().length, approved ? 1 : 0);
					assert.equal((await ledger.show(waiting.id)).state, approved ? 'used' : 'denied');
				}
			});
		});

		test('without a ledger, what needs one is denied', async () => {
			const policy = await limited();
			await each(
				desk,
				policy,
				() => ({ agent: { id: 'ann' } }),
				async ({ call, done }) => {
					assert.equal(await call('process_refund', { amount: 1 }), NO_LEDGER);
					assert.deepEqual(done(), []);
				},
			);
		});
	});
}

/** A guarded transport, its client's calls of a refund, and what has passed. */
async function line(settings, policy = limited()) {
	const { passed, answers, say, settled, far } = passing(await policy, settings);
	let id = 0;
	const send = (amount) => say(request('tools/call', { name: 'process_refund', arguments: { amount } }, (id += 1)));
	/** Waits until a number of calls has an end. */
	const ends = async (count) => {
		while (passed.filter(({ method }) => method === 'tools/call').length + answers.length < count) await settled();
	};
	return { passed, answers, say, send, ends, settled, far };
}

test('100 calls at once', native, async () => {
	const { passed, send, ends } = await line({ agent: { id: 'ann' }, ledger: Ledger.open('memory:') });
	for (let count = 0; count < 100; count += 1) send(10.5);
	await ends(100);
	assert.equal(passed.length, 95);
});

test('what does not run after all is given back', native, async () => {
	const ledger = Ledger.open('memory:');
	const { passed, say, send, ends, settled } = await line({ agent: { id: 'ann' }, ledger });
	for (let count = 1; count <= 3; count += 1) {
		send(400);
		say(request('notifications/cancelled', { requestId: count }));
	}
	const room = async () => {
		const { passed, answers, send, ends } = await line({ agent: { id: 'ann' }, ledger });
		send(500);
		await ends(1);
		return answers.length === 0 && passed.length === 1;
	};
	while (!(await room())) await settled();
	while (!(await room())) await settled();
	assert.equal(await room(), false, 'all of the limit is used');
	assert.deepEqual(
		passed.filter(({ method }) => method === 'tools/call'),
		[],
	);
	send(1);
	await ends(1);
});

test('what is judged after an approval is what is known then', native, async () => {
	const ledger = Ledger.open('memory:');
	const policy = await compiled({
		rules: [
			{ id: 'large', ask: 'process_refund', reason: LARGE, when: { 'resource.state': 'open' } },
			{ id: 'closed', deny: 'process_refund', when: { 'resource.state': { ne: 'open' } }, reason: 'The order is closed.' },
		],
		limits: [{ id: 'one', of: 'process_refund', per: 'agent.id', max: 1, window: '1h', reason: 'One an hour.' }],
	});
	let state = 'open';
	const settings = {
		agent: { id: 'ann' },
		ledger,
		resource: async () => ({ state }),
		approver: async ({ args }) => {
			if (args.amount === 2) state = 'closed';
			return { approved: true, by: 'max' };
		},
	};
	const { passed, answers, send, ends } = await line(settings, policy);
	send(2);
	await ends(1);
	assert.equal(answers[0].result.content[0].text, 'The order is closed.');
	state = 'open';
	send(1);
	await ends(2);
	assert.equal(passed.length, 1, 'what was denied was not charged');
	send(1);
	await ends(3);
	assert.match(answers[1].result.content[0].text, /^One an hour\. Hint: there is room again/);
});

test('an approval is void if the policy has changed meanwhile', async () => {
	const policy = await compiled({ rules: [{ ask: 'process_refund', reason: LARGE }] });
	const { module } = await compiled({ rules: [{ allow: 'process_refund' }] });
	const approver = async () => {
		await policy.reload(module);
		return { approved: true, by: 'max' };
	};
	const { passed, answers, say, settled } = passing(policy, { agent: { id: 'ann' }, approver });
	say(request('tools/call', { name: 'process_refund', arguments: { amount: 501 } }));
	while (answers.length === 0) await settled();
	const expected = `${LARGE} Hint: the approval has expired or was used: repeat the same call to ask again.`;
	assert.equal(answers[0].result.content[0].text, expected);
	assert.deepEqual(passed, []);
});

test('a limit that asks', native, async () => {
	const ledger = Ledger.open('memory:');
	const asked = [];
	const policy = await compiled({
		rules: [{ id: 'all', allow: 'process_refund' }],
		limits: [
			{
				id: 'a-day',
				of: 'process_refund',
				per: 'agent.id',
				sum: 'args.amount',
				max: 100,
				window: '24h',
				over: 'ask',
				reason: 'More than 100 a day is reviewed.',
			},
		],
	});
	const ask = (question) => {
		asked.push(question);
		return { approved: question.args.amount === 101, by: 'max' };
	};
	const { passed, answers, send, ends } = await line({ agent: { id: 'ann' }, ledger, approver: ask }, policy);
	for (const [count, amount] of [100, 101, 102].entries()) {
		send(amount);
		await ends(count + 1);
	}
	assert.deepEqual([passed.length, answers.length], [2, 1]);
	assert.deepEqual(
		asked.map(({ limit, rule, reason }) => [limit, rule, reason]),
		Array(2).fill(['a-day', 'all', 'More than 100 a day is reviewed.']),
	);
	assert.equal(
		answers[0].result.content[0].text,
		'More than 100 a day is reviewed. Hint: a person has denied this call: do not repeat it.',
	);
});

test('who has approved is reported', async () => {
	const events = [];
	const { passed, send, ends } = await line(
		{ agent: { id: 'ann' }, approver: () => ({ approved: true, by: 'max' }), onDecision: (event) => events.push(event) },
		asking(),
	);
	send(501);
	send(1);
	await ends(2);
	assert.equal(passed.length, 2);
	const by = (amount) => events.find(({ decision }) => decision.rule === amount);
	assert.deepEqual([by('large').approvedBy, by('large').decision.allowed], ['max', true]);
	assert.ok(!('approvedBy' in by('pay')));
});

test('what is only observed is not asked about', async () => {
	const asked = [];
	const { passed, send, ends } = await line({ mode: 'observe', agent: { id: 'ann' }, approver: (it) => asked.push(it) }, asking());
	send(501);
	await ends(1);
	assert.deepEqual([passed.length, asked], [1, []]);
});

test('a person sees the arguments as they are, or is not asked', async () => {
	const asked = [];
	const events = [];
	const policy = compiled({ rules: [{ id: 'ask', ask: 'process_refund', reason: LARGE }] });
	const settings = {
		onDecision: (event) => events.push(event),
		approver: ({ args }) => {
			asked.push(args.amount);
			return { approved: true, by: 'max' };
		},
	};
	const { passed, answers, send, ends } = await line(settings, policy);
	const deep = (levels) => (levels === 0 ? 1 : [deep(levels - 1)]);
	const shown = [0.1, 5e-324, 1.7976931348623157e308, 2 ** 53, 2n ** 63n, 'text', deep(59)];
	for (const [count, amount] of shown.entries()) {
		send(amount);
		await ends(count + 1);
	}
	assert.equal(answers.length, 0, JSON.stringify(answers));
	assert.deepEqual(asked, shown);
	assert.equal(passed.length, shown.length);
	for (const [count, amount] of [2n ** 64n, -(2n ** 63n) - 1n, NaN, Infinity, deep(62), '\ud800'].entries()) {
		send(amount);
		await ends(shown.length + count + 1);
		assert.equal(events.at(-1).decision.allowed, false, String(amount));
	}
	assert.equal(asked.length, shown.length);
});

test('an own `Object.prototype` approves nothing', async () => {
	Object.prototype.approved = true;
	Object.prototype.by = 'nobody';
	try {
		const { passed, send, ends } = await line({ approver: () => ({}) }, asking());
		send(501);
		await ends(1);
		assert.deepEqual(passed, []);
	} finally {
		delete Object.prototype.approved;
		delete Object.prototype.by;
	}
});

test('a call that nobody can be asked about says so', async () => {
	const { answers, send, ends } = await line({}, asking());
	send(501);
	await ends(1);
	assert.equal(answers[0].result.content[0].text, UNASKED);
});

test('a session that fails', async () => {
	const policy = asking();
	for (const session of [
		() => 5,
		() => '\ud800',
		() => {
			throw new Error('no session');
		},
		async () => {
			throw new Error('no session');
		},
	]) {
		const { passed, answers, send, ends } = await line({ session }, policy);
		send(1);
		await ends(1);
		assert.deepEqual([passed, answers.length], [[], 1]);
	}
	for (const session of [() => undefined, () => null, async () => 'one']) {
		const { passed, send, ends } = await line({ session }, policy);
		send(1);
		await ends(1);
		assert.equal(passed.length, 1);
	}
});

test('the time of an approval', async () => {
	const { answers, send, ends } = await line({ approver: () => new Promise(() => {}), approvalTime: 5 }, asking());
	send(506);
	await ends(1);
	assert.equal(answers[0].result.content[0].text, LATE);
});

test('settings that cannot be meant', async () => {
	const policy = await asking();
	for (const settings of [
		{ ledger: {} },
		{ ledger: null },
		{ session: 'one' },
		{ approver: {} },
		{ approver: null },
		{ approvalTime: '5' },
		{ approver: new Queue() },
	]) {
		assert.throws(() => passing(policy, settings), TypeError, JSON.stringify(settings));
	}
	for (const settings of [{ approvalTime: 0 }, { approvalTime: 2 ** 31 }]) assert.throws(() => passing(policy, settings), RangeError);
	assert.throws(() => new Queue({ wait: 0 }), RangeError);
	assert.throws(() => new Queue({ expiresIn: 8 * 24 * 3_600_000 }), RangeError);
	assert.throws(() => passing(policy, { ledger: 'nowhere:' }), { name: 'LedgerError' });
});

test('perso-guard', native, async () => {
	const GUARD = fileURLToPath(new URL('../../bin/perso-guard.mjs', import.meta.url));
	const SERVER = fileURLToPath(new URL('../servers/unguarded.mjs', import.meta.url));
	const [module, address] = [join(folder, 'limited.wasm'), `file:${join(folder, 'ledger')}`];
	writeFileSync(module, (await limited()).module);
	writeFileSync(join(folder, 'done'), '');
	const { make, stdio } = CLIENTS['1.x'];
	const options = ['--policy', module, '--agent', '{"id": "ann"}', '--ledger', address];
	const command = [GUARD, ...options, '--', process.execPath, SERVER, 'McpServer 1.x', join(folder, 'done')];
	const text = async (client, name, args = {}) => (await call(client, name, args)).text;
	await using(make(), stdio(process.execPath, command), async (client) => {
		assert.equal(await text(client, 'process_refund', { amount: 400 }), DONE);
		await text(client, 'view_customer');
		assert.equal(await text(client, 'delete_record', { record_id: '1' }), UNTRUSTED);
		const answer = text(client, 'process_refund', { amount: 600 });
		const ledger = Ledger.open(address);
		let waiting;
		while (waiting === undefined) [waiting] = await ledger.list();
		await ledger.decide(waiting.id, { approved: true, by: 'max' });
		assert.equal(await answer, DONE);
	});
	await using(make(), stdio(process.execPath, command), async (client) => {
		assert.equal(await text(client, 'process_refund', { amount: 1 }), OVER);
		// Another process is another session.
		assert.equal(await text(client, 'delete_record', { record_id: '1' }), 'delete_record is done');
	});
});
