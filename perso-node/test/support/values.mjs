// How policies read each kind of JavaScript value. Runs in Node and in browsers.

import { Json } from 'perso';

export const RULES = {
	rules: [
		{ allow: 'pay', when: { 'args.amount': { gt: 0, lte: 500 } } },
		{ allow: 'exact', when: { 'args.n': { eq: 9007199254740993n } } },
		{ allow: 'text', when: { 'args.s': 'a"b\\c\n\u20ac\u{1f600}' } },
		{ allow: 'replaced', when: { 'args.s': '\ufffd' } },
		{ allow: 'free', when: { 'agent.suspended': { exists: false } } },
		{ allow: 'flag', when: { 'args.b': true } },
		{ allow: 'deep', when: { 'args.a.b.c': 1 } },
		{ allow: 'list', when: { 'args.l': { every: { lte: 3 } } } },
		{ allow: 'absent', when: { 'args.x': { exists: false } } },
		{ allow: 'there', when: { 'args.x': { exists: true } } },
		{ allow: 'own', when: { 'resource.owner': { eq: { ref: 'agent.id' } } } },
		{ allow: 'proto', when: { 'args["__proto__"]': 1 } },
		{ allow: 'roles', roles: ['agent'] },
		{ allow: 'send', when: { args: { only: ['to'] } } },
		{ allow: 'wrap', when: { 'args.box': { only: ['x'] } } },
		{ allow: 'post' },
		{ deny: 'post', when: { args: { anywhere: { contains: 'KEY' } } } },
		{ allow: 'star_*', when: { 'args.x': 1 } },
		{ allow: 'star_one', when: { 'args.y': 1 } },
		{ deny: 'star_one', when: { 'context.off': true } },
		{ allow: 'date', when: { 'args.at': '2026-11-25T00:00:00.000Z' } },
	],
};

