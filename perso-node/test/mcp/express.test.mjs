// An Express app with the SDK's bearer authentication, whose sessions are used with different tokens.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { guard } from 'perso/mcp';
import { DESKS } from '../servers/desk.mjs';
import { byToken } from '../support/http.mjs';
import { ASKS, asksAPerson, LISTED } from '../support/asks.mjs';
import { DESK, compiled } from '../support/policies.mjs';

const policy = await compiled(DESK);
const done = [];
const asked = [];

const TOKENS = { agent: ['agent'], manager: ['manager'], nobody: [] };
const verifier = {
	async verifyAccessToken(token) {
		if (!(token in TOKENS)) throw Object.assign(new Error('no such token'), { status: 401 });
		return { token, clientId: token, scopes: [], expiresAt: Date.now() / 1000 + 60, extra: { roles: TOKENS[token] } };
	},
};

const app = createMcpExpressApp();
const sessions = new Map();
app.all('/mcp', requireBearerAuth({ verifier }), async (request, response) => {
	let transport = sessions.get(request.headers['mcp-session-id']);
	if (!transport) {
		transport = new StreamableHTTPServerTransport({
			sessionIdGenerator: randomUUID,
			enableJsonResponse: true,
			onsessioninitialized: (id) => sessions.set(id, transport),
		});
		const server = guard(
			DESKS['McpServer 1.x']((what) => done.push(what)),
			policy,
			{
				agent(told) {
					asked.push([told.authInfo.clientId, told.sessionId]);
					return byToken.agent(told);
				},
			},
		);
		await server.connect(transport);
	}
	await transport.handleRequest(request, response, request.body);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
	server.close();
	server.closeAllConnections();
});

let id = 0;
let session;

async function post(token, method, params) {
	const response = await fetch(`http://127.0.0.1:${server.address().port}/mcp`, {
		method: 'POST',
		headers: {
			authorization: `Bearer ${token}`,
			'content-type': 'application/json',
			accept: 'application/json, text/event-stream',
			...(session && { 'mcp-session-id': session }),
			// The caller never comes from what the client claims.
			'mcp-name': 'view_customer',
			'mcp-method': 'ping',
			'x-roles': 'agent, manager, admin',
		},
		body: JSON.stringify({ jsonrpc: '2.0', id: (id += 1), method, params }),
	});
	session ??= response.headers.get('mcp-session-id');
	return response.ok ? response.json() : { status: response.status };
}

const call = async (token, name, args) => {
	const { result } = await post(token, 'tools/call', { name, arguments: args });
	return [!result.isError, result.content[0].text];
};
const shown = async (token) => (await post(token, 'tools/list')).result.tools.map(({ name }) => name);

test('in one session each request is judged by its own token', async () => {
	await post('agent', 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } });
	assert.ok(session);
	assert.deepEqual(await call('agent', 'process_refund', { amount: 5 }), [true, 'process_refund is done']);
	assert.deepEqual(await call('nobody', 'process_refund', { amount: 5 }), [false, 'Agents may refund up to $500.']);
	assert.deepEqual(await call('manager', 'process_refund', { amount: 5 }), [false, 'Agents may refund up to $500.']);
	assert.deepEqual(await call('agent', 'process_refund', { amount: 6 }), [true, 'process_refund is done']);
	assert.deepEqual(await shown('agent'), ['view_customer', 'process_refund']);
	assert.deepEqual(await shown('manager'), ['view_customer', 'delete_record']);
	assert.deepEqual(await shown('nobody'), ['view_customer']);
	assert.deepEqual(await post('stolen', 'tools/list'), { status: 500 });
	assert.deepEqual(
		done.map(({ args }) => args.amount),
		[5, 6],
	);
	assert.deepEqual(new Set(asked.map(([, session]) => session)), new Set([session]), 'a host is told the session');
});

test('requests of different callers at a time, and with the same id, are not mixed up', async () => {
	const tokens = Array.from({ length: 60 }, (_, number) => Object.keys(TOKENS)[number % 3]);
	const seen = await Promise.all(tokens.map((token) => shown(token)));
	seen.forEach((names, number) => {
		const expected = {
			agent: ['view_customer', 'process_refund'],
			manager: ['view_customer', 'delete_record'],
			nobody: ['view_customer'],
		};
		assert.deepEqual(names, expected[tokens[number]]);
	});
	const before = done.length;
	const answers = await Promise.all(tokens.map((token) => call(token, 'process_refund', { amount: 7 })));
	assert.deepEqual(
		answers.map(([ok]) => ok),
		tokens.map((token) => token === 'agent'),
	);
	assert.equal(done.length - before, 20);
});

test('a call that needs the approval of a person does not run', async () => {
	// The last test: the policy changes for all sessions.
	await policy.reload((await compiled(ASKS)).module);
	done.length = 0;
	assert.deepEqual((await shown('agent')).sort(), LISTED);
	await asksAPerson(async (tool, args) => {
		const { result } = await post('agent', 'tools/call', { name: tool, arguments: args });
		return { text: result.content[0].text, meta: result._meta };
	}, done);
});
