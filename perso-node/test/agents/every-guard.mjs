// Tests for the guard of any agent framework: whole loops, in which a model calls a tool and reads the result.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Denied } from 'perso';
import { ASKED, ASKS, asksAPerson } from '../support/asks.mjs';
import { broken, native as nativeJournal, opened, recorded, textOf, written } from '../support/journal.mjs';
import { NO_LEDGER, OVER, UNAPPROVED, UNTRUSTED, approver, asking, limited, memory } from '../support/limits.mjs';
import { AGENT, DESK, MANAGER, compiled, isPortable } from '../support/policies.mjs';
import { CASES, LIES, REASONS } from '../support/times.mjs';

export const REASON = 'Agents may refund up to $500.';
export const OWN = 'Managers may delete records they own.';
export const UNKNOWN = 'the call cannot be judged';

/** Waits for a process warning with this message. */
const warning = (pattern) =>
	new Promise((resolve) => {
		process.on('warning', function heard({ message }) {
			if (!pattern.test(message)) return;
			process.off('warning', heard);
			resolve();
		});
	});

/**
 * Tests a framework's guard. `play(policy, settings, calls, caller, done)` lets a model call tools, all at once, in a run
 * that the host starts for the caller. It returns what the model read for each call and appends what ran to `done`.
 * `caller(info)` returns the caller from the argument of `agent`. `reads(reason)` is the framework's wording of an error. `became` is
 * what the guard knows of a tool that has answered, and of one that has thrown.
 */
