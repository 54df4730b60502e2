// Tests the kit in Node, with the corpus and more. `PERSO_CORPUS` is the folder that `make hosts` writes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Policy } from './perso.mjs';

const folder = process.env.PERSO_CORPUS;
const read = (file) => readFileSync(join(folder, file));
const { modules } = JSON.parse(read('corpus.json'));
const module = read('policies-support-desk.tests.wasm');
const call = '{"tool": "view_customer", "agent": {"roles": ["agent"]}}';
const parts = (bits) => ['args', 'agent', 'resource', 'context', 'session'].filter((_, part) => bits & (1 << part));

/** A module with other bytes before the hash, and the matching hash. */
function rehashed(bytes) {
	const [body, header] = [bytes.subarray(0, -47), bytes.subarray(-47, -32)];
	return Buffer.concat([body, header, createHash('sha256').update(body).digest()]);
}

/** Makes a section of a module. */
const section = (id, ...bytes) => [id, bytes.length, ...bytes];

test('every case of the corpus', async () => {
	let judged = 0;
	for (const { module, cases } of modules) {
		const policy = await Policy.load(read(module));
		for (const { name, text, hex, unknown, decision } of cases) {
			const states = { open: parts(unknown), withheld: parts(unknown >> 8) };
			const bytes = Buffer.from(text ?? hex, text === undefined ? 'hex' : 'utf8');
			assert.deepEqual(policy.decide(bytes, states), decision, `${module}: ${name}`);
			if (text !== undefined) assert.deepEqual(policy.decide(text, states), decision, `${module}: ${name}`);
			judged += 1;
		}
	}
	assert.ok(judged > 2000);
});

test('a decision is plain, and calls leave nothing behind', async () => {
	const policy = await Policy.load(module);
	const reason = 'Agents may view and update customers.';
	const expected = { decision: 'allow', rule: 'view', reason, hint: null, cause: { kind: 'rule' } };
	for (let time = 0; time < 3; time += 1) {
		assert.deepEqual(policy.decide(call), expected);
		assert.equal(policy.decide(' ').decision, 'deny');
	}
});

test('bytes in every form load, and a compiled module does', async () => {
	const copy = new Uint8Array(module);
	for (const source of [module, copy, copy.buffer, await WebAssembly.compile(module)]) {
		assert.equal((await Policy.load(source)).decide(call).decision, 'allow');
	}
});

test('what is no undamaged policy does not load', async () => {
	const flipped = (at) => {
		const bytes = Buffer.from(module);
		bytes[bytes.length + at] ^= 1;
		return bytes;
	};
	await assert.rejects(Policy.load(flipped(-60)), /damaged/);
	await assert.rejects(Policy.load(flipped(-1)), /damaged/);
	await assert.rejects(Policy.load(module.subarray(0, -47)), /damaged/);
	await assert.rejects(Policy.load(module.subarray(0, -1)), WebAssembly.CompileError);
	await assert.rejects(Policy.load(Buffer.from('{}')), WebAssembly.CompileError);
	await assert.rejects(Policy.load(undefined), WebAssembly.CompileError);
	const other = rehashed(Buffer.from(module.toString('latin1').replace('"abi":4,', '"abi":3,'), 'latin1'));
	await assert.rejects(Policy.load(other), /ABI 3, not 4: compile the policy again/);
	// A function type, an import of that type, and a manifest.
	const manifest = Buffer.from('{"abi":4,"rules":[],"attributes":[]}');
	const sections = [
		...section(1, 1, 0x60, 0, 0),
		...section(2, 1, 1, 0x61, 1, 0x61, 0, 0),
		...section(0, 5, ...Buffer.from('perso'), ...manifest),
	];
	const importing = Buffer.concat([module.subarray(0, 8), Buffer.from(sections), module.subarray(-47)]);
	await assert.rejects(Policy.load(rehashed(importing)), /Imports/);
});

test('what a policy covers fits its ABI', async () => {
	const bytes = read(modules.find(({ module }) => module.includes('covers')).module);
	const { covers } = await Policy.load(bytes);
	assert.deepEqual(covers, ['tools', 'resources', 'prompts']);
	assert.deepEqual((await Policy.load(module)).covers, ['tools']);
	// A host of ABI 4 would let prompts pass.
	const older = rehashed(Buffer.from(bytes.toString('latin1').replace('"abi":5,', '"abi":4,'), 'latin1'));
	await assert.rejects(Policy.load(older), /ABI 4, not 5/);
	const newer = rehashed(Buffer.from(module.toString('latin1').replace('"abi":4,', '"abi":5,'), 'latin1'));
	await assert.rejects(Policy.load(newer), /ABI 5, not 4/);
	const later = rehashed(Buffer.from(bytes.toString('latin1').replace('"prompts"]', '"widgets"]'), 'latin1'));
	await assert.rejects(Policy.load(later), /too new for this kit/);
});

