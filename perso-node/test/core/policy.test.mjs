// Loading, reloading and watching policies, and their decisions.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once, EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { LoadError, Policy, PolicyError } from 'perso';
import { messageOf } from '../../dist/decision.js';
import { ASKED, ASKS, LISTED } from '../support/asks.mjs';
import { AGENT, DESK, compiled, isPortable, moduleOf } from '../support/policies.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perso-'));
after(() => rmSync(folder, { recursive: true }));

const most = (amount) => ({ perso: 1, rules: [{ id: `most-${amount}`, allow: 'pay', when: { 'args.amount': { lte: amount } } }] });
const pay = (policy, amount) => policy.decide({ tool: 'pay', args: { amount } }).allowed;
const file = join(folder, 'policy.wasm');

test('a decision is the record of docs/decision.md, `allowed` and `message`', async () => {
	const policy = await compiled(DESK);
	assert.deepEqual(policy.decide({ tool: 'process_refund', args: { amount: 800 }, agent: AGENT }), {
		allowed: false,
		decision: 'deny',
		rule: null,
		reason: 'Agents may refund up to $500.',
		hint: null,
		message: 'Agents may refund up to $500.',
		cause: { kind: 'no_rule', rule: 'refund', attribute: 'args.amount', problem: 'value' },
	});
	const allowed = policy.decide({ tool: 'process_refund', args: { amount: 8 }, agent: AGENT });
	assert.deepEqual([allowed.allowed, allowed.decision, allowed.rule, allowed.cause], [true, 'allow', 'refund', { kind: 'rule' }]);
	assert.ok(Object.isFrozen(allowed) && Object.isFrozen(allowed.cause), 'calls may share it');
	assert.deepEqual(policy.decideJson('{'), {
		allowed: false,
		decision: 'deny',
		rule: null,
		reason: 'the call cannot be read',
		hint: null,
		message: 'the call cannot be read',
		cause: { kind: 'malformed', detail: 'the text ends before the call does', offset: 1 },
	});
});

test('calls that need the approval of a person, and hints', async () => {
	const policy = await compiled(ASKS);
	// Twice, because the native engine keeps decisions.
	for (const { tool, args, decision, rule, hint, text } of [...ASKED, ...ASKED]) {
		for (const decided of [
			policy.decide({ tool, args, agent: AGENT }),
			policy.decideJson(JSON.stringify({ tool, args, agent: AGENT })),
		]) {
			assert.deepEqual(
				[decided.allowed, decided.decision, decided.rule ?? decided.cause.rule, decided.hint, decided.message],
				[false, decision, rule, hint, text],
			);
			assert.ok(text.startsWith(decided.reason));
		}
	}
	const allowed = policy.decide({ tool: 'view_customer', args: { fields: ['name'] }, agent: AGENT });
	assert.deepEqual([allowed.allowed, allowed.decision, allowed.hint, allowed.message], [true, 'allow', null, allowed.reason]);
});

test('decisions that differ only in the hint', async () => {
	const either = (number, test) => ({ any: [{ 'args.k': number }, { 'args.v': test }] });
	const policy = await compiled({
		rules: [{ allow: 'pay', when: { all: [either(1, { lte: 5 }), either(2, { glob: 'a*' })] }, reason: 'No.' }],
	});
	const decide = (k) => policy.decide({ tool: 'pay', args: { k, v: true } });
	// Twice, because the native engine keeps decisions.
	for (let round = 0; round < 2; round += 1) {
		const [one, two] = [decide(1), decide(2)];
		assert.deepEqual([one.hint, two.hint], ['args.v must be a string', 'args.v must be a number']);
		assert.equal(one.message, 'No. Hint: args.v must be a string.');
		assert.deepEqual({ ...one, hint: two.hint, message: two.message }, two);
	}
});

