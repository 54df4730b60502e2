// Requests for prompts and resources that the policy covers, with both SDK versions, over each transport and in each era.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InMemoryTransport as Memory1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { InMemoryTransport as Memory2, McpServer as McpServer2, createMcpHandler } from '@modelcontextprotocol/server';
import { SkillsExtension, memorySkillFiles } from '@modelcontextprotocol/server/ext/skills';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { guard } from 'perso/mcp';
import { LINES, MODERN, envelope } from '../support/ask.mjs';
import { MESSAGES, SERVERS, more } from '../support/closed.mjs';
import { REASON, STAFF, seeing, useCovered } from '../support/covered.mjs';
import { behindPings, passing, request } from '../support/memory.mjs';
import { compiled } from '../support/policies.mjs';

for (const [line, servers] of Object.entries(SERVERS)) {
	for (const [name, make] of Object.entries(servers)) {
		describe(`${line}, ${name}`, () => {
			const done = [];
			const { seen, settings } = seeing();
			for (const [transport, connect] of Object.entries(LINES[line](() => guard(make(done), STAFF, settings)))) {
				test(transport, async () => {
					const { ask, close } = await connect();
					await useCovered(ask, done, seen, [...MESSAGES, ...more(name, transport)]);
					await close();
				});
			}
		});
	}
}

test('what a handler in front of the server’s makes of a message', async () => {
	for (const [line, Memory] of [
		['1.x', Memory1],
		['2.x', Memory2],
	]) {
		const done = [];
		const { seen, settings } = seeing();
		const { ask, close } = await behindPings(Memory, guard(SERVERS[line].Server(done), STAFF, settings));
		await useCovered(ask, done, seen, MESSAGES);
		await close();
	}
});

test('the skills of SDK 2.x are resources', async () => {
	const policy = await compiled({
		perso: 1,
		covers: ['resources'],
		rules: [{ id: 'look', allow: 'mcp:resources/read', when: { 'args.uri': { matches: 'skill://look/[A-Za-z.]+' } } }],
	});
	const text = (name) => `---\nname: ${name}\ndescription: What ${name} does.\n---\n`;
	const files = { 'look/SKILL.md': text('look'), 'pay/SKILL.md': text('pay') };
	const catalog = await SkillsExtension.load(memorySkillFiles(files));
	const make = (isGuarded) => () => {
		const server = new McpServer2({ name: 'skilled', version: '1.0.0' });
		catalog.attach(server);
		return isGuarded ? guard(server, policy) : server;
	};
	const uris = ['skill://look/SKILL.md', 'skill://pay/SKILL.md'];
	for (const isGuarded of [false, true]) {
		for (const [transport, connect] of Object.entries(LINES['2.x'](make(isGuarded)))) {
			const { ask, close } = await connect();
			const { result } = await ask(request('skills/list', {}, 's 1'));
			assert.deepEqual(
				result.skills.map(({ uri }) => uri),
				isGuarded ? [uris[0]] : uris,
				transport,
			);
			for (const [at, uri] of uris.entries()) {
				for (const method of ['skills/get', 'resources/read']) {
					const { result, error } = await ask(request(method, { uri }, `s ${method} ${at}`));
					assert.deepEqual(
						[result !== undefined, error?.code],
						isGuarded && at === 1 ? [false, -32000] : [true, undefined],
						transport,
					);
				}
			}
			await close();
		}
	}
});

