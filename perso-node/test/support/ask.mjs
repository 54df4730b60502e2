// Sends raw messages to servers over each transport, including messages that the SDK's clients refuse to send.

import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { InMemoryTransport as Memory1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { InMemoryTransport as Memory2 } from '@modelcontextprotocol/server';
import { WAYS, serve } from './http.mjs';

export const MODERN = '2026-07-28';
const INFO = { name: 'tests', version: '1.0.0' };
export const envelope = {
	'io.modelcontextprotocol/protocolVersion': MODERN,
	'io.modelcontextprotocol/clientInfo': INFO,
	'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
};

const initialize = {
	jsonrpc: '2.0',
	id: 'i',
	method: 'initialize',
	params: { protocolVersion: '2025-11-25', capabilities: { elicitation: {} }, clientInfo: INFO },
};
const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Parses a body: JSON, or the events of a stream. */
const said = (text) =>
	text.startsWith('{') || text.startsWith('[')
		? [JSON.parse(text)]
		: [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data));

/** A message of the 2026-07-28 revision. */
export const modern = ({ params, ...message }) => ({ ...message, params: { ...params, _meta: { ...params?._meta, ...envelope } } });

function memory(Memory, make) {
	return async () => {
		const [near, far] = Memory.createLinkedPair();
		const waiting = new Map();
		near.onmessage = (message) => waiting.get(message.id)?.(message);
		await near.start();
		const server = make();
		await server.connect(far);
		return {
			ask: (message) =>
				new Promise((resolve) => {
					waiting.set(message.id, resolve);
					near.send(message);
				}),
			close: () => server.close(),
		};
	};
}

function http(handle, make, { hasSession = false, isModern = false } = {}) {
	return async () => {
		const server = await serve(handle(make));
		let session;
		const ask = async (message) => {
			const sent = isModern ? modern(message) : message;
			const name = sent.params?.name ?? sent.params?.uri;
			const response = await fetch(server.url, {
				method: 'POST',
				headers: {
					...HEADERS,
					...(session && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
					...(isModern && {
						'mcp-protocol-version': MODERN,
						'mcp-method': sent.method,
						...(typeof name === 'string' && { 'mcp-name': name }),
					}),
				},
				body: JSON.stringify(sent),
			});
			session ??= response.headers.get('mcp-session-id') ?? undefined;
			const answers = said(await response.text());
			return answers.find(({ id }) => id === message.id) ?? answers[0];
		};
		if (hasSession) await ask(initialize);
		return { ask, close: () => server.close() };
	};
}

function sse(make) {
	return async () => {
		const server = await serve(WAYS['1.x'].sse(make));
		const waiting = new Map();
		const stream = await fetch(server.url);
		const lines = createInterface({ input: Readable.fromWeb(stream.body) })[Symbol.asyncIterator]();
		let endpoint;
		while (endpoint === undefined) endpoint = /^data: (\/messages.*)$/.exec((await lines.next()).value)?.[1];
		(async () => {
			for (let line = await lines.next(); !line.done; line = await lines.next()) {
				const data = /^data: (\{.*)$/.exec(line.value)?.[1];
				if (data) waiting.get(JSON.parse(data).id)?.(JSON.parse(data));
			}
		})().catch(() => {});
		return {
			ask: (message) =>
				new Promise((resolve) => {
					waiting.set(message.id, resolve);
					fetch(new URL(endpoint, server.url), { method: 'POST', headers: HEADERS, body: JSON.stringify(message) });
				}),
			close: () => server.close(),
		};
	};
}

/** The transports of each SDK version and the protocol eras of each. Connects to a server made by `make`. */
export const LINES = {
	'1.x': (make) => ({
		'in memory': memory(Memory1, make),
		sessions: http(WAYS['1.x'].sessions, make, { hasSession: true }),
		stateless: http(WAYS['1.x'].stateless, make),
		sse: sse(make),
	}),
	'2.x': (make) => ({
		'in memory': memory(Memory2, make),
		sessions: http(WAYS['2.x'].sessions, make, { hasSession: true }),
		stateless: http(WAYS['2.x'].stateless, make),
		handler: http(WAYS['2.x'].handler, make),
		'handler, SSE': http(WAYS['2.x']['handler, SSE'], make),
		'handler, 2026-07-28': http(WAYS['2.x'].handler, make, { isModern: true }),
		'handler, SSE, 2026-07-28': http(WAYS['2.x']['handler, SSE'], make, { isModern: true }),
	}),
};
