// Every way in which the SDKs run a prompt or a resource, over each transport and in each era, with a guard that denies them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InMemoryTransport as Memory1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { InMemoryTransport as Memory2, McpServer as McpServer2, createMcpHandler } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { guard, guardTransport } from 'perso/mcp';
import { LINES, MODERN, envelope } from '../support/ask.mjs';
import { CLIENTS, using } from '../support/clients.mjs';
import { MESSAGES, SERVERS, SETTINGS, more, use } from '../support/closed.mjs';
import { WAYS, serve } from '../support/http.mjs';
import { behindPings, passing, request } from '../support/memory.mjs';
import { compiled } from '../support/policies.mjs';

const policy = await compiled({ perso: 1, rules: [{ id: 'all', allow: '*' }] });

for (const [line, servers] of Object.entries(SERVERS)) {
	for (const [name, make] of Object.entries(servers)) {
		describe(`${line}, ${name}`, () => {
			for (const [setting, settings] of Object.entries(SETTINGS)) {
				const done = [];
				for (const [transport, connect] of Object.entries(LINES[line](() => guard(make(done), policy, settings)))) {
					test(`${setting}, ${transport}`, async () => {
						const { ask, close } = await connect();
						await use(ask, done, settings, [...MESSAGES, ...more(name, transport)]);
						await close();
					});
				}
			}
		});
	}
}

test('what a client of the SDK reads', async () => {
	for (const [name, client] of Object.entries(CLIENTS)) {
		const line = name.slice(0, 3);
		const done = [];
		const handle = name.endsWith('modern') ? WAYS['2.x'].handler : WAYS[line].sessions;
		const server = await serve(handle(() => guard(SERVERS[line].McpServer(done), policy, SETTINGS.both)));
		await using(client.make(), client.http(server.url), async (client) => {
			assert.deepEqual((await client.listPrompts()).prompts, []);
			assert.deepEqual((await client.listResources()).resources, []);
			assert.deepEqual((await client.listResourceTemplates()).resourceTemplates, []);
			await assert.rejects(
				client.getPrompt({ name: 'greet', arguments: { number: '1' } }),
				/prompts\/get is not allowed: this server's guard denies prompts/,
			);
			await assert.rejects(
				client.readResource({ uri: 'note://one' }),
				/resources\/read is not allowed: this server's guard denies resources/,
			);
		});
		await server.close();
		assert.deepEqual(done, []);
	}
});

test('each message of a batch', async () => {
	for (const [setting, settings] of Object.entries(SETTINGS)) {
		const done = [];
		const { sessions } = LINES['1.x'](() => guard(SERVERS['1.x'].Server(done), policy, settings));
		const { ask, close } = await sessions();
		const isOff = (kind) => settings[kind] === 'deny' && settings.mode !== 'observe';
		await ask([request('prompts/get', { name: 'greet' }), request('resources/read', { uri: 'note://one' }, 2), request('ping', {}, 3)]);
		await close();
		assert.deepEqual(done, [...(isOff('prompts') ? [] : ['prompts/get']), ...(isOff('resources') ? [] : ['resources/read'])], setting);
	}
});

test('what cannot be read is denied', async () => {
	for (const kind of ['prompts', 'resources']) {
		const { passed, answers, say, settled } = passing(policy, { [kind]: 'deny' });
		const refs = [
			undefined,
			null,
			'ref/prompt',
			{},
			{ type: 'ref/tool' },
			{ type: 'constructor' },
			{ type: ['ref/prompt'] },
			{ type: 'Ref/Prompt' },
		];
		const messages = [
			...refs.map((ref) => ['completion/complete', { ref }]),
			['completion/complete', undefined],
			['completion/complete', { ref: { type: 'ref/tool' }, Ref: { type: 'ref/prompt' } }],
			['completion/complete', { ref: { type: kind === 'prompts' ? 'ref/resource' : 'ref/prompt', Type: 'ref/prompt' } }],
			['completion/complete', { ref: { type: kind === 'prompts' ? 'ref/resource' : 'ref/prompt' }, argument: () => {} }],
			['Completion/Complete', { ref: { type: 'ref/prompt' } }],
			[`${kind}/`, {}],
			[`${kind.toUpperCase()}/LIST`, {}],
			[` ${kind}/list`, {}],
			[`${kind}\0/get`, {}],
			[`prompt\u017f/get`.replace('prompt\u017f', kind.replace(/s$/, '\u017f')), {}],
			['subscriptions/listen', undefined],
			['subscriptions/listen', { notifications: [] }],
			['subscriptions/listen', { notifications: {}, Notifications: { resourceSubscriptions: ['note://one'] } }],
			['Subscriptions/Listen', { notifications: {} }],
		];
		for (const [at, [method, params]] of messages.entries()) say(request(method, params, at));
		await settled();
		assert.deepEqual(passed, []);
		assert.deepEqual(
			answers.map(({ id, error }) => [id, error]),
			messages.map(([method], id) => [id, { code: -32601, message: `${method} is not allowed: this server's guard denies ${kind}` }]),
		);
	}
});

test('other messages pass as they were, and notifications have no answer', async () => {
	const { passed, answers, say, settled } = passing(policy, SETTINGS.both);
	const others = ['ping', 'initialize', 'logging/setLevel', 'skill/list', 'prompts', 'resource/read', ''].map((method, id) =>
		request(method, { a: 1 }, id),
	);
	for (const message of others) say(message);
	for (const method of ['prompts/get', 'resources/list', 'completion/complete']) say({ jsonrpc: '2.0', method, params: {} });
	say({ jsonrpc: '2.0', id: {}, method: 'prompts/get', params: {} });
	await settled();
	assert.deepEqual([passed, answers], [others, []]);
});