test('what cannot be judged is refused', async () => {
	const { passed, answers, say, settled } = passing(STAFF, { agent: { roles: ['staff'] } });
	const refs = [
		undefined,
		'ref/prompt',
		{},
		{ type: 'ref/tool' },
		{ type: 'ref/prompt', name: 1 },
		{ type: 'Ref/Prompt', name: 'greet' },
	];
	const invalid = [
		...refs.map((ref) => ['completion/complete', { ref }]),
		['completion/complete', { ref: { type: 'ref/prompt', name: 'greet', NAME: 'other' } }],
		['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: () => {} }],
		['resources/read', undefined],
		['resources/read', { uri: ['note://one'] }],
		['resources/read', { uri: 'note://one', Uri: 'note://two' }],
		['prompts/get', { name: 5 }],
		['prompts/get', { name: 'greet', 'argument\u017f': {} }],
		['subscriptions/listen', { notifications: [] }],
		['subscriptions/listen', { notifications: { resourceSubscriptions: 'note://one' } }],
		['subscriptions/listen', { notifications: { resourceSubscriptions: [['note://one']] } }],
		['subscriptions/listen', { notifications: { RESOURCESUBSCRIPTIONS: ['note://one'] } }],
		['subscriptions/listen', { notifications: { resourceSubscriptions: Array(1025).fill('note://one') } }],
	];
	const unknown = [
		['resources/directory/read', { uri: 'note://one' }],
		['Resources/Read', { uri: 'note://one' }],
		['skills/activate', { uri: 'note://one' }],
		['prompts/render', { name: 'greet' }],
		['prompts\0/get', { name: 'greet' }],
		['Subscriptions/listen', { notifications: {} }],
	];
	const messages = [...invalid, ...unknown];
	for (const [at, [method, params]] of messages.entries()) say(request(method, params, at));
	for (const method of ['resources/read', 'prompts/list', 'prompts/render'])
		say({ jsonrpc: '2.0', method, params: { uri: 'note://one' } });
	await settled();
	assert.deepEqual(passed, []);
	assert.deepEqual(
		answers.map(({ id, error }) => [id, error.code]),
		messages.map((_, id) => [id, id < invalid.length ? -32602 : -32601]),
	);
});

test('what the policy does not cover passes as it was', async () => {
	const plain = await compiled({ perso: 1, rules: [{ id: 'all', allow: '*' }] });
	const { passed, say, settled } = passing(plain, {});
	const others = ['resources/read', 'prompts/get', 'resources/x'].map((method, id) => request(method, { uri: 1 }, id));
	for (const message of others) say(message);
	await settled();
	assert.deepEqual(passed, others);

	const prompts = await compiled({ perso: 1, covers: ['prompts'], rules: [{ id: 'all', allow: 'mcp:*' }] });
	const some = passing(prompts, {});
	const left = [request('resources/read', { uri: 1 }, 1), request('ping', { a: () => {} }, 2)];
	for (const message of left) some.say(message);
	some.say(request('prompts/get', { name: 1 }, 3));
	await some.settled();
	assert.deepEqual(some.passed, left);
});

test('a subscription is a request for each of its resources', async () => {
	const { seen, settings } = seeing();
	const { passed, answers, say, settled } = passing(STAFF, settings);
	const notifications = { toolsListChanged: true, resourceSubscriptions: ['note://one', 'page://7'] };
	const listen = request('subscriptions/listen', { notifications, _meta: envelope });
	for (const roles of [['guest'], ['staff']]) {
		seen.roles = roles;
		say(listen);
		await settled();
	}
	assert.deepEqual(passed, [listen]);
	assert.deepEqual([answers.length, answers[0].error.code, answers[0].error.message], [1, -32000, REASON]);
	assert.deepEqual(
		seen.decided.map(([tool, isAllowed, args]) => [tool, isAllowed, args.uri]),
		[
			['mcp:resources/subscribe', false, 'note://one'],
			['mcp:resources/subscribe', true, 'note://one'],
			['mcp:resources/subscribe', true, 'page://7'],
		],
	);
});

test('2.x: a subscription that an entry serves itself has no resources', async () => {
	const asked = { toolsListChanged: true, resourcesListChanged: true, resourceSubscriptions: ['note://one'] };
	const capabilities = { tools: { listChanged: true }, resources: { listChanged: true, subscribe: true } };
	const make = () => guard(new McpServer2({ name: 'desk', version: '1.0.0' }, { capabilities }), STAFF, { agent: { roles: ['staff'] } });
	const handler = createMcpHandler(make);
	const response = await handler.fetch(
		new Request('http://localhost/mcp', {
			method: 'POST',
			headers: {
				'content-type': 'application/json',
				accept: 'application/json, text/event-stream',
				'mcp-protocol-version': MODERN,
				'mcp-method': 'subscriptions/listen',
			},
			body: JSON.stringify(request('subscriptions/listen', { notifications: asked, _meta: envelope })),
		}),
	);
	handler.notify.resourceUpdated('note://one');
	await handler.close();
	assert.doesNotMatch(await response.text(), /note:\/\/one/);

	const [near, far] = Memory2.createLinkedPair();
	const said = [];
	near.onmessage = (message) => said.push(message);
	await near.start();
	const served = serveStdio(make, { transport: far });
	await near.send(request('subscriptions/listen', { notifications: asked, _meta: envelope }));
	while (said.length === 0) await new Promise(setImmediate);
	await served.close();
	assert.deepEqual(Object.keys(said[0].params.notifications).sort(), ['resourcesListChanged', 'toolsListChanged']);

	// A client that begins with a handshake can subscribe by a request of its own, which is judged.
	const { ask, close } = await LINES['2.x'](make)['in memory']();
	const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
	const { result } = await ask(request('initialize', initialize, 'again'));
	assert.equal(result.capabilities.resources.subscribe, true);
	await close();
});

test('hidden and observed', async () => {
	for (const [meta, code] of [
		[{}, -32002],
		[envelope, -32602],
	]) {
		const { passed, answers, say, settled } = passing(STAFF, { hide: true });
		say(request('resources/read', { uri: 'note://one', _meta: meta }, 1));
		say(request('prompts/get', { name: 'greet', _meta: meta }, 2));
		await settled();
		assert.deepEqual(
			[passed, answers.map(({ error }) => error)],
			[
				[],
				[
					{ code, message: 'Resource not found' },
					{ code: -32602, message: 'Prompt not found' },
				],
			],
		);
	}
	const { seen, settings } = seeing({ mode: 'observe' });
	const { passed, answers, far, say, settled } = passing(STAFF, settings);
	const messages = [
		request('resources/read', { uri: 'note://one' }, 1),
		request('resources/list', {}, 2),
		request('prompts/render', {}, 3),
	];
	for (const message of messages) say(message);
	await settled();
	assert.deepEqual([passed, answers], [messages, []]);
	await far.send({ jsonrpc: '2.0', id: 2, result: { resources: [{ uri: 'note://two' }] } });
	assert.deepEqual(answers[0].result.resources, [{ uri: 'note://two' }]);
	assert.deepEqual(
		seen.decided.map(([tool, isAllowed]) => [tool, isAllowed]),
		[
			['mcp:resources/read', false],
			['', false],
		],
	);
});

test('no tool has the name of a request', async () => {
	const { seen, settings } = seeing();
	seen.roles = ['staff'];
	const { passed, answers, far, say, settled } = passing(STAFF, settings);
	say(request('tools/call', { name: 'mcp:resources/read', arguments: { uri: 'note://one' } }, 1));
	await settled();
	assert.deepEqual([passed, answers[0].result.isError], [[], true]);
	say(request('tools/list', {}, 2));
	await settled();
	await far.send({ jsonrpc: '2.0', id: passed[0].id, result: { tools: [{ name: 'pay' }, { name: 'mcp:resources/read' }] } });
	assert.deepEqual(answers[1].result.tools, [{ name: 'pay' }]);
});

test('what a policy covers', async () => {
	const plain = await compiled({ perso: 1, rules: [{ id: 'all', allow: '*' }] });
	assert.deepEqual([plain.covers, plain.reserves('mcp:resources/read')], [['tools'], false]);
	assert.deepEqual([STAFF.covers, STAFF.reserves('mcp:x'), STAFF.reserves('x')], [['tools', 'resources', 'prompts'], true, false]);
	const agent = { roles: ['staff'] };
	assert.ok(STAFF.couldList({ tool: 'mcp:resources/read', args: { uri: 'note://one' }, agent }));
	assert.ok(!STAFF.couldList({ tool: 'mcp:resources/read', args: { uri: 'note://two' }, agent }));
	assert.ok(STAFF.couldList({ tool: 'mcp:prompts/list', args: { name: 'greet' }, agent }));
	assert.ok(!STAFF.couldList({ tool: 'mcp:prompts/list', args: { name: 'greet' } }));
	assert.ok(!STAFF.couldList({ tool: 'mcp:prompts/list', args: { name: 'other' }, agent }));
});