test('what is no text is denied', async () => {
	const policy = await Policy.load(module);
	policy.decide(call);
	const values = [undefined, null, 5, true, {}, [], [call], Symbol('call'), () => call];
	const texts = [new String(call), { toString: () => call }];
	// Nothing is copied from these, so the text of the previous call must not be judged again.
	const buffer = new ArrayBuffer(call.length);
	const empty = [buffer, new DataView(buffer), { byteLength: call.length }, { length: call.length }];
	for (const odd of [...values, ...texts, ...empty]) {
		const { decision, cause } = policy.decide(odd);
		assert.deepEqual([decision, cause.kind], ['deny', 'malformed'], typeof odd);
	}
	assert.equal(policy.decide(call).decision, 'allow');
});

test('half a surrogate pair is no UTF-8', async () => {
	const policy = await Policy.load(module);
	for (const half of ['\ud800', '\udc00', '\udc00\ud800']) {
		const { decision, cause } = policy.decide(call.replace('view', half));
		assert.deepEqual([decision, cause.kind, cause.detail], ['deny', 'malformed', 'not UTF-8']);
	}
	const pair = JSON.stringify({ ...JSON.parse(call), args: { customer_id: '\u{1f600}' } });
	assert.equal(policy.decide(pair).decision, 'allow');
});

test('a part that there is not is never overlooked', async () => {
	const policy = await Policy.load(module);
	const odd = ['arg', 'constructor', '__proto__', '', 4, null, Symbol('part')];
	for (const unknown of [...odd.map((part) => ({ open: [part] })), ...odd.map((part) => ({ withheld: [part] }))]) {
		assert.equal(policy.decide(call, unknown).cause.kind, 'engine');
	}
	for (const unknown of [{ open: 'args' }, { open: 5 }, { withheld: null }, { open: ['args'], withheld: ['args'] }]) {
		assert.equal(policy.decide(call, unknown).cause.kind, 'engine');
	}
	for (const unknown of [undefined, null, {}, { open: [], withheld: [] }, { open: ['args'], withheld: ['resource'] }]) {
		assert.equal(policy.decide(call, unknown).decision, 'allow');
	}
});

test('large calls are judged up to the limit', async () => {
	const policy = await Policy.load(module);
	const padded = (length) => call.padEnd(length);
	const bytes = (text) => new TextEncoder().encode(text);
	for (const length of [4095, 4096, 4097, 1 << 16, 1 << 20]) {
		assert.equal(policy.decide(padded(length)).decision, 'allow');
		assert.equal(policy.decide(bytes(padded(length))).decision, 'allow');
	}
	for (const length of [(1 << 20) + 1, 100_000_000]) {
		const { cause } = policy.decide(padded(length));
		assert.deepEqual(cause, { kind: 'limit', detail: 'more than 1048576 bytes', offset: 1 << 20 });
		assert.deepEqual(policy.decide(bytes(padded(length))).cause, cause);
	}
	// Three bytes per character.
	const wide = JSON.stringify({ ...JSON.parse(call), args: { customer_id: '\u20ac'.repeat(349_000) } });
	assert.equal(policy.decide(wide).decision, 'allow');
	assert.equal(policy.decide(wide.replace('\u20ac', '\u20ac'.repeat(600))).cause.kind, 'limit');
});

test('an instance that has grown large is dropped', async () => {
	const policy = await Policy.load(module);
	const large = call.padEnd(1 << 20);
	const { Instance } = WebAssembly;
	let started = 0;
	WebAssembly.Instance = class extends Instance {
		constructor(module) {
			super(module);
			started += 1;
		}
	};
	try {
		for (const text of [call, large, call, call, large, large, call]) {
			assert.equal(policy.decide(text).decision, 'allow');
		}
	} finally {
		WebAssembly.Instance = Instance;
	}
	assert.equal(started, 3);
});

test('a reason is given to the letter', async () => {
	const text = module.toString('latin1');
	const mark = Buffer.from('\ufeff').toString('latin1');
	const reason = 'Agents may view and update customers.';
	const changed = rehashed(Buffer.from(text.replaceAll(reason, mark + reason.slice(3)), 'latin1'));
	assert.equal((await Policy.load(changed)).decide(call).reason, '\ufeff' + reason.slice(3));
});