const ASKED = {
	toolsListChanged: true,
	promptsListChanged: true,
	resourcesListChanged: true,
	resourceSubscriptions: ['note://one'],
	taskIds: ['1'],
};
const LEFT = {
	prompts: ['toolsListChanged', 'resourcesListChanged', 'resourceSubscriptions', 'taskIds'],
	resources: ['toolsListChanged', 'promptsListChanged', 'taskIds'],
	both: ['toolsListChanged', 'taskIds'],
};

test('a subscription that comes over a guarded transport', async () => {
	for (const [setting, settings] of Object.entries(SETTINGS)) {
		const { passed, say, settled } = passing(policy, settings);
		const asked = request('subscriptions/listen', { notifications: ASKED, _meta: envelope });
		say(asked);
		await settled();
		const left = Object.fromEntries(Object.entries(ASKED).filter(([key]) => LEFT[setting]?.includes(key) ?? true));
		assert.deepEqual(passed, [request('subscriptions/listen', { notifications: left, _meta: envelope })]);
	}
});

test('2.x: a subscription that the entry serves itself', async () => {
	for (const [setting, settings] of Object.entries(SETTINGS)) {
		const capabilities = {
			tools: { listChanged: true },
			prompts: { listChanged: true },
			resources: { listChanged: true, subscribe: true },
		};
		const handler = createMcpHandler(() =>
			guard(new McpServer2({ name: 'desk', version: '1.0.0' }, { capabilities }), policy, settings),
		);
		const response = await handler.fetch(
			new Request('http://localhost/mcp', {
				method: 'POST',
				headers: {
					'content-type': 'application/json',
					accept: 'application/json, text/event-stream',
					'mcp-protocol-version': MODERN,
					'mcp-method': 'subscriptions/listen',
				},
				body: JSON.stringify(request('subscriptions/listen', { notifications: ASKED, _meta: envelope })),
			}),
		);
		handler.notify.resourceUpdated('note://one');
		handler.notify.promptsChanged();
		handler.notify.toolsChanged();
		await handler.close();
		const said = [...(await response.text()).matchAll(/^data: (\{.*)$/gm)]
			.map(([, data]) => JSON.parse(data))
			.filter(({ method }) => method);
		const left = (LEFT[setting] ?? Object.keys(ASKED)).filter((key) => key !== 'taskIds');
		assert.deepEqual(Object.keys(said[0].params.notifications).sort(), [...left].sort(), setting);
		assert.deepEqual(
			said.slice(1).map(({ method }) => method),
			[
				...(left.includes('resourceSubscriptions') ? ['notifications/resources/updated'] : []),
				...(left.includes('promptsListChanged') ? ['notifications/prompts/list_changed'] : []),
				'notifications/tools/list_changed',
			],
			setting,
		);
	}
});

test('2.x: a subscription that the entry over stdio serves itself', async () => {
	for (const [setting, settings] of Object.entries(SETTINGS)) {
		const [near, far] = Memory2.createLinkedPair();
		const said = [];
		near.onmessage = (message) => said.push(message);
		await near.start();
		const capabilities = {
			tools: { listChanged: true },
			prompts: { listChanged: true },
			resources: { listChanged: true, subscribe: true },
		};
		const served = serveStdio(() => guard(new McpServer2({ name: 'desk', version: '1.0.0' }, { capabilities }), policy, settings), {
			transport: far,
		});
		await near.send(request('subscriptions/listen', { notifications: ASKED, _meta: envelope }));
		while (said.length === 0) await new Promise(setImmediate);
		await served.close();
		const left = (LEFT[setting] ?? Object.keys(ASKED)).filter((key) => key !== 'taskIds');
		assert.deepEqual(Object.keys(said[0].params.notifications).sort(), [...left].sort(), setting);
	}
});

test('what a handler in front of the server’s makes of a message', async () => {
	for (const [line, Memory] of [
		['1.x', Memory1],
		['2.x', Memory2],
	]) {
		for (const [setting, settings] of Object.entries(SETTINGS)) {
			const done = [];
			const { ask, close } = await behindPings(Memory, guard(SERVERS[line].Server(done), policy, settings));
			await use(ask, done, settings, MESSAGES);
			await close();
			assert.ok(setting);
		}
	}
});

test('denials are recorded, empty lists are not', async () => {
	const events = [];
	const { say, settled, passed } = passing(policy, { ...SETTINGS.both, onDecision: (event) => events.push(event) });
	say(request('prompts/list', {}));
	say(request('prompts/get', {}, 2));
	say(request('resources/read', {}, 3));
	await settled();
	assert.deepEqual(
		events.map(({ tool, decision, enforced }) => [tool, decision.reason, enforced]),
		[
			['', 'prompts are denied', true],
			['', 'resources are denied', true],
		],
	);
	assert.deepEqual(passed, []);
});

test('wrong settings', () => {
	for (const name of ['prompts', 'resources']) {
		for (const value of ['allow', '', true, null]) {
			const wrong = { name: 'TypeError', message: `\`${name}\` is \`${value}\`: use \`deny\` or \`pass\`` };
			assert.throws(() => guard(SERVERS['1.x'].Server([]), policy, { [name]: value }), wrong);
			assert.throws(() => guardTransport(Memory1.createLinkedPair()[0], policy, { [name]: value }), wrong);
		}
	}
});