test('a hint names each type once', async () => {
	const policy = await compiled({
		rules: [
			{ allow: 'flag', when: { 'args.v': true } },
			{ allow: 'list', when: { 'args.v': { in: [false, 'a'] } } },
			{ allow: 'host', when: { 'args.url': { url: { host: 'acme.com' } } } },
		],
	});
	for (const [tool, args, hint] of [
		['flag', { v: 1 }, 'args.v must be a boolean'],
		['list', { v: 1 }, 'args.v must be a boolean or a string'],
		['host', { url: 'x' }, 'args.url must be a URL'],
	]) {
		assert.equal(policy.decide({ tool, args }).hint, hint);
	}
});

test('the message for the model', () => {
	const approval = 'This call needs the approval of a person.';
	for (const [decision, reason, hint, message] of [
		['deny', 'no', null, 'no'],
		['deny', '', null, ''],
		['allow', 'pay is allowed', null, 'pay is allowed'],
		['deny', 'no', 'args.a is missing', 'no. Hint: args.a is missing.'],
		['deny', 'No.', 'args.a is missing', 'No. Hint: args.a is missing.'],
		['ask', 'large refund', null, `large refund. ${approval}`],
		['ask', 'Why?', null, `Why? ${approval}`],
		['ask', 'Stop!', null, `Stop! ${approval}`],
		['ask', 'A review:', null, `A review: ${approval}`],
		['ask', 'a line.\n', null, `a line.\n. ${approval}`],
		['ask', 'wait;', null, `wait;. ${approval}`],
		['ask', '', null, `. ${approval}`],
		['ask', 'Large.', 'args.a must not be null', `Large. Hint: args.a must not be null. ${approval}`],
	]) {
		assert.equal(messageOf({ decision, reason, hint }), message);
	}
});

test('decisions that come again are the right ones', async () => {
	const policy = await compiled(DESK);
	const ask = [
		['process_refund', { amount: 8 }, true],
		['process_refund', { amount: 800 }, false],
		['process_refund', { amount: '8' }, false],
		['process_refund', {}, false],
		['view_customer', {}, true],
		['dump_secrets', {}, false],
		['nothing', {}, false],
	];
	const seen = new Map();
	for (let round = 0; round < 50; round += 1) {
		for (const [tool, args, allowed] of ask) {
			policy.decideJson(`{"tool": ${round}`);
			const decision = policy.decide({ tool, args, agent: AGENT });
			assert.equal(decision.allowed, allowed);
			const key = JSON.stringify([tool, args]);
			assert.deepEqual(decision, seen.get(key) ?? decision);
			seen.set(key, decision);
		}
	}
});

test('decisions are the right ones though the first of them was lost or looked strange', async () => {
	const module = moduleOf(most(5));
	const text = (amount) => `{"tool": "pay", "args": {"amount": ${amount}}}`;
	for (const key of ['detail', 'offset']) {
		const policy = await Policy.load(module);
		Object.prototype[key] = 1;
		policy.decide({ tool: 'pay', args: { amount: 6 } });
		delete Object.prototype[key];
		assert.deepEqual([pay(policy, 5), pay(policy, 6)], [true, false], key);
	}
	// The stack overflows at a different place each time.
	for (let size = 0; size < 100; size += 1) {
		const policy = await Policy.load(module);
		const more = Array.from({ length: size }, () => 1);
		const deep = () => {
			try {
				return deep(...more);
			} catch {
				return policy.decideJson(text(6));
			}
		};
		try {
			deep();
		} catch {
			// The stack had no room even for the call of `decide`.
		}
		policy.decideJson(text(5));
		assert.equal(policy.decideJson(text(6)).allowed, false, `${size}`);
		assert.equal(policy.decideJson(text(5)).allowed, true, `${size}`);
	}
});

test('what is no text is denied by either engine alike', async () => {
	const policy = await compiled(DESK);
	for (const call of [undefined, null, 1, {}, [123, 125], new Uint16Array(1), new ArrayBuffer(2), '{"tool": "\ud800"}']) {
		assert.deepEqual(policy.decideJson(call).cause, { kind: 'malformed', detail: 'not UTF-8', offset: 2 });
	}
});

