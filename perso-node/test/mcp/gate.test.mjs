// The gate of a transport, message by message: hosts and clients that behave differently from the SDKs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { channel } from 'node:diagnostics_channel';
import { META } from 'perso';
import { guard, guardTransport } from 'perso/mcp';
import { ASKED, ASKS, asksAPerson, LISTED } from '../support/asks.mjs';
import { AGENT, DESK, MANAGER, compiled } from '../support/policies.mjs';

const policy = await compiled(DESK);

/** A transport whose client side the test controls. */
class Fake {
	sent = [];
	waiting = [];
	async start() {}
	async close() {
		this.onclose?.();
	}
	async send(message, options) {
		this.sent.push({ message, options });
		for (const tell of this.waiting.splice(0)) tell();
	}
	/** Waits for the next message to the client. */
	async next() {
		while (this.sent.length === 0) await new Promise((tell) => this.waiting.push(tell));
		return this.sent.shift().message;
	}
	says(message, extra) {
		this.onmessage(message, extra);
	}
}

/** A guarded transport with a server that records what it gets. */
function desk(settings = { agent: AGENT }, transport = new Fake(), rules = policy) {
	guardTransport(transport, rules, settings);
	const got = [];
	transport.onmessage = (message) => got.push(message);
	return { transport, got };
}

/** Lets the server answer the last message that it got. */
const answers = ({ transport, got }, answer) => transport.send({ jsonrpc: '2.0', id: got.at(-1).id, ...answer });

let id = 0;
const call = (name, args, more) => ({ jsonrpc: '2.0', id: (id += 1), method: 'tools/call', params: { name, arguments: args, ...more } });
const small = () => call('process_refund', { amount: 5 });
const large = () => call('process_refund', { amount: 800 });
const list = (more) => ({ jsonrpc: '2.0', id: (id += 1), method: 'tools/list', ...more });
const tools = (...names) => names.map((name) => ({ name, inputSchema: { type: 'object' } }));
const ALL = tools('view_customer', 'process_refund', 'delete_record', 'dump_secrets');
const names = ({ result }) => result.tools.map(({ name }) => name);
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('an allowed call goes on at once, a denied one never', async () => {
	const { transport, got } = desk();
	const [allowed, denied] = [small(), large()];
	transport.says(allowed);
	assert.deepEqual(got, [allowed]);
	transport.says(denied);
	assert.equal(transport.sent.length, 0, 'the answer waits until the transport has handed the message over');
	const answer = await transport.next();
	assert.deepEqual(answer, {
		jsonrpc: '2.0',
		id: denied.id,
		result: {
			content: [{ type: 'text', text: 'Agents may refund up to $500.' }],
			isError: true,
			_meta: { [META]: { decision: 'deny', rule: 'refund', hint: null, decision_id: answer.result._meta[META].decision_id } },
		},
	});
	assert.deepEqual(got, [allowed]);
});

test('a call that needs the approval of a person does not go on, and its tool is listed', async () => {
	const asks = await compiled(ASKS);
	for (const agent of [AGENT, async () => AGENT]) {
		const events = [];
		const { transport, got } = desk({ agent, onDecision: (event) => events.push(event) }, new Fake(), asks);
		const asked = async (tool, args) => {
			transport.says(call(tool, args));
			while (transport.sent.length === 0 && got.length === 0) await settled();
			if (got.length > 0) return {};
			const { result } = await transport.next();
			assert.equal(result.isError, true);
			return { text: result.content[0].text, meta: result._meta };
		};
		await asksAPerson(asked, got);
		assert.deepEqual(
			events.slice(0, -1).map(({ rule, decision }) => [decision.decision, rule, decision.hint, decision.message]),
			ASKED.map(({ decision, rule, hint, text }) => [decision, rule, hint, text]),
		);
		transport.says(list());
		await answers({ transport, got }, { result: { tools: ALL } });
		assert.deepEqual(names(await transport.next()).sort(), LISTED);
	}
});