export function everyGuard({ play, caller, reads = (reason) => reason, guard, became = ['ok', 'error'] }) {
	const refund = (amount) => ['process_refund', { order: '1', amount }];
	const remove = (record) => ['delete_record', { record }];
	const desk = compiled(DESK);

	/** The result of one call. */
	async function one(settings, call, who) {
		const done = [];
		const [read] = await play(await desk, settings, [call], who, done);
		return { read, done };
	}

	async function runs(settings, call, who) {
		const { read, done } = await one(settings, call, who);
		assert.deepEqual([read, done], [`${call[0]} is done`, [call]]);
	}

	async function isDenied(settings, call, reason, who) {
		const { read, done } = await one(settings, call, who);
		assert.deepEqual([read, done], [reads(reason), []]);
	}

	test('a call that is denied does not run, and the model reads why', async () => {
		await runs({ agent: AGENT }, refund(500));
		await isDenied({ agent: AGENT }, refund(501), REASON);
		await isDenied({}, refund(5), REASON);
		await runs({}, ['view_customer', { id: 'c' }]);
		const done = [];
		const read = await play(await desk, { agent: AGENT }, [refund(1), refund(900), refund(2)], undefined, done);
		assert.deepEqual(read, ['process_refund is done', reads(REASON), 'process_refund is done']);
		assert.deepEqual(done, [refund(1), refund(2)]);
	});

	test('a call that needs the approval of a person does not run, and the model reads so, and what is wrong with arguments', async () => {
		const policy = await compiled(ASKS);
		for (const agent of [AGENT, async () => AGENT]) {
			const [done, events] = [[], []];
			const settings = { agent, onDecision: (event) => events.push(event) };
			const call = async (tool, args) => ({ text: (await play(policy, settings, [[tool, args]], undefined, done))[0] });
			await asksAPerson(call, done, reads);
			assert.deepEqual(
				events
					.slice(0, -1)
					.map(({ rule, enforced, decision }) => [rule, enforced, decision.decision, decision.hint, decision.message]),
				ASKED.map(({ rule, decision, hint, text }) => [rule, true, decision, hint, text]),
			);
		}
		// All of them in one step.
		const done = [];
		const calls = ASKED.map(({ tool, args }) => [tool, args]);
		assert.deepEqual(
			await play(policy, { agent: AGENT }, calls, undefined, done),
			ASKED.map(({ text }) => reads(text)),
		);
		assert.deepEqual(done, []);
	});

	test('a call that needs the approval of a person runs where the guard only observes', async () => {
		const [done, events] = [[], []];
		const settings = { agent: AGENT, mode: 'observe', onDecision: (event) => events.push(event) };
		await play(await compiled(ASKS), settings, [refund(501)], undefined, done);
		assert.deepEqual([done, events[0].decision.decision, events[0].enforced], [[refund(501)], 'ask', false]);
	});

	test('who calls is told by the host, for each call anew', async () => {
		const told = [];
		const known = (of) => (told.push(of), caller(of));
		for (const agent of [known, async (of) => known(of)]) {
			await runs({ agent }, refund(5), AGENT);
			await isDenied({ agent }, refund(5), REASON, { roles: [] });
		}
		assert.equal(told.length, 4);
		for (const agent of [() => undefined, () => null, async () => undefined, () => ({})]) {
			await isDenied({ agent }, refund(5), REASON);
		}
		await isDenied({ agent: () => ['agent'] }, refund(5), 'the call cannot be read');
	});

	test('where it cannot be told who calls, nothing runs', async () => {
		const fails = () => {
			throw new Error('no session');
		};
		for (const agent of [fails, async () => fails(), () => Promise.reject(undefined)]) {
			await isDenied({ agent }, refund(5), UNKNOWN);
			await isDenied({ agent }, ['view_customer', { id: 'c' }], UNKNOWN);
		}
		const events = [];
		await one({ agent: fails, onDecision: (event) => events.push(event) }, refund(5));
		assert.equal(events[0].failure.message, 'no session');
	});

	test('runs at the same time are not mixed up', async () => {
		// The first call is answered last.
		const waiting = [];
		const agent = (told) =>
			new Promise((resolve) => {
				waiting.push(() => resolve(caller(told)));
				if (waiting.length === 4) for (const go of waiting.reverse()) go();
			});
		const policy = await desk;
		const ran = await Promise.all(
			[AGENT, { roles: [] }, AGENT, { roles: ['other'] }].map(async (who, at) => {
				const done = [];
				const [read] = await play(policy, { agent }, [refund(at + 1)], who, done);
				return [read, done.length];
			}),
		);
		const [yes, no] = [
			['process_refund is done', 1],
			[reads(REASON), 0],
		];
		assert.deepEqual(ran, [yes, no, yes, no]);
	});

	test('the resource is asked for where it matters, and only there', async () => {
		const questions = [];
		const resource = (question) => {
			questions.push(question);
			const owner = { owner_id: question.args.record === 'mine' ? 'mgr-001' : 'mgr-002' };
			question.args.record = 'another';
			return owner;
		};
		const later = async (question) => resource(question);
		for (const agent of [MANAGER, async () => MANAGER]) {
			for (const asked of [resource, later]) {
				await runs({ agent, resource: asked }, remove('mine'));
				await isDenied({ agent, resource: asked }, remove('theirs'), OWN);
			}
		}
		assert.equal(questions.length, 8);
		assert.deepEqual([questions[0].tool, questions[0].agent], ['delete_record', MANAGER]);
		await isDenied({ agent: AGENT, resource }, remove('mine'), OWN);
		await runs({ agent: AGENT, resource }, refund(5));
		await isDenied({ agent: AGENT, resource }, refund(501), REASON);
		assert.equal(questions.length, 8, 'whatever the resource, these are decided');
	});

	test('where nothing is known of the resource, it gives no permission', async () => {
		const fails = () => {
			throw new Error('no database');
		};
		for (const resource of [fails, async () => fails(), () => undefined, () => null, () => 'mgr-001']) {
			const { done } = await one({ agent: MANAGER, resource }, remove('mine'));
			assert.deepEqual(done, []);
		}
		const events = [];
		const late = { agent: MANAGER, resource: () => new Promise(() => {}), resourceTime: 5 };
		await isDenied({ ...late, onDecision: (event) => events.push(event) }, remove('mine'), OWN);
		assert.match(events[0].failure.message, /took more than 5 ms/);
	});

	test('what is only observed runs, and is recorded as it was decided', async () => {
		const events = [];
		const observes = { mode: 'observe', onDecision: (event) => events.push(event) };
		await runs({ ...observes, agent: AGENT }, refund(900));
		await runs({ ...observes, agent: async () => AGENT }, refund(900));
		await runs(
			{
				...observes,
				agent: () => {
					throw new Error('no');
				},
			},
			refund(5),
		);
		assert.deepEqual(
			events.map(({ enforced, decision }) => [enforced, decision.allowed]),
			Array(3).fill([false, false]),
		);
	});

	test('the host says what the model reads of a denial', async () => {
		const denial = (denied) => {
			assert.ok(denied instanceof Denied);
			return `${denied.tool}: ${denied.rule}`;
		};
		await isDenied({ agent: AGENT, denial }, refund(501), 'process_refund: refund');
		const warned = warning(/`denial` failed/);
		await isDenied(
			{
				agent: AGENT,
				denial: () => {
					throw new Error('no');
				},
			},
			refund(501),
			REASON,
		);
		await warned;
	});

	test('the host is told of each decision before the call runs', async () => {
		const events = [];
		const onDecision = (event, args) => {
			events.push([event, { ...args }]);
			args.amount = 1;
		};
		for (const agent of [AGENT, async () => AGENT]) {
			events.length = 0;
			await runs({ agent, onDecision }, refund(5));
			await isDenied({ agent, onDecision }, refund(501), REASON);
			assert.deepEqual(
				events.map(([, args]) => args),
				[
					{ order: '1', amount: 5 },
					{ order: '1', amount: 501 },
				],
			);
			const [[allowed], [denied]] = events;
			assert.deepEqual([allowed.tool, allowed.decision.rule, allowed.enforced], ['process_refund', 'refund', true]);
			assert.deepEqual([denied.rule, denied.decision.cause.attribute], ['refund', 'args.amount']);
		}
		const warned = warning(/`onDecision` failed/);
		await runs(
			{
				agent: AGENT,
				onDecision: () => {
					throw new Error('no');
				},
			},
			refund(5),
		);
		await warned;
	});

	test('what else rules read, and another policy later on', async () => {
		const policy = await compiled({ rules: [{ allow: 'view_customer', when: { 'context.open': true } }] });
		const view = ['view_customer', { id: 'c' }];
		for (const [context, ran] of [
			[{ open: true }, 1],
			[{ open: false }, 0],
			[undefined, 0],
		]) {
			const done = [];
			await play(policy, { context }, [view], undefined, done);
			assert.equal(done.length, ran);
		}
	});

	test("the time is the guard's, and nothing that a model or a run says", async () => {
		const calls = [
			['process_refund', { order: '1', ...LIES }],
			['view_customer', { id: 'c', ...LIES }],
		];
		for (const [name, { rules, context, runs }] of Object.entries(CASES)) {
			const policy = await compiled(rules('process_refund', 'view_customer'));
			for (const agent of [undefined, async () => ({})]) {
				const done = [];
				const read = await play(policy, { context, ...(agent && { agent }) }, calls, LIES, done);
				const expected = calls.map(([tool], at) => (runs[at] ? `${tool} is done` : reads(REASONS[at])));
				assert.deepEqual(read, expected, name);
				assert.deepEqual(
					done,
					calls.filter((_, at) => runs[at]),
					name,
				);
			}
		}
	});

	test('arguments are judged as they are', async () => {
		const hostile = [
			['process_refund', { order: '1', amount: 5, Amount: 900 }],
			['process_refund', JSON.parse('{"order": "1", "__proto__": {"amount": 5}, "amount": 900}')],
			['process_refund', { order: '1', amount: -5 }],
		];
		for (const call of hostile) assert.deepEqual((await one({ agent: AGENT }, call)).done, [], JSON.stringify(call));
		// The arguments must not change the caller.
		await isDenied({ agent: { roles: [] } }, ['process_refund', { order: 'agent', amount: 5 }], REASON);
	});

	const native = { skip: isPortable && 'a ledger needs native code' };

	test('a limit holds for calls one after another and at once', native, async () => {
		const policy = await limited();
		const settings = { ledger: memory(), agent: caller };
		const done = [];
		assert.deepEqual(await play(policy, settings, [refund(500)], { id: 'ann' }, done), ['process_refund is done']);
		assert.deepEqual(await play(policy, settings, [refund(500)], { id: 'bob' }, done), ['process_refund is done']);
		const read = await play(policy, settings, Array(10).fill(refund(70)), { id: 'ann' }, done);
		assert.equal(read.filter((text) => text === 'process_refund is done').length, 7);
		assert.equal(read.filter((text) => text === reads(OVER)).length, 3);
		assert.equal(done.length, 9);
	});

	test('a session keeps what it has seen', native, async () => {
		const policy = await limited();
		const settings = { ledger: memory(), session: (info) => caller(info).session };
		const [view, wipe] = [
			['view_customer', {}],
			['delete_record', {}],
		];
		const reading = async (session, ...calls) => {
			const read = [];
			for (const call of calls) read.push(...(await play(policy, settings, [call], { session }, [])));
			return read;
		};
		const done = ['view_customer is done', 'delete_record is done'];
		assert.deepEqual(await reading('a', wipe, view, wipe), [done[1], done[0], reads(UNTRUSTED)]);
		assert.deepEqual(await reading('b', wipe), [done[1]]);
		const [wiped, viewed] = await reading(undefined, wipe, view);
		assert.ok(![wiped, viewed].some((text) => done.includes(text)), 'without a session, nobody knows what was seen');
	});

	test('a person is asked', async () => {
		const policy = await asking();
		const [asked, events] = [[], []];
		const settings = { agent: caller, approver: approver(asked), approvalTime: 50, onDecision: (event) => events.push(event) };
		const user = { id: 'ann' };
		const done = [];
		assert.deepEqual(await play(policy, settings, [refund(501)], user, done), ['process_refund is done']);
		assert.deepEqual(done, [refund(501)]);
		assert.equal(events[0].approvedBy, 'max');
		const [[question, info]] = asked;
		assert.deepEqual([question.tool, question.args, question.agent], ['process_refund', { order: '1', amount: 501 }, 'ann']);
		assert.deepEqual(caller(info), user);
		for (const [amount, text] of Object.entries(UNAPPROVED)) {
			assert.deepEqual(await play(policy, settings, [refund(Number(amount))], user, done), [reads(text)], amount);
		}
		assert.equal(done.length, 1);
	});

	test('each decision is in the journal, before the call runs, and so is what became of it', nativeJournal, async () => {
		for (const required of [true, false]) {
			const { path, journal } = opened({ args: 'all', required });
			const events = [];
			const settings = { agent: caller, session: () => 'one', journal, onDecision: (event) => events.push(event) };
			const done = [];
			const before = { push: (call) => done.push([call, textOf(path).includes(events[0].id)]) };
			await play(await desk, settings, [refund(5)], AGENT, before);
			if (required) assert.deepEqual(done, [[refund(5), true]]);
			const failing = {
				push() {
					throw new Error('broken');
				},
			};
			await Promise.resolve(play(await desk, settings, [refund(6)], AGENT, failing)).catch(() => {});
			await play(await desk, settings, [refund(501)], AGENT, done);
			await written(journal, 5);
			assert.deepEqual(
				recorded(path).map(({ id, decision, args, agent, session, ran }) => [id, decision, args.amount, agent, session, ran]),
				[
					[events[0].id, 'allow', 5, { id: AGENT.id }, 'one', became[0]],
					[events[1].id, 'allow', 6, { id: AGENT.id }, 'one', became[1]],
					[events[2].id, 'deny', 501, { id: AGENT.id }, 'one', undefined],
				],
			);
			const repair = broken(path);
			const more = [];
			const [read] = await play(await desk, settings, [refund(7)], AGENT, more);
			assert.deepEqual([read, more], required ? [reads('the call cannot be recorded'), []] : ['process_refund is done', [refund(7)]]);
			repair();
		}
	});

	test('without a ledger, what needs one is denied', async () => {
		const done = [];
		assert.deepEqual(await play(await limited(), { agent: { id: 'ann' } }, [refund(1)], undefined, done), [reads(NO_LEDGER)]);
		assert.deepEqual(done, []);
	});

	test('settings that cannot be meant', async () => {
		const policy = await desk;
		const wrong = {
			mode: 'off',
			agent: 'me',
			resource: {},
			context: 1,
			resourceTime: '5',
			ledger: 1,
			session: 'one',
			approver: 'me',
			journal: 'j',
		};
		for (const settings of [...Object.entries(wrong).map((entry) => Object.fromEntries([entry])), { agent: null }]) {
			assert.throws(() => guard(policy, settings), TypeError);
		}
	});
}