test('which tools to show, and whether a resource is needed', async () => {
	const policy = await compiled(DESK);
	const shows = (agent) =>
		['view_customer', 'process_refund', 'delete_record', 'dump_secrets', 'nothing'].filter((tool) =>
			policy.couldAllow({ tool, agent }),
		);
	assert.deepEqual(shows(undefined), ['view_customer']);
	assert.deepEqual(shows(AGENT), ['view_customer', 'process_refund']);
	assert.deepEqual(shows({ id: 'm', roles: ['manager'] }), ['view_customer', 'delete_record']);
	assert.equal(policy.needsResource({ tool: 'delete_record', agent: { id: 'm', roles: ['manager'] } }), true);
	assert.equal(policy.needsResource({ tool: 'delete_record', agent: AGENT }), false);
	assert.equal(policy.needsResource({ tool: 'view_customer', agent: AGENT }), false);
});

test('tools whose calls need an approval are shown, and a resource is needed if it changes the outcome', async () => {
	const desk = await compiled(ASKS);
	const names = ['view_customer', 'process_refund', 'delete_record', 'dump_secrets'];
	assert.deepEqual(names.filter((tool) => desk.couldAllow({ tool, agent: AGENT })).sort(), LISTED);
	const secret = { 'resource.secret': true };
	const policy = await compiled({
		rules: [
			{ allow: 'allow or ask' },
			{ ask: 'allow or ask', when: secret },
			{ ask: 'ask or deny', when: secret },
			{ ask: 'ask' },
			{ allow: 'ask anyway', when: secret },
			{ ask: 'ask anyway' },
			{ ask: 'deny' },
			{ deny: 'deny' },
			{ ask: 'deny some' },
			{ deny: 'deny some', when: secret },
			{ ask: 'deny a caller', when: secret, roles: ['agent'] },
		],
	});
	for (const [tool, shown, needed] of [
		['allow or ask', true, true],
		['ask or deny', true, true],
		['ask', true, false],
		['ask anyway', true, false],
		['deny', false, false],
		['deny some', true, true],
		['deny a caller', false, false],
	]) {
		assert.deepEqual([policy.couldAllow({ tool }), policy.needsResource({ tool })], [shown, needed], tool);
	}
	assert.equal(policy.needsResource({ tool: 'deny a caller', agent: AGENT }), true);
	const late = (tool) => policy.read({ tool }).decideWithheld().decision;
	assert.deepEqual(['allow or ask', 'ask or deny', 'ask', 'deny some'].map(late), ['ask', 'deny', 'ask', 'deny']);
});