test('a call that needs the approval of a person, as a task, and as a task that goes on', async () => {
	const asks = await compiled(ASKS);
	let agent = AGENT;
	const { transport, got } = desk({ agent: () => agent }, new Fake(), asks);
	for (const { tool, args, decision, rule, hint, text } of ASKED) {
		transport.says(call(tool, args, { task: { ttl: 1000 } }));
		const { error } = await transport.next();
		assert.deepEqual([error.code, error.message], [-32000, text]);
		assert.deepEqual(error.data[META], { decision, rule, hint, decision_id: error.data[META].decision_id });
	}
	assert.deepEqual(got, []);
	// The call was allowed, but needs an approval now.
	agent = { ...MANAGER, roles: ['manager'] };
	const owned = { agent: () => agent, resource: () => ({ owner_id: 'mgr-001' }) };
	const later = desk(owned, new Fake(), asks);
	later.transport.says(call('delete_record', { record_id: '1' }));
	await answers(later, { result: { resultType: 'task', taskId: 'a task' } });
	await later.transport.next();
	const update = () => ({ jsonrpc: '2.0', id: (id += 1), method: 'tasks/update', params: { taskId: 'a task', inputResponses: {} } });
	later.transport.says(update());
	assert.equal(later.got.length, 2);
	agent = MANAGER;
	later.transport.says(update());
	const { error } = await later.transport.next();
	const deleting = ASKED.find(({ tool }) => tool === 'delete_record');
	assert.deepEqual([later.got.length, error.message, error.data[META].decision], [2, deleting.text, 'ask']);
});

test('observing lets a call pass that needs the approval of a person', async () => {
	const events = [];
	const asks = await compiled(ASKS);
	const { transport, got } = desk({ agent: AGENT, mode: 'observe', onDecision: (event) => events.push(event) }, new Fake(), asks);
	for (const { tool, args } of ASKED) transport.says(call(tool, args));
	assert.equal(got.length, ASKED.length);
	assert.deepEqual(
		events.map(({ decision, enforced }) => [decision.decision, enforced]),
		ASKED.map(({ decision }) => [decision, false]),
	);
});

test('the answer of a denial goes where the request came from', async () => {
	const { transport } = desk();
	const denied = large();
	transport.says(denied);
	await settled();
	assert.deepEqual(transport.sent[0].options, { relatedRequestId: denied.id });
});

test('what is judged is what runs', () => {
	const { transport, got } = desk();
	let reads = 0;
	const lying = {
		get amount() {
			return (reads += 1) === 1 ? 5 : 9999;
		},
	};
	transport.says(call('process_refund', lying));
	const args = { amount: 5, more: { list: [1] } };
	const message = call('process_refund', args);
	transport.says(message);
	args.amount = 9999;
	args.more.list.push(2);
	message.params.name = 'dump_secrets';
	message.method = 'ping';
	transport.says(
		new Proxy(small(), {
			get: (of, key) =>
				key === 'params' ? { name: (reads += 1) === 2 ? 'process_refund' : 'dump_secrets', arguments: { amount: 5 } } : of[key],
		}),
	);
	assert.deepEqual(
		got.map(({ method, params }) => [method, params.name, params.arguments]),
		[
			['tools/call', 'process_refund', { amount: 5 }],
			['tools/call', 'process_refund', { amount: 5, more: { list: [1] } }],
			['tools/call', 'process_refund', { amount: 5 }],
		],
	);
	assert.equal(reads, 2);
});

test('a key `__proto__` in arguments stays a key', () => {
	const { transport, got } = desk();
	transport.says(call('process_refund', JSON.parse('{"amount": 5, "__proto__": {"amount": 800}}')));
	assert.equal(JSON.stringify(got[0].params.arguments), '{"amount":5,"__proto__":{"amount":800}}');
	assert.equal(Object.getPrototypeOf(got[0].params.arguments), Object.prototype);
});

test('arguments that are none, and absent ones', async () => {
	const { transport, got } = desk();
	for (const args of [
		[{ amount: 5 }],
		'amount',
		5,
		true,
		() => 5,
		new (class Refund {
			amount = 5;
		})(),
	]) {
		transport.says(call('process_refund', args));
		assert.equal((await transport.next()).result.isError, true, String(args));
	}
	assert.deepEqual(got, []);
	transport.says(call('view_customer', null));
	const absent = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'view_customer' } };
	transport.says(absent);
	assert.deepEqual(
		got.map(({ params }) => params),
		[{ name: 'view_customer', arguments: null }, { name: 'view_customer' }],
	);
});