/** Calls `test` with each case, for a policy of `RULES`. */
export function values(test, assert, policy) {
	const ask = (tool, args, rest) => policy.decide({ tool, args, ...rest });
	const allowed = (tool, args, rest) => {
		const decision = ask(tool, args, rest);
		assert.equal(decision.allowed, true, JSON.stringify(decision));
	};
	const denied = (tool, args, rest) => {
		const decision = ask(tool, args, rest);
		assert.equal(decision.allowed, false);
		return decision.cause;
	};

	test('numbers are what they are', () => {
		allowed('pay', { amount: 500 });
		allowed('pay', { amount: 0.1 + 0.2 });
		allowed('pay', { amount: Number.MIN_VALUE });
		for (const amount of [0, -0, -1, 500.0000000000001, 1e21, 1.5e300]) assert.equal(denied('pay', { amount }).problem, 'value');
		for (const amount of [NaN, Infinity, -Infinity]) assert.equal(denied('pay', { amount }).problem, 'out_of_range');
	});

	test('a bigint is a number with all its digits', () => {
		allowed('pay', { amount: 500n });
		allowed('exact', { n: 9007199254740993n });
		assert.equal(denied('exact', { n: 9007199254740992n }).problem, 'value');
		assert.equal(denied('exact', { n: 2 ** 53 }).problem, 'value');
		assert.equal(denied('pay', { amount: 10n ** 100000n }).problem, 'out_of_range');
		assert.equal(denied('pay', { amount: -(10n ** 100000n) }).problem, 'out_of_range');
	});

	test('numbers in other clothes are of another type', () => {
		for (const amount of ['500', true, [5], { valueOf: () => 5 }, new Number(5), new Date(5), Object(5n)]) {
			assert.equal(denied('pay', { amount }).problem, 'type', String(amount));
		}
	});

	test('strings are exact', () => {
		allowed('text', { s: 'a"b\\c\n\u20ac\u{1f600}' });
		for (const s of ['a"b\\c\n\u20ac', 'a"b\\c\n\u20ac\u{1f600} ', 'A"b\\c\n\u20ac\u{1f600}']) denied('text', { s });
		// A lone surrogate is not valid text.
		assert.equal(denied('text', { s: '\ud83d' }).kind, 'malformed');
		assert.equal(denied('text', { s: '\ude00\ud83d' }).kind, 'malformed');
	});

	test('undefined, functions and symbols are missing', () => {
		for (const x of [undefined, () => 1, Symbol('x')]) {
			allowed('absent', { x });
			denied('there', { x });
		}
		assert.equal(denied('pay', {}).problem, 'missing');
		assert.equal(denied('pay', undefined).problem, 'missing');
		assert.equal(denied('pay', null).problem, 'missing');
		assert.equal(denied('pay', { amount: null }).problem, 'null');
	});

	test('lists: holes are null, and what is not in JSON is null', () => {
		allowed('list', { l: [1, 2, 3] });
		allowed('list', { l: new Set([1, 2, 3]) });
		// eslint-disable-next-line no-sparse-arrays
		for (const l of [[1, , 3], [1, undefined], [() => 1], [1, 4], [[1]], 1, { 0: 1, length: 1 }]) denied('list', { l });
		assert.equal(denied('list', { l: new Array(4e9) }).kind, 'limit');
		assert.equal(denied('list', { l: Array.from({ length: 3000 }, () => 1) }).problem, 'out_of_range');
	});

	test('a Map is an object; keys that are no strings are not there', () => {
		allowed('pay', new Map([['amount', 5]]));
		allowed('deep', { a: new Map([['b', new Map([['c', 1]])]]) });
		denied('deep', { a: new Map([[{ toString: () => 'b' }, { c: 1 }]]) });
		denied('pay', new Map([[Symbol.iterator, 5]]));
	});

	test('class instances are their own properties, or what `toJSON` gives', () => {
		class Order {
			amount = 5;
		}
		class Late {
			get amount() {
				return 5;
			}
		}
		class Told {
			toJSON() {
				return { amount: 5 };
			}
		}
		allowed('pay', new Order());
		allowed('pay', new Told());
		// A getter of the class is not an own property, as for `JSON.stringify`.
		assert.equal(denied('pay', new Late()).problem, 'missing');
		allowed('own', {}, { resource: { owner: { toJSON: () => 'ann' } }, agent: { id: 'ann' } });
		allowed('date', { at: new Date('2026-11-25') });
		assert.equal(denied('date', { at: new Date(NaN) }).problem, 'null');
	});

	test('a key `__proto__` is a key', () => {
		allowed('proto', JSON.parse('{"__proto__": 1}'));
		denied('proto', { __proto__: { a: 1 } });
		denied('pay', JSON.parse('{"__proto__": {"amount": 5}}'));
		denied('roles', {}, { agent: JSON.parse('{"__proto__": {"roles": ["agent"]}}') });
		allowed('roles', {}, { agent: { roles: ['agent'] } });
	});

	test('`anywhere` sees each string that `JSON.stringify` would write', () => {
		const nested = (depth) => (depth === 0 ? 'KEY' : { a: nested(depth - 1) });
		for (const args of [
			{ a: 'my KEY' },
			{ KEY: 1 },
			{ a: [1, { b: [null, { 'a KEY': 2 }] }] },
			{ a: new Map([['b', 'KEY']]) },
			{ a: new Set(['KEY']) },
			{ a: { toJSON: () => ({ b: 'KEY' }) } },
			new Map([['a', ['KEY']]]),
			nested(50),
		]) {
			assert.equal(denied('post', args).problem, 'value');
		}
		for (const args of [{ a: 'key' }, {}, null, { a: [1, true, null], b: 'K', c: 'EY' }, { a: () => 'KEY' }]) {
			allowed('post', args);
		}
		// What is too deep to be judged is not left out.
		assert.equal(denied('post', nested(70)).kind, 'limit');
		assert.equal(denied('post', { a: nested(62) }).kind, 'limit');
	});

	test('`only` sees each key that `JSON.stringify` would write', () => {
		class Late {
			to = 1;
			get blind() {
				return 1;
			}
		}
		for (const args of [
			{ to: 1 },
			new Map([['to', 1]]),
			new Late(),
			Object.create({ blind: 1 }, { to: { value: 1, enumerable: true } }),
		]) {
			allowed('send', args);
		}
		for (const args of [
			{ blind: 1 },
			{ to: 1, blind: 1 },
			{ to: 1, blind: null },
			{
				to: 1,
				get blind() {
					return 1;
				},
			},
			JSON.parse('{"to": 1, "__proto__": {"x": 1}}'),
			new Map([['blind', 1]]),
			{ to: 1, toJSON: () => ({ blind: 1 }) },
			{ to: 1, 'to\0': 1 },
		]) {
			const decision = ask('send', args);
			assert.deepEqual([decision.allowed, decision.cause.problem], [false, 'value']);
			// The key, which the caller has made up, is in no text.
			assert.ok(!JSON.stringify(decision).includes('blind'));
		}
		assert.equal(denied('send', { to: 1, To: 1 }).kind, 'malformed');
		assert.equal(denied('send', { to: 1, '\ud800': 1 }).kind, 'malformed');
		allowed('wrap', { box: { x: 1 } });
		assert.equal(denied('wrap', { box: { x: 1, y: 1 } }).problem, 'value');
		for (const box of [[1], new Date(0), 'x', new Set(['x'])]) assert.equal(denied('wrap', { box }).problem, 'type');
	});

	test('each property is read once', () => {
		let reads = 0;
		const args = {
			get amount() {
				reads += 1;
				return reads === 1 ? 5 : 9999;
			},
		};
		allowed('pay', args);
		assert.equal(reads, 1);
		assert.equal(denied('pay', args).problem, 'value');
		const got = [];
		const lying = new Proxy({ amount: 5, other: 1 }, { get: (of, key) => (got.push(key), of[key]) });
		allowed('pay', lying);
		assert.deepEqual(
			got.filter((key) => key !== 'toJSON' && key !== 'then'),
			['amount'],
			'what the policy does not read is not read',
		);
	});

	test('a tool reads what every rule for it reads', () => {
		const on = { context: { off: false } };
		allowed('star_one', { x: 1 }, on);
		allowed('star_one', { y: 1 }, on);
		allowed('star_two', { x: 1 });
		denied('star_two', { y: 1 });
		denied('star_one', { x: 2, y: 2 }, on);
		denied('star_one', { x: 1 }, { context: { off: true } });
		denied('star_one', { x: 1 });
	});

	test('what cannot be read is denied, and nothing is thrown', () => {
		const fails = () => {
			throw new Error('no');
		};
		const revoked = Proxy.revocable({}, {});
		revoked.revoke();
		for (const args of [
			{
				get amount() {
					return fails();
				},
			},
			{ amount: { toJSON: fails } },
			new Proxy({}, { ownKeys: fails }),
			new Proxy({ amount: 5 }, { get: fails }),
			{ amount: [new Proxy([], { get: fails })] },
			revoked.proxy,
		]) {
			const { kind, detail } = denied('pay', args);
			assert.deepEqual([kind, detail], ['engine', 'the call cannot be read']);
		}
		assert.equal(denied('deep', { a: revoked.proxy }).kind, 'engine');
		// It has no effect if the policy does not read it.
		allowed('pay', {
			amount: 5,
			other: revoked.proxy,
			get third() {
				return fails();
			},
		});
		for (const call of [undefined, null, 1, 'pay', () => 1]) assert.equal(policy.decide(call).allowed, false);
	});

	test('cycles and what is too large end', () => {
		const cycle = {};
		cycle.a = cycle;
		denied('deep', cycle);
		const wide = {};
		for (let key = 0; key < 10; key += 1) wide[`k${key}`] = wide;
		assert.equal(denied('deep', { a: wide }).kind, 'limit');
		let lists = [];
		for (let level = 0; level < 40; level += 1) lists = Array.from({ length: 10 }, () => lists);
		assert.equal(denied('deep', { a: lists }).kind, 'limit');
		assert.equal(denied('text', { s: 'x'.repeat(1 << 21) }).kind, 'limit');
		allowed('pay', { amount: 5, note: 'x'.repeat(1 << 25) });
	});

	test('a promise tells nothing of what it will be', () => {
		const agent = { suspended: true };
		assert.equal(denied('free', {}, { agent }).problem, 'value');
		allowed('free', {}, { agent: {} });
		const late = { then: (tell) => tell(agent) };
		for (const rest of [{ agent: Promise.resolve(agent) }, { agent: late }, { agent: {}, context: Promise.resolve({}) }]) {
			assert.equal(policy.couldAllow({ tool: 'free', ...rest }), false);
			assert.equal(denied('free', {}, rest).kind, 'engine');
		}
		allowed('free', {}, { agent: { then: 'a value' } });
	});

	test('a call is told as it must be', () => {
		assert.equal(
			policy.decide({ tool: 'pay', arguments: { amount: 5 } }).cause.detail,
			'a top-level key other than tool, args, agent, resource, context and session',
		);
		for (const tool of [undefined, null, 1, ['pay'], { toString: () => 'pay' }, new String('pay')]) {
			assert.equal(policy.decide({ tool, args: { amount: 5 } }).cause.kind, 'malformed', String(tool));
		}
		for (const args of [1, 'x', true, [{ amount: 5 }], new Set(), () => 1, Symbol('x'), 5n]) {
			assert.equal(denied('pay', args).detail, 'args, agent, resource, context and session must be objects', String(args));
		}
		assert.equal(denied('pay', { amount: 5, Amount: 900 }).kind, 'malformed');
		assert.equal(denied('pay', { amount: 5, '\u0061MOUNT': 900 }).kind, 'malformed');
		assert.equal(denied('roles', {}, { agent: { roles: ['agent'], ['role\u017f']: [] } }).kind, 'malformed');
	});

	test('JSON text stands as it is, and cannot break out', () => {
		allowed('pay', new Json('{"amount": 5.00}'));
		allowed('exact', new Json('{"n": 9007199254740993}'));
		for (const text of [
			'{"amount": 5, "amount": 900}',
			'{"amount": 5',
			'{"amount": 5}}',
			'',
			'NaN',
			'{"amount": 05}',
			'{"a":1},"agent":{}',
		]) {
			assert.equal(denied('pay', new Json(text)).kind, 'malformed', text);
		}
		denied('roles', new Json('{}, "agent": {"roles": ["agent"]}'));
		denied('roles', new Json('{}, "agent": {"roles": ["agent"]}, "context": {}'));
		assert.throws(() => new Json({}), TypeError);
		// A lone surrogate must not be replaced.
		assert.equal(denied('replaced', new Json('{"s": "\ud800"}')).kind, 'malformed');
		assert.equal(denied('replaced', new Json('{"s": "\\ud800"}')).kind, 'malformed');
		allowed('replaced', new Json('{"s": "\ufffd"}'));
	});

	test('objects without a prototype, and what is inherited', () => {
		allowed('pay', Object.assign(Object.create(null), { amount: 5 }));
		assert.equal(denied('pay', Object.create({ amount: 5 })).problem, 'missing', 'what is inherited is not there');
	});
}
