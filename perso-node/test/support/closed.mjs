// Every message about prompts and resources, and servers of both SDK versions that record what they run for them.

import assert from 'node:assert/strict';
import { Server as Server1 } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer as McpServer1, ResourceTemplate as Template1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { completable as completable1 } from '@modelcontextprotocol/sdk/server/completable.js';
import {
	McpServer as McpServer2,
	ResourceTemplate as Template2,
	Server as Server2,
	completable as completable2,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { MODERN } from './ask.mjs';

export const SETTINGS = {
	default: {},
	pass: { prompts: 'pass', resources: 'pass' },
	prompts: { prompts: 'deny' },
	resources: { resources: 'deny' },
	both: { prompts: 'deny', resources: 'deny' },
	observe: { prompts: 'deny', resources: 'deny', mode: 'observe' },
};

const completion = (ref) => ({ ref, argument: { name: 'number', value: '1' } });

/** The messages: the kind, the method, the parameters, and for a list its name in the result. */
export const MESSAGES = [
	['prompts', 'prompts/list', {}, 'prompts'],
	['resources', 'resources/list', {}, 'resources'],
	['resources', 'resources/templates/list', {}, 'resourceTemplates'],
	['prompts', 'prompts/get', { name: 'greet', arguments: { number: '1' } }],
	['resources', 'resources/read', { uri: 'note://one' }],
	['resources', 'resources/read', { uri: 'page://7' }],
	['prompts', 'completion/complete', completion({ type: 'ref/prompt', name: 'greet' })],
	['resources', 'completion/complete', completion({ type: 'ref/resource', uri: 'page://{number}' })],
];

/** Messages that only servers with handlers of their own can answer. */
const MORE = [
	['resources', 'resources/subscribe', { uri: 'note://one' }],
	['resources', 'resources/unsubscribe', { uri: 'note://one' }],
	['prompts', 'prompts/render', {}],
	['resources', 'resources/directory/read', { uri: 'note://' }],
	['resources', 'skills/activate', { uri: 'note://' }],
];

/** Those of them that a server answers. The entry of SDK 2.x refuses methods that its era does not have. */
export const more = (name, transport) =>
	name === 'Server' ? MORE.filter(([, method]) => !transport.includes(MODERN) || !method.endsWith('subscribe')) : [];

const INFO = { name: 'desk', version: '1.0.0' };

function highLevel(Server, Template, completable, shape) {
	return (done) => {
		const server = new Server(INFO);
		const number = completable(z.string(), () => (done.push('complete'), ['1']));
		server.registerPrompt('greet', { argsSchema: shape({ number }) }, () => {
			done.push('greet');
			return { messages: [{ role: 'user', content: { type: 'text', text: 'hello' } }] };
		});
		const read = (uri) => (done.push('read'), { contents: [{ uri: uri.href, text: 'one' }] });
		server.registerResource('note', 'note://one', {}, read);
		server.registerResource(
			'page',
			new Template('page://{number}', { list: undefined, complete: { number: () => (done.push('complete'), ['1']) } }),
			{},
			read,
		);
		return server;
	};
}

function lowLevel(Server) {
	return (done) => {
		const server = new Server(INFO, { capabilities: { prompts: {}, resources: { subscribe: true }, completions: {} } });
		// Called for every method without a handler.
		server.fallbackRequestHandler = async ({ method, params }) => {
			done.push(method);
			return (
				{
					'prompts/list': { prompts: [{ name: 'greet' }] },
					'resources/list': { resources: [{ name: 'note', uri: 'note://one' }] },
					'resources/templates/list': { resourceTemplates: [{ name: 'page', uriTemplate: 'page://{number}' }] },
					'prompts/get': { messages: [] },
					'resources/read': { contents: [{ uri: 'note://one', text: 'one' }] },
					'completion/complete': { completion: { values: ['1'] } },
				}[method] ?? { params }
			);
		};
		return server;
	};
}

/** For each SDK version, functions that create a server which records what it runs. */
export const SERVERS = {
	'1.x': { McpServer: highLevel(McpServer1, Template1, completable1, (shape) => shape), Server: lowLevel(Server1) },
	'2.x': { McpServer: highLevel(McpServer2, Template2, completable2, (shape) => z.object(shape)), Server: lowLevel(Server2) },
};

/** Sends each message and checks what ran. `ask` returns the response. */
export async function use(ask, done, settings, messages) {
	let id = 0;
	for (const [kind, method, params, list] of messages) {
		done.length = 0;
		const { result, error } = await ask({ jsonrpc: '2.0', id: `m ${(id += 1)}`, method, params });
		const what = `${method} ${JSON.stringify(params)}`;
		if (settings[kind] !== 'deny' || settings.mode === 'observe') {
			assert.equal(error, undefined, what);
			assert.ok(list === undefined ? done.length > 0 : result[list].length > 0, what);
			continue;
		}
		assert.deepEqual(done, [], what);
		if (list === undefined)
			assert.deepEqual(error, { code: -32601, message: `${method} is not allowed: this server's guard denies ${kind}` }, what);
		else assert.deepEqual([result[list], error], [[], undefined], what);
	}
}
