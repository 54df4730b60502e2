// HTTP servers for tests, with every HTTP transport of both SDK versions.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { toNodeHandler, NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';

/** The owner of a token, as if the token had been verified. */
export function authInfo(request) {
	const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
	return token && { token, clientId: token.split(' ')[0], scopes: [], extra: { roles: token.split(' ').slice(1) } };
}

/** Options of a guard: the caller is the owner of the request's token. */
export const byToken = { agent: ({ authInfo }) => ({ id: authInfo?.clientId, roles: authInfo?.extra?.roles ?? [] }) };

const body = async (request) => JSON.parse(await text(request));

/** One server per session. */
function sessions(Transport, make) {
	const open = new Map();
	return async (request, response) => {
		let transport = open.get(request.headers['mcp-session-id']);
		if (!transport) {
			transport = new Transport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => open.set(id, transport) });
			await make().connect(transport);
		}
		await transport.handleRequest(request, response);
	};
}

/** One server per request. */
function stateless(Transport, make) {
	return async (request, response) => {
		if (request.method !== 'POST') return response.writeHead(405).end();
		const transport = new Transport({ sessionIdGenerator: undefined, enableJsonResponse: true });
		await make().connect(transport);
		await transport.handleRequest(request, response, await body(request));
	};
}

/** The older HTTP+SSE transport. */
function sse(make) {
	const open = new Map();
	return async (request, response) => {
		if (request.method === 'GET') {
			const transport = new SSEServerTransport('/messages', response);
			open.set(transport.sessionId, transport);
			return make().connect(transport);
		}
		const id = new URL(request.url, 'http://localhost').searchParams.get('sessionId');
		return open.get(id).handlePostMessage(request, response);
	};
}

/** Ways to reach a server. `make` makes a guarded one. */
export const WAYS = {
	'1.x': {
		sessions: (make) => sessions(StreamableHTTPServerTransport, make),
		stateless: (make) => stateless(StreamableHTTPServerTransport, make),
		sse,
	},
	'2.x': {
		sessions: (make) => sessions(NodeStreamableHTTPServerTransport, make),
		stateless: (make) => stateless(NodeStreamableHTTPServerTransport, make),
		handler: (make) => toNodeHandler(createMcpHandler(make)),
		'handler, SSE': (make) => toNodeHandler(createMcpHandler(make, { responseMode: 'sse' })),
	},
};

/** Starts a server and returns its address. `close` stops it. */
export async function serve(handle) {
	const errors = [];
	const server = createServer((request, response) => {
		request.auth = authInfo(request);
		Promise.resolve(handle(request, response)).catch((error) => {
			errors.push(error);
			response.destroy();
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: new URL(`http://127.0.0.1:${server.address().port}/mcp`),
		errors,
		async close() {
			server.close();
			server.closeAllConnections();
			await once(server, 'close');
		},
	};
}