test('identity comes from the host alone', async () => {
	const { transport, got } = desk({ agent: ({ authInfo }) => authInfo?.extra });
	const claims = { roles: ['admin', 'agent', 'manager'] };
	transport.says(
		{
			...call(
				'process_refund',
				{ amount: 5, roles: ['agent'], agent: claims },
				{ agent: claims, _meta: { agent: claims, roles: ['agent'] } },
			),
			agent: claims,
		},
		{ requestInfo: { headers: { roles: 'agent', 'x-roles': 'agent' } } },
	);
	assert.equal((await transport.next()).result.content[0].text, 'Agents may refund up to $500.');
	transport.says(small(), { authInfo: { extra: { roles: ['agent'] } } });
	assert.equal(got.length, 1);
	for (const roles of ['agent', ['Agent'], ['agent '], [], [['agent']], { 0: 'agent' }, null, ['nobody']]) {
		transport.says(small(), { authInfo: { extra: { roles } } });
		assert.equal((await transport.next()).result.isError, true, JSON.stringify(roles));
	}
	assert.equal(got.length, 1);
});

test('an agent that fails denies, and the cause is told to the host', async () => {
	const failure = new Error('no session');
	for (const agent of [
		() => {
			throw failure;
		},
		async () => {
			throw failure;
		},
		() => Promise.reject(failure),
	]) {
		const events = [];
		const { transport, got } = desk({ agent, onDecision: (event) => events.push(event) });
		transport.says(call('view_customer', {}));
		const { result } = await transport.next();
		assert.deepEqual([result.isError, result.content[0].text], [true, 'the call cannot be judged']);
		assert.deepEqual([got.length, events[0].failure, events[0].decision.cause.detail], [0, failure, 'it is not known who calls']);
		transport.says(list());
		await answers({ transport, got }, { result: { tools: ALL } });
		assert.deepEqual(names(await transport.next()), []);
	}
});

test('an async agent, and calls that wait', async () => {
	const { transport, got } = desk({ agent: async ({ authInfo }) => (await settled(), authInfo.extra) });
	transport.says(large(), { authInfo: { extra: AGENT } });
	const allowed = small();
	transport.says(allowed, { authInfo: { extra: AGENT } });
	transport.says(small(), { authInfo: { extra: {} } });
	assert.deepEqual(got, []);
	await transport.next();
	await transport.next();
	assert.deepEqual(got, [allowed]);
});

test('a call that is cancelled while it is judged does not run', async () => {
	let answer;
	const { transport, got } = desk({ agent: () => new Promise((resolve) => (answer = resolve)) });
	const cancelled = small();
	transport.says(cancelled);
	transport.says({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: cancelled.id } });
	answer(AGENT);
	await settled();
	assert.deepEqual(
		got.map(({ method }) => method),
		['notifications/cancelled'],
	);
	assert.deepEqual(transport.sent, []);
	// The id can be reused.
	transport.says(cancelled);
	answer(AGENT);
	await settled();
	assert.equal(got.length, 2);
});

test('a call whose transport is closed while it is judged does not run', async () => {
	let answer;
	const { transport, got } = desk({ agent: () => new Promise((resolve) => (answer = resolve)) });
	let closed = 0;
	transport.onclose = () => (closed += 1);
	transport.says(small());
	await transport.close();
	answer(AGENT);
	await settled();
	assert.deepEqual([got, transport.sent, closed], [[], [], 1]);
});

test('resources are asked for where they matter, for at most a while', async () => {
	const asked = [];
	const settings = {
		agent: MANAGER,
		resourceTime: 20,
		resource: ({ tool, args, agent }) => {
			asked.push([tool, agent.id]);
			args.record_id += ', changed';
			if (args.record_id.startsWith('late')) return new Promise(() => {});
			if (args.record_id.startsWith('fails')) throw new Error('no such record');
			return { owner_id: args.record_id.startsWith('own') ? 'mgr-001' : 'somebody' };
		},
	};
	const { transport, got } = desk(settings);
	const own = call('delete_record', { record_id: 'own' });
	transport.says(own);
	assert.deepEqual(got, [own], 'the copy that was told is not what runs');
	for (const record_id of ['other', 'late', 'fails']) {
		transport.says(call('delete_record', { record_id }));
		assert.equal((await transport.next()).result.content[0].text, 'Managers may delete records they own.', record_id);
	}
	transport.says(call('view_customer', {}));
	transport.says(large());
	await transport.next();
	assert.equal(got.length, 2);
	assert.deepEqual(asked, Array(4).fill(['delete_record', 'mgr-001']));
});

test('other spellings of methods about tools are refused', async () => {
	const { transport, got } = desk();
	for (const method of [
		'Tools/call',
		'TOOLS/CALL',
		' tools/call',
		'tools/call ',
		'tools/call\0',
		'tool\u017f/call',
		'tools/invoke',
		'tools\u200b/call',
		'\ufeff tools/call',
		'tools/',
		'\uff54ools/call',
	]) {
		transport.says({ ...small(), method });
		assert.deepEqual((await transport.next()).error, { code: -32601, message: 'Method not found' }, method);
		transport.says({ jsonrpc: '2.0', method, params: small().params });
	}
	await settled();
	assert.deepEqual([got, transport.sent], [[], []]);
});

