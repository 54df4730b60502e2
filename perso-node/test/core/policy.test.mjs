// Loading, reloading and watching policies, and what comes out of them.

import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { LoadError, Policy, PolicyError } from 'perso';
import { AGENT, DESK, compiled, isPortable, moduleOf } from '../support/policies.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perso-'));
after(() => rmSync(folder, { recursive: true }));

const most = (amount) => ({ perso: 1, rules: [{ id: `most-${amount}`, allow: 'pay', when: { 'args.amount': { lte: amount } } }] });
const pay = (policy, amount) => policy.decide({ tool: 'pay', args: { amount } }).allowed;
const file = join(folder, 'policy.wasm');

test('a decision is the record of docs/decision.md, and `allowed`', async () => {
	const policy = await compiled(DESK);
	assert.deepEqual(policy.decide({ tool: 'process_refund', args: { amount: 800 }, agent: AGENT }), {
		allowed: false,
		decision: 'deny',
		rule: null,
		reason: 'Agents may refund up to $500.',
		cause: { kind: 'no_rule', rule: 'refund', attribute: 'args.amount', problem: 'value' },
	});
	const allowed = policy.decide({ tool: 'process_refund', args: { amount: 8 }, agent: AGENT });
	assert.deepEqual([allowed.allowed, allowed.decision, allowed.rule, allowed.cause], [true, 'allow', 'refund', { kind: 'rule' }]);
	assert.ok(Object.isFrozen(allowed) && Object.isFrozen(allowed.cause), 'calls may share it');
	assert.deepEqual(policy.decideJson('{'), {
		allowed: false,
		decision: 'deny',
		rule: null,
		reason: 'the call can not be read',
		cause: { kind: 'malformed', detail: 'the text ends before the call does', offset: 1 },
	});
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

test('which tools to show, and whether a resource is needed', async () => {
	const policy = await compiled(DESK);
	const shows = (agent) => ['view_customer', 'process_refund', 'delete_record', 'dump_secrets', 'nothing']
		.filter((tool) => policy.couldAllow({ tool, agent }));
	assert.deepEqual(shows(undefined), ['view_customer']);
	assert.deepEqual(shows(AGENT), ['view_customer', 'process_refund']);
	assert.deepEqual(shows({ id: 'm', roles: ['manager'] }), ['view_customer', 'delete_record']);
	assert.equal(policy.needsResource({ tool: 'delete_record', agent: { id: 'm', roles: ['manager'] } }), true);
	assert.equal(policy.needsResource({ tool: 'delete_record', agent: AGENT }), false);
	assert.equal(policy.needsResource({ tool: 'view_customer', agent: AGENT }), false);
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
	for (const source of [file, pathToFileURL(file), module, bytes, bytes.buffer, `${url}/policy.wasm`, new URL(`${url}/policy.wasm`), await WebAssembly.compile(module)]) {
		const policy = await Policy.load(source);
		assert.deepEqual([pay(policy, 5), pay(policy, 6)], [true, false]);
		if (!(source instanceof WebAssembly.Module)) assert.deepEqual(Buffer.from(policy.module), module);
	}
	await assert.rejects(Policy.load(`${url}/other`), LoadError);
	server.close();
	await assert.rejects(Policy.load(join(folder, 'none')), { code: 'ENOENT' });
	for (const source of [undefined, null, 5, {}, []]) await assert.rejects(Policy.load(source), TypeError);
});

test('what was loaded does not change with its bytes', async () => {
	const bytes = new Uint8Array(moduleOf(most(5)));
	const policy = await Policy.load(bytes);
	bytes.fill(0);
	assert.deepEqual([pay(policy, 5), pay(policy, 6)], [true, false]);
});

test('damaged modules do not load', async () => {
	const module = moduleOf(most(5));
	for (const bytes of [module.subarray(0, 100), module.subarray(0, -1), Buffer.concat([module, Buffer.from([0])]), module.subarray(0, 8)]) {
		await assert.rejects(Policy.load(bytes), LoadError);
	}
	for (let at = 8; at < module.length; at += 997) {
		const flipped = Buffer.from(module);
		flipped[at] ^= 1;
		await assert.rejects(Policy.load(flipped), LoadError, `byte ${at}`);
	}
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

test('watch follows a file', async (t) => {
	// A watch keeps no process alive.
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
	assert.match(error.message, /does not load, and the policy before stays in force/);
	assert.deepEqual([pay(policy, 10), pay(policy, 11)], [true, false]);
	next = once(events, 'reload');
	written(moduleOf(most(20)));
	await next;
	assert.deepEqual([pay(policy, 20), pay(policy, 21)], [true, false]);
	watched.close();
	await assert.rejects(policy.watch(join(folder, 'none')), { code: 'ENOENT' });
	const ended = new AbortController();
	ended.abort();
	const closed = await policy.watch(file, { interval: 1, signal: ended.signal });
	closed.close();
});

test('text is compiled where there is native code, and is said to need it where there is none', async () => {
	const text = JSON.stringify(most(5));
	if (isPortable) {
		for (const attempt of [async () => Policy.compile(text), () => Policy.load(Buffer.from(text))]) {
			await assert.rejects(attempt, (error) => error instanceof PolicyError && /native package.*npx perso compile/.test(error.message));
		}
		return;
	}
	assert.deepEqual([pay(Policy.compile(text), 5), pay(await Policy.load(Buffer.from(text)), 6)], [true, false]);
	assert.throws(() => Policy.compile('{ "perso": 1, "rules": [{ "id": "a", "alow": "x" }] }'), (error) => {
		assert.ok(error instanceof PolicyError);
		assert.match(error.message, /alow/);
		const [first] = error.diagnostics;
		assert.deepEqual([first.severity, first.line], ['error', 1]);
		return true;
	});
	assert.throws(() => Policy.compile({ perso: 1 }), TypeError);
	const warned = once(process, 'warning');
	Policy.compile('{ "perso": 1, "default": "allow", "rules": [] }');
	assert.equal((await warned)[0].name, 'PolicyWarning');
});

test('CommonJS has the same', async () => {
	const require = createRequire(import.meta.url);
	assert.equal(require('perso').Policy, Policy);
	assert.equal(typeof require('perso/mcp').guard, 'function');
});

test('the package has what its exports name', () => {
	const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
	const files = JSON.stringify(exports).match(/\.\/[^"]*\.(js|ts|json)/g);
	assert.ok(files.length > 10);
	for (const file of files) assert.ok(readFileSync(new URL(`../../${file}`, import.meta.url)).length > 0, file);
});