test('loads paths, URLs, bytes and compiled modules', async () => {
	const module = moduleOf(most(5));
	writeFileSync(file, module);
	const server = createServer((request, response) => {
		if (request.url === '/policy.wasm') response.end(module);
		else response.writeHead(404).end();
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const url = `http://127.0.0.1:${server.address().port}`;
	const bytes = new Uint8Array(module);
	for (const source of [
		file,
		pathToFileURL(file),
		module,
		bytes,
		bytes.buffer,
		`${url}/policy.wasm`,
		new URL(`${url}/policy.wasm`),
		await WebAssembly.compile(module),
	]) {
		const policy = await Policy.load(source);
		assert.deepEqual([pay(policy, 5), pay(policy, 6)], [true, false]);
		if (!(source instanceof WebAssembly.Module)) assert.deepEqual(Buffer.from(policy.module), module);
	}
	await assert.rejects(Policy.load(`${url}/other`), LoadError);
	server.close();
	await assert.rejects(Policy.load(join(folder, 'none')), { code: 'ENOENT' });
	for (const source of [undefined, null, 5, {}, []]) await assert.rejects(Policy.load(source), TypeError);
	if (!isPortable) await assert.rejects(Policy.load(Buffer.from([0xff, 0xfe])), LoadError);
});

test('what was loaded does not change with its bytes', async () => {
	const bytes = new Uint8Array(moduleOf(most(5)));
	const policy = await Policy.load(bytes);
	bytes.fill(0);
	assert.deepEqual([pay(policy, 5), pay(policy, 6)], [true, false]);
	// Changes while the bytes are loaded have no effect either.
	for (const of of [(bytes) => bytes, (bytes) => new Uint8Array(bytes), (bytes) => new Uint8Array(bytes).buffer]) {
		const source = of(Buffer.from(moduleOf(most(5))));
		const loading = Policy.load(source);
		new Uint8Array(source.buffer ?? source, source.byteOffset ?? 0, source.byteLength).fill(0);
		const loaded = await loading;
		assert.deepEqual([pay(loaded, 5), pay(loaded, 6), loaded.module[1]], [true, false, 0x61]);
	}
});

test('damaged modules do not load', async () => {
	const module = moduleOf(most(5));
	for (const bytes of [
		module.subarray(0, 100),
		module.subarray(0, -1),
		Buffer.concat([module, Buffer.from([0])]),
		module.subarray(0, 8),
	]) {
		await assert.rejects(Policy.load(bytes), LoadError);
	}
	for (let at = 8; at < module.length; at += 997) {
		const flipped = Buffer.from(module);
		flipped[at] ^= 1;
		await assert.rejects(Policy.load(flipped), LoadError, `byte ${at}`);
	}
});

test('a module of another ABI says to compile the policy again', async () => {
	const module = Buffer.from(moduleOf(most(5)));
	const text = '"abi":4';
	assert.ok(module.includes(text));
	module.write('"abi":3', module.indexOf(text));
	// The hash at the end is of all bytes before its section.
	createHash('sha256')
		.update(module.subarray(0, -47))
		.digest()
		.copy(module, module.length - 32);
	await assert.rejects(
		Policy.load(module),
		(error) => error instanceof LoadError && /ABI 3.*compile the policy again/.test(error.message),
	);
});

test('reload puts another policy in force, or leaves the one before', async () => {
	const policy = await Policy.load(moduleOf(most(5)));
	const reading = policy.read({ tool: 'pay', args: { amount: 6 } });
	await policy.reload(moduleOf(most(10)));
	assert.equal(pay(policy, 6), true);
	assert.equal(reading.decide().allowed, false, 'a call finishes with the policy that it began with');
	await assert.rejects(policy.reload(Buffer.from([0, 97, 115, 109, 1, 0, 0, 0])), LoadError);
	await assert.rejects(policy.reload(join(folder, 'none')), { code: 'ENOENT' });
	assert.deepEqual([pay(policy, 10), pay(policy, 11)], [true, false]);
});

test('of several that are loaded at the same time, the one asked for last stays', async () => {
	const server = createServer((request, response) => response.end(moduleOf(most(request.url === '/late' ? 20 : 10))));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const policy = await Policy.load(moduleOf(most(5)));
	const late = policy.reload(`http://127.0.0.1:${server.address().port}/late`);
	await policy.reload(moduleOf(most(30)));
	assert.equal(pay(policy, 30), true);
	await late;
	assert.deepEqual([pay(policy, 30), pay(policy, 31)], [true, false]);
	// A reload that fails does not count.
	const other = policy.reload(moduleOf(most(40)));
	await assert.rejects(policy.reload(join(folder, 'none')), { code: 'ENOENT' });
	await other;
	assert.equal(pay(policy, 40), true);
	server.close();
});

test('watch follows a file', async (t) => {
	// A watch does not keep the process alive.
	const alive = setInterval(() => {}, 1000);
	t.after(() => clearInterval(alive));
	const events = new EventEmitter();
	writeFileSync(file, moduleOf(most(5)));
	const policy = await Policy.load(moduleOf(most(1)));
	const watched = await policy.watch(file, {
		interval: 5,
		onReload: () => events.emit('reload'),
		onError: (error) => events.emit('bad', error),
	});
	assert.deepEqual([pay(policy, 5), pay(policy, 6)], [true, false], 'it is loaded at once');
	const written = (bytes) => {
		writeFileSync(`${file}.new`, bytes);
		renameSync(`${file}.new`, file);
	};
	let next = once(events, 'reload');
	written(moduleOf(most(10)));
	await next;
	assert.deepEqual([pay(policy, 10), pay(policy, 11)], [true, false]);
	next = once(events, 'bad');
	written('\0asm and no more');
	const [error] = await next;
	assert.match(error.message, /does not load, and the previous policy stays active/);
	assert.deepEqual([pay(policy, 10), pay(policy, 11)], [true, false]);
	next = once(events, 'reload');
	written(moduleOf(most(20)));
	await next;
	assert.deepEqual([pay(policy, 20), pay(policy, 21)], [true, false]);
	watched.close();
	await assert.rejects(policy.watch(join(folder, 'none')), { code: 'ENOENT' });
	for (const interval of [0, -1, NaN, Infinity]) await assert.rejects(policy.watch(file, { interval }), RangeError);
	const ended = new AbortController();
	ended.abort();
	const closed = await policy.watch(file, { interval: 1, signal: ended.signal });
	closed.close();
});

const org = (id) => JSON.stringify({ perso: 1, rules: [{ id, deny: 'delete' }] });
const team = (...paths) => JSON.stringify({ perso: 1, extends: paths, rules: [{ id: 'team', allow: '*' }] });
const rule = (policy, tool) => policy.decide({ tool }).rule;

test('a text extends what `resolve` finds', { skip: isPortable }, () => {
	const text = team('shared/org.json');
	const asked = [];
	const find = (path) => {
		asked.push(path);
		return org('org');
	};
	const texts = { 'shared/org.json': org('org') };
	for (const resolve of [find, texts, new Map(Object.entries(texts))]) {
		const policy = Policy.compile(text, { resolve });
		assert.deepEqual([rule(policy, 'delete'), rule(policy, 'read')], ['org', 'team']);
	}
	assert.deepEqual(asked, ['shared/org.json']);
	assert.throws(() => Policy.compile(text), /given only the text of this policy/);
	for (const resolve of [{}, new Map(), Object.create(texts)]) {
		assert.throws(() => Policy.compile(text, { resolve }), /`shared\/org.json` cannot be extended: there is no such document/);
	}
	assert.throws(() => Policy.compile(team('toString'), { resolve: {} }), /there is no such document/);
	for (const resolve of [null, 5, 'org.json']) assert.throws(() => Policy.compile(text, { resolve }), TypeError);
});

test('what `resolve` throws is the cause', { skip: isPortable }, () => {
	const fails = (resolve, message, cause) =>
		assert.throws(
			() => Policy.compile(team('org.json'), { resolve }),
			(error) => error instanceof PolicyError && message.test(error.message) && cause(error.cause),
		);
	const thrown = new RangeError('no such thing');
	const raise = (error) => () => {
		throw error;
	};
	fails(raise(thrown), /cannot be extended: no such thing/, (cause) => cause === thrown);
	fails(raise('a string'), /cannot be extended: a string/, (cause) => cause === 'a string');
	for (const answer of [undefined, null, 5, Promise.resolve('{}'), Buffer.from('{}')]) {
		fails(
			() => answer,
			/`resolve` must give the text of a document as a string/,
			(cause) => cause instanceof TypeError,
		);
	}
	fails(
		() => '"\ud800"',
		/lone surrogate/,
		(cause) => cause instanceof TypeError,
	);
	fails({}, /no such document/, (cause) => cause === undefined);
});

test('errors and warnings name their document', { skip: isPortable }, async (t) => {
	assert.throws(
		() => Policy.compile(team('shared/org.json'), { resolve: () => '{\n"perso": 1, "rulez": [] }' }),
		(error) => {
			assert.match(error.message, /--> shared\/org.json:2:13/);
			assert.ok(error.diagnostics.some(({ file, line, code }) => file === 'shared/org.json' && line === 2 && code === 'unknown-key'));
			return true;
		},
	);
	const warned = [];
	const listen = ({ message }) => warned.push(message);
	process.on('warning', listen);
	t.after(() => process.off('warning', listen));
	const loose = '{ "perso": 1, "rules": [{ "id": "x", "deny": "x", "when": { "args.a": { "in": ["x"] } } }] }';
	Policy.compile(team('org.json').replace('"rules"', '"default": "allow", "rules"'), { resolve: { 'org.json': loose } });
	while (warned.length < 2) await once(process, 'warning');
	assert.ok(
		warned.some((message) => message.startsWith('`org.json`, at line 1')),
		warned.join(),
	);
	assert.ok(
		warned.some((message) => message.startsWith('the policy, at line 1')),
		warned.join(),
	);
});

test('a file extends files below its folder', { skip: isPortable }, async () => {
	mkdirSync(join(folder, 'teams/shared'), { recursive: true });
	const path = join(folder, 'teams/team.json');
	writeFileSync(join(folder, 'org.json'), org('outside'));
	writeFileSync(join(folder, 'teams/shared/org.json'), org('org'));
	writeFileSync(path, team('shared/org.json'));
	const policy = await Policy.load(path);
	assert.equal(rule(policy, 'delete'), 'org');
	assert.equal(rule(await Policy.load(pathToFileURL(path)), 'delete'), 'org');
	assert.deepEqual(policy.module, Policy.compile(team('shared/org.json'), { resolve: { 'shared/org.json': org('org') } }).module);
	// Bytes have no folder.
	await assert.rejects(Policy.load(readFileSync(path)), /given only the text of this policy/);
	writeFileSync(path, team('../org.json'));
	await assert.rejects(policy.reload(path), /it is outside of the policy's folder/);
	assert.equal(rule(policy, 'delete'), 'org');
});

test('watch follows the documents that a policy extends', { skip: isPortable }, async (t) => {
	const alive = setInterval(() => {}, 1000);
	t.after(() => clearInterval(alive));
	const events = new EventEmitter();
	const there = join(folder, 'watched');
	mkdirSync(there);
	const path = join(there, 'team.json');
	writeFileSync(path, team('org.json'));
	writeFileSync(join(there, 'org.json'), org('one'));
	const policy = await Policy.load(path);
	const watched = await policy.watch(pathToFileURL(path), {
		interval: 5,
		onReload: () => events.emit('reload'),
		onError: (error) => events.emit('bad', error),
	});
	t.after(() => watched.close());
	const written = async (name, text, event) => {
		writeFileSync(join(there, 'new'), text);
		const told = once(events, event);
		renameSync(join(there, 'new'), join(there, name));
		return (await told)[0];
	};
	await written('org.json', org('two'), 'reload');
	assert.equal(rule(policy, 'delete'), 'two');
	const error = await written('team.json', team('later/org.json'), 'bad');
	assert.match(error.message, /there is no such document/);
	assert.equal(rule(policy, 'delete'), 'two');
	mkdirSync(join(there, 'later'));
	await written('later/org.json', org('three'), 'reload');
	assert.equal(rule(policy, 'delete'), 'three');
});

test('what cannot be followed is not loaded', async () => {
	const server = createServer((_, response) => response.end(moduleOf(most(10)))).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const url = `http://127.0.0.1:${server.address().port}/policy.wasm`;
	const policy = await Policy.load(moduleOf(most(5)));
	await assert.rejects(policy.watch(url), { code: 'ENOENT' });
	await assert.rejects(policy.watch(new URL(url)), TypeError);
	assert.equal(pay(policy, 6), false);
	server.close();
});

test('a watch goes on though those that it tells fail', async (t) => {
	const alive = setInterval(() => {}, 1000);
	t.after(() => clearInterval(alive));
	const events = new EventEmitter();
	const warned = [];
	const listen = ({ message }) => warned.push(message);
	process.on('warning', listen);
	t.after(() => process.off('warning', listen));
	writeFileSync(file, moduleOf(most(5)));
	const policy = await Policy.load(file);
	const fails = (name) => () => {
		events.emit(name);
		throw new Error('no');
	};
	const watched = await policy.watch(file, { interval: 5, onReload: fails('reload'), onError: fails('bad') });
	t.after(() => watched.close());
	const written = async (bytes, name) => {
		writeFileSync(`${file}.new`, bytes);
		const told = once(events, name);
		renameSync(`${file}.new`, file);
		await told;
	};
	await written(moduleOf(most(10)), 'reload');
	await written('\0asm and no more', 'bad');
	await written(moduleOf(most(20)), 'reload');
	assert.deepEqual([pay(policy, 20), pay(policy, 21)], [true, false]);
	while (warned.length < 3) await once(process, 'warning');
	const of = (name) => `\`${name}\` failed; the file is still followed`;
	assert.deepEqual(warned, [of('onReload'), of('onError'), of('onReload')]);
});

test('text is compiled where there is native code, and is said to need it where there is none', async () => {
	const text = JSON.stringify(most(5));
	if (isPortable) {
		for (const attempt of [async () => Policy.compile(text), () => Policy.load(Buffer.from(text))]) {
			await assert.rejects(
				attempt,
				(error) => error instanceof PolicyError && /native package.*npx perso compile/.test(error.message),
			);
		}
		return;
	}
	assert.deepEqual([pay(Policy.compile(text), 5), pay(await Policy.load(Buffer.from(text)), 6)], [true, false]);
	assert.throws(
		() => Policy.compile('{ "perso": 1, "rules": [{ "id": "a", "alow": "x" }] }'),
		(error) => {
			assert.ok(error instanceof PolicyError);
			assert.match(error.message, /alow/);
			const [first] = error.diagnostics;
			assert.deepEqual([first.severity, first.line], ['error', 1]);
			return true;
		},
	);
	assert.throws(() => Policy.compile({ perso: 1 }), TypeError);
	assert.throws(() => Policy.compile('{ "perso": 1, "description": "\ud800", "rules": [] }'), PolicyError);
	const marked = `\ufeff${text}`;
	assert.throws(() => Policy.compile(marked), PolicyError);
	await assert.rejects(Policy.load(Buffer.from(marked)), PolicyError);
	const warned = once(process, 'warning');
	Policy.compile('{ "perso": 1, "default": "allow", "rules": [] }');
	assert.equal((await warned)[0].name, 'PolicyWarning');
});

test('bytes that threads share are read all the same', async () => {
	const policy = await compiled(DESK);
	const text = Buffer.from('{"tool": "view_customer"}');
	const shared = new Uint8Array(new SharedArrayBuffer(text.length));
	shared.set(text);
	assert.equal(policy.decideJson(shared).allowed, true);
	shared.fill(0);
	assert.equal(policy.decideJson(shared).cause.kind, 'malformed');
});

test('CommonJS has the same', async () => {
	const require = createRequire(import.meta.url);
	assert.equal(require('perso').Policy, Policy);
	assert.equal(typeof require('perso/mcp').guard, 'function');
});

test('the package has what its exports name', () => {
	const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
	const files = JSON.stringify(exports).match(/(?<=")\.\/[^"]*\.(js|ts|json)(?=")/g);
	assert.ok(files.length > 10);
	for (const file of files) assert.ok(readFileSync(new URL(`../../${file}`, import.meta.url)).length > 0, file);
});