test('calls that nobody could answer, or that name no tool, do not run', async () => {
	const { transport, got } = desk();
	const { params } = small();
	transport.says({ jsonrpc: '2.0', method: 'tools/call', params });
	for (const id of [null, {}, [], true, undefined]) transport.says({ jsonrpc: '2.0', id, method: 'tools/call', params });
	await settled();
	assert.deepEqual(transport.sent, []);
	for (const params of [
		undefined,
		null,
		[],
		'x',
		{},
		{ name: 1 },
		{ name: null },
		{ name: ['process_refund'] },
		{ name: { toString: () => 'process_refund' } },
		{ Name: 'process_refund' },
	]) {
		transport.says({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
		assert.equal((await transport.next()).error.code, -32602, JSON.stringify(params));
	}
	const fails = () => {
		throw new Error('no');
	};
	for (const message of [
		{
			get method() {
				return fails();
			},
		},
		new Proxy({}, { ownKeys: fails }),
		{
			...small(),
			get params() {
				return fails();
			},
		},
	]) {
		try {
			transport.says(message);
		} catch {
			assert.fail('the transport does not learn of it');
		}
	}
	await settled();
	assert.deepEqual([got, transport.sent], [[], []]);
});

test('names are judged to the letter', async () => {
	const { transport, got } = desk();
	for (const name of [
		'Process_refund',
		'process_refund ',
		' process_refund',
		'process\u200b_refund',
		'proce\u017f\u017f_refund',
		'',
		'process_refund\0',
		'x'.repeat(300),
	]) {
		transport.says(call(name, { amount: 5 }));
		assert.equal((await transport.next()).result.isError, true, name);
	}
	assert.deepEqual(got, []);
});

test('a batch is refused, and so is what is no object', async () => {
	const { transport, got } = desk();
	for (const message of [[], [small()], [{ jsonrpc: '2.0', id: 'p', method: 'ping' }, [small()]], null, 5, 'tools/call'])
		transport.says(message);
	await settled();
	assert.deepEqual([got, transport.sent], [[], []]);
});

test('each round of a call that asks back is judged, and so is a task', async () => {
	const { transport, got } = desk();
	transport.says(call('process_refund', { amount: 800 }, { inputResponses: { confirm: { action: 'accept' } }, requestState: 'x' }));
	assert.equal((await transport.next()).result.isError, true);
	const task = call('process_refund', { amount: 800 }, { task: { ttl: 1000 } });
	transport.says(task);
	const { error } = await transport.next();
	assert.deepEqual([error.code, error.message, error.data[META].rule], [-32000, 'Agents may refund up to $500.', 'refund']);
	assert.deepEqual(got, []);
	transport.says(call('process_refund', { amount: 5 }, { task: { ttl: 1000 } }));
	assert.deepEqual(got[0].params.task, { ttl: 1000 });
});

test('a result says that it is complete, from 2026-07-28 on', async () => {
	const { transport, got } = desk();
	for (const [revision, resultType] of [
		['2026-07-28', 'complete'],
		['2027-01-01', 'complete'],
		['2025-11-25', undefined],
		[5, undefined],
	]) {
		const _meta = { 'io.modelcontextprotocol/protocolVersion': revision };
		transport.says(call('process_refund', { amount: 800 }, { _meta }));
		assert.equal((await transport.next()).result.resultType, resultType);
		transport.says(list({ params: { _meta } }));
		await answers({ transport, got }, { result: { tools: ALL, cacheScope: 'public', ttlMs: 5 } });
		assert.equal((await transport.next()).result.cacheScope, resultType ? 'private' : 'public');
	}
});

test('lists have what their caller could call', async () => {
	const { transport, got } = desk({ agent: ({ authInfo }) => authInfo?.extra });
	for (const [extra, expected] of [
		[undefined, ['view_customer']],
		[AGENT, ['view_customer', 'process_refund']],
		[{ id: 'm', roles: ['manager'] }, ['view_customer', 'delete_record']],
	]) {
		transport.says(list(), { authInfo: { extra } });
		const result = { tools: ALL, nextCursor: '2', _meta: { more: 1 } };
		await answers({ transport, got }, { result });
		const answer = await transport.next();
		assert.deepEqual([answer.id, names(answer)], [id, expected]);
		assert.deepEqual([answer.result.nextCursor, answer.result._meta, result.tools.length], ['2', { more: 1 }, 4]);
	}
	transport.says(list(), {});
	await answers({ transport, got }, { result: { tools: [null, {}, { name: 1 }, 'x', ...ALL] } });
	assert.deepEqual(names(await transport.next()), ['view_customer']);
});

test('lists of several callers with one id show what all of them could call', async () => {
	const { transport, got } = desk({ agent: ({ authInfo }) => authInfo.extra });
	const request = list();
	transport.says(request, { authInfo: { extra: AGENT } });
	transport.says(request, { authInfo: { extra: { id: 'm', roles: ['manager'] } } });
	const [first, second] = got.map(({ id }) => ({ jsonrpc: '2.0', id, result: { tools: ALL } }));
	assert.notEqual(first.id, second.id);
	// The transport decides which of them gets an answer with their id.
	for (const response of [second, first]) {
		await transport.send(response);
		const answer = await transport.next();
		assert.deepEqual([answer.id, names(answer)], [request.id, ['view_customer']]);
	}
	transport.says(request, { authInfo: { extra: AGENT } });
	await answers({ transport, got }, { result: { tools: ALL } });
	assert.deepEqual(names(await transport.next()), ['view_customer', 'process_refund']);
	// The same id as a call.
	const asked = list();
	transport.says(asked, { authInfo: { extra: AGENT } });
	const own = got.at(-1).id;
	transport.says({ ...small(), id: asked.id }, { authInfo: { extra: AGENT } });
	await transport.send({ jsonrpc: '2.0', id: asked.id, error: { code: 1, message: 'no' } });
	assert.equal((await transport.next()).id, asked.id);
	await transport.send({ jsonrpc: '2.0', id: own, result: { tools: ALL } });
	assert.deepEqual(names(await transport.next()), ['view_customer', 'process_refund']);
	// A server that answers with an id that it was not given does not reveal more.
	transport.says(asked, { authInfo: { extra: AGENT } });
	await transport.send({ jsonrpc: '2.0', id: asked.id, result: { tools: ALL } });
	assert.deepEqual(names(await transport.next()), ['view_customer', 'process_refund']);
	// A batch of answers.
	transport.says(list(), { authInfo: { extra: AGENT } });
	await transport.send([
		{ jsonrpc: '2.0', id: 'p', result: {} },
		{ jsonrpc: '2.0', id: got.at(-1).id, result: { tools: ALL } },
	]);
	const [pong, listed] = await transport.next();
	assert.deepEqual([pong.id, listed.id, names(listed)], ['p', id, ['view_customer', 'process_refund']]);
});

test('a list that is cancelled is forgotten, and its answer comes to nobody', async () => {
	const { transport, got } = desk();
	const cancel = (requestId) => transport.says({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
	for (let count = 0; count < 70_000; count += 1) {
		transport.says(list());
		cancel(id);
	}
	assert.deepEqual(got.map(({ method }) => method).slice(0, 3), ['tools/list', 'notifications/cancelled', 'notifications/cancelled']);
	assert.deepEqual(got[2].params.requestId, got[0].id);
	const late = got.at(-3);
	assert.equal(late.method, 'tools/list');
	transport.says(list());
	await transport.send({ jsonrpc: '2.0', id: late.id, result: { tools: ALL } });
	await answers({ transport, got }, { result: { tools: ALL } });
	assert.deepEqual([transport.sent.length, names(await transport.next())], [1, ['view_customer', 'process_refund']]);
	// Messages related to it are dropped too; messages related to an open one get the client's id.
	transport.says(list());
	await transport.send({ jsonrpc: '2.0', method: 'notifications/message' }, { relatedRequestId: late.id });
	await transport.send({ jsonrpc: '2.0', method: 'notifications/message' }, { relatedRequestId: got.at(-1).id });
	assert.deepEqual(
		transport.sent.map(({ options }) => options),
		[{ relatedRequestId: id }],
	);
	// Clients must not use the guard's ids.
	transport.sent.length = 0;
	transport.says({ ...list(), id: late.id });
	assert.equal((await transport.next()).error.code, -32600);
});

test('70 000 calls that are cancelled leave room for others', async () => {
	const { transport, got } = desk();
	for (let count = 0; count < 70_000; count += 1) {
		transport.says(small());
		transport.says({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
	}
	assert.equal(got.length, 140_000);
	const ping = { jsonrpc: '2.0', id: 'p', method: 'ping' };
	const last = small();
	transport.says(ping);
	transport.says(last);
	await settled();
	assert.deepEqual([got.slice(-2), transport.sent], [[ping, last], []]);
});

test('calls whose host functions hang are bounded, denied with words, and let go', async () => {
	let hangs = true;
	const waiting = [];
	const resource = () => (hangs ? new Promise((resolve) => waiting.push(resolve)) : { owner_id: 'mgr-001' });
	const { transport, got } = desk({ agent: MANAGER, resource, resourceTime: 60_000 });
	const remove = () => call('delete_record', { record_id: '1' });
	for (let count = 0; count < 1024; count += 1) transport.says(remove());
	transport.says(remove());
	const { result } = await transport.next();
	assert.deepEqual(
		[result.isError, result.content[0].text],
		[true, 'too many calls are being judged: wait for some of them, and try again'],
	);
	assert.equal(waiting.length, 1024, 'the function is not asked any more');
	transport.says({ jsonrpc: '2.0', id: 'p', method: 'ping' });
	assert.equal(got.at(-1).method, 'ping');
	hangs = false;
	for (const resolve of waiting) resolve({ owner_id: 'mgr-001' });
	while (got.length < 1025) await settled();
	transport.says(remove());
	assert.deepEqual([got.length, transport.sent.length], [1026, 0]);
});

test('an agent function that hangs is not waited for any longer than `agentTime`', async () => {
	const events = [];
	const { transport, got } = desk({ agent: () => new Promise(() => {}), agentTime: 5, onDecision: (event) => events.push(event) });
	transport.says(call('view_customer', {}));
	assert.equal((await transport.next()).result.isError, true);
	assert.match(events[0].failure.message, /`agent` took more than 5 ms/);
	transport.says(list());
	await answers({ transport, got }, { result: { tools: ALL } });
	assert.deepEqual(names(await transport.next()), []);
});

test('too many lists that nobody answers are refused', async () => {
	const { transport, got } = desk();
	for (let count = 0; count < 4096; count += 1) transport.says(list());
	assert.equal(got.length, 4096);
	transport.says(list());
	assert.equal((await transport.next()).error.code, -32000);
	assert.equal(got.length, 4096);
	// Other messages are not refused, and a slot is free again after an answer.
	transport.says({ jsonrpc: '2.0', id: 'p', method: 'ping' });
	transport.says(small());
	assert.equal(got.length, 4098);
	await transport.send({ jsonrpc: '2.0', id: got[0].id, error: { code: 1, message: 'no' } });
	await transport.next();
	transport.says(list());
	assert.equal(got.length, 4099);
});

test('what is not about tools passes, either way', async () => {
	const { transport, got } = desk();
	const messages = [
		{ jsonrpc: '2.0', id: 1, method: 'ping' },
		{ jsonrpc: '2.0', id: 2, method: 'resources/read', params: { uri: 'a:b' } },
		{ jsonrpc: '2.0', method: 'notifications/initialized' },
		{ jsonrpc: '2.0', id: 3, result: { content: [] } },
		{ jsonrpc: '2.0', id: 4, error: { code: 1, message: 'x' } },
		{ jsonrpc: '2.0', id: 5, method: 'toolsmith/call' },
	];
	for (const message of messages) transport.says(message);
	assert.deepEqual(got, messages);
	for (const message of [
		{ jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: { tools: ALL } },
		{ jsonrpc: '2.0', id: 9, result: { tools: ALL } },
		{ jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
	]) {
		await transport.send(message);
		assert.deepEqual(await transport.next(), message);
	}
});

test('observing decides and records, and lets everything pass', async () => {
	const events = [];
	const { transport, got } = desk({ agent: AGENT, mode: 'observe', onDecision: (event) => events.push(event) });
	const all = [
		large(),
		call('dump_secrets', {}),
		call('process_refund', () => 5),
		{ ...small(), method: 'Tools/call' },
		[small()],
		5,
		list(),
	];
	for (const message of all) transport.says(message);
	assert.deepEqual(got, all);
	assert.deepEqual(
		events.map(({ decision, enforced }) => [decision.allowed, enforced]),
		Array(6).fill([false, false]),
	);
	await transport.send({ jsonrpc: '2.0', id, result: { tools: ALL } });
	assert.equal(names(await transport.next()).length, 4);
});

test('hosts learn of each decision, and say what the model reads', async () => {
	const events = [];
	const heard = [];
	const listen = (event) => heard.push(event);
	channel('perso:decision').subscribe(listen);
	const { transport, got } = desk({
		agent: AGENT,
		denial: ({ reason, id }) => `${reason} Ask a manager (${id}).`,
		onDecision: (event, args) => {
			events.push([event, structuredClone(args)]);
			args.amount = 9999;
		},
	});
	transport.says(small());
	transport.says(large());
	const { result } = await transport.next();
	channel('perso:decision').unsubscribe(listen);
	const [[allowed, args], [denied, more]] = events;
	assert.deepEqual([allowed.decision.allowed, allowed.rule, args], [true, 'refund', { amount: 5 }]);
	assert.deepEqual([denied.tool, denied.rule, denied.enforced, more], ['process_refund', 'refund', true, { amount: 800 }]);
	assert.equal(result.content[0].text, `Agents may refund up to $500. Ask a manager (${denied.id}).`);
	assert.deepEqual(got[0].params.arguments, { amount: 5 }, 'what a hook does changes nothing');
	assert.deepEqual(heard, [allowed, denied]);
	assert.ok(denied.duration >= 0 && allowed.id.slice(0, 13) <= denied.id.slice(0, 13));
});

test('hooks that fail change nothing', async () => {
	const warned = [];
	const listen = (warning) => warned.push(warning.message);
	process.on('warning', listen);
	const fails = () => {
		throw new Error('no');
	};
	const { transport, got } = desk({ agent: AGENT, denial: fails, onDecision: fails });
	transport.says(small());
	transport.says(large());
	const { result } = await transport.next();
	await settled();
	process.off('warning', listen);
	assert.deepEqual([got.length, result.content[0].text], [1, 'Agents may refund up to $500.']);
	assert.deepEqual([...new Set(warned)].sort(), ['`denial` failed; the decision stands', '`onDecision` failed; the decision stands']);
});

test('hooks that fail later change nothing', async () => {
	const warned = [];
	const listen = (warning) => warned.push(warning.message);
	process.on('warning', listen);
	const { transport, got } = desk({
		agent: AGENT,
		denial: async () => 'later',
		onDecision: async () => {
			throw new Error('no');
		},
	});
	transport.says(small());
	transport.says(large());
	const { result } = await transport.next();
	while (warned.length < 2) await settled();
	process.off('warning', listen);
	assert.deepEqual([got.length, result.content[0].text], [1, 'Agents may refund up to $500.']);
	assert.deepEqual([...new Set(warned)], ['`onDecision` failed; the decision stands']);
});

test('what `Object.prototype` was made to say is no setting', async () => {
	const { transport, got } = desk({});
	const { prototype } = Object;
	try {
		prototype.agent = AGENT;
		prototype.mode = 'observe';
		const later = desk({});
		for (const each of [transport, later.transport]) {
			each.says(small());
			assert.equal((await each.next()).result.isError, true);
		}
		assert.deepEqual([got, later.got], [[], []]);
	} finally {
		delete prototype.agent;
		delete prototype.mode;
	}
});

test('settings that cannot be meant', () => {
	for (const resourceTime of [0, -1, NaN, Infinity, 2 ** 31]) assert.throws(() => desk({ resourceTime }), RangeError);
	for (const settings of [{ agent: Promise.resolve(AGENT) }, { context: Promise.resolve({}) }])
		assert.throws(() => desk(settings), TypeError);
});

test('the policy may change between calls', async () => {
	const own = await compiled({ rules: [{ allow: 'pay', when: { 'args.amount': { lte: 5 } } }] });
	const transport = guardTransport(new Fake(), own);
	const got = [];
	transport.onmessage = (message) => got.push(message);
	transport.says(call('pay', { amount: 6 }));
	await transport.next();
	await own.reload((await compiled({ rules: [{ allow: 'pay', when: { 'args.amount': { lte: 6 } } }] })).module);
	transport.says(call('pay', { amount: 6 }));
	assert.equal(got.length, 1);
});

test('a transport is guarded however its handler is set', async () => {
	/** Like the Node transport of SDK 1.x: an accessor on the prototype that forwards to an inner transport. */
	class Outer {
		inner = new Fake();
		set onmessage(handler) {
			this.inner.onmessage = handler;
		}
		get onmessage() {
			return this.inner.onmessage;
		}
		start() {
			return this.inner.start();
		}
		send(message, options) {
			return this.inner.send(message, options);
		}
	}
	const outer = new Outer();
	const { got } = desk({ agent: AGENT }, outer);
	outer.inner.says(small());
	outer.inner.says(large());
	await outer.inner.next();
	assert.equal(got.length, 1);

	// Set before, and called by the handler that is set after it, as in both SDKs.
	const events = [];
	const transport = new Fake();
	const early = [];
	transport.onmessage = (message) => early.push(message);
	guardTransport(transport, policy, { agent: AGENT, onDecision: (event) => events.push(event) });
	const before = transport.onmessage;
	const late = [];
	transport.onmessage = (message, extra) => {
		before(message, extra);
		late.push(message);
	};
	transport.says(small());
	transport.says(large());
	await transport.next();
	assert.deepEqual([early.length, late.length, events.length], [1, 1, 2], 'each call is judged once');
	transport.onmessage = undefined;
	assert.equal(transport.onmessage, undefined);
});

test('a server is guarded before it is connected, and once by a policy', async () => {
	const server = {
		connect: async (transport) => {
			transport.onmessage = () => {};
		},
	};
	assert.equal(guard(server, policy), server);
	assert.throws(() => guard(server, policy), /guarded by this policy already/);
	assert.throws(() => guard({ connect: async () => {}, transport: {} }, policy), /connected already: guard it before/);
	for (const other of [undefined, null, {}, { server: {} }, 5]) assert.throws(() => guard(other, policy), TypeError);
	const transport = new Fake();
	await server.connect(transport);
	transport.says(large());
	assert.equal((await transport.next()).result.isError, true);
	for (const [settings, why] of [
		[{ mode: 'monitor' }, /`monitor` is no mode/],
		[{ agent: 'me' }, /`agent` must be/],
		[{ resource: {} }, /`resource` must be/],
		[{ context: 5 }, /`context` must be/],
		[{ agent: null }, /`agent` must be/],
	]) {
		assert.throws(() => guardTransport(new Fake(), policy, settings), why);
	}
	// With several policies, each must allow the call.
	const both = guardTransport(
		guardTransport(new Fake(), policy, { agent: AGENT }),
		await compiled({ rules: [{ allow: 'process_refund', when: { 'args.amount': { lte: 3 } } }] }),
	);
	const got = [];
	both.onmessage = (message) => got.push(message);
	both.says(call('process_refund', { amount: 3 }));
	both.says(small());
	both.says(large());
	await both.next();
	await both.next();
	assert.deepEqual(
		got.map(({ params }) => params.arguments.amount),
		[3],
	);
});

test('a handler between the guard and the server that changes what it hands on', async () => {
	const LARGE = { amount: 9000 };
	/** Handlers that change a call in place or make calls of their own. */
	const changes = {
		arguments: ({ params }) => void Object.assign(params.arguments, LARGE),
		name: ({ params }) => void (params.name = 'dump_secrets'),
		params: (message) => void (message.params = { name: 'process_refund', arguments: LARGE }),
		'a copy': (message) => ({ ...message, params: { name: 'process_refund', arguments: LARGE } }),
		'another prototype': ({ params }) => void Object.setPrototypeOf(params.arguments, LARGE),
	};
	for (const [what, change] of Object.entries(changes)) {
		const { transport, got } = desk();
		// Set after the server has set its handler, as tracing tools do.
		const server = transport.onmessage;
		transport.onmessage = (message, extra) => server(change(message) ?? message, extra);
		transport.says(small());
		await settled();
		assert.deepEqual([got.length, transport.sent.length], [0, 1], what);
		// An unchanged call is judged once and runs once.
		const events = [];
		const once = desk({ agent: AGENT, onDecision: (event) => events.push(event) });
		const behind = once.transport.onmessage;
		once.transport.onmessage = (message, extra) => behind(message, extra);
		const allowed = small();
		once.transport.says(allowed);
		once.transport.says(list());
		assert.deepEqual([once.got[0], once.got.length, events.length], [allowed, 2, 1]);
		await answers(once, { result: { tools: ALL } });
		assert.deepEqual(names(await once.transport.next()), ['view_customer', 'process_refund']);
	}
});

test('a handler that the server calls first cannot change what the server gets', async () => {
	const transport = new Fake();
	transport.onmessage = ({ params }) => Object.assign(params.arguments, { amount: 9000 });
	guardTransport(transport, policy, { agent: AGENT });
	const early = transport.onmessage;
	const got = [];
	// Set in the same way as in both SDKs.
	transport.onmessage = (message, extra) => {
		early(message, extra);
		got.push(message);
	};
	transport.says(small());
	assert.deepEqual(
		got.map(({ params }) => params.arguments),
		[{ amount: 5 }],
	);
});
