// The clients of both SDK versions, with a common interface.

import { Client as Client2, StreamableHTTPClientTransport as Http2, SSEClientTransport as Sse2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as Sse1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const INFO = { name: 'tests', version: '1.0.0' };
const requestInit = (token) => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } });

const older = (Stdio, Http, Sse) => ({
	http: (url, token) => new Http(url, requestInit(token)),
	sse: (url, token) => new Sse(url, requestInit(token)),
	stdio: (command, args) => new Stdio({ command, args, stderr: 'ignore' }),
});

/** Each client: its constructor and its transports. */
export const CLIENTS = {
	'1.x': { make: () => new Client1(INFO, { capabilities: { tasks: {} } }), ...older(Stdio1, Http1, Sse1) },
	'2.x': { make: () => new Client2(INFO, { versionNegotiation: { mode: 'legacy' } }), ...older(Stdio2, Http2, Sse2) },
	'2.x, modern': {
		make: () => new Client2(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
		...older(Stdio2, Http2, Sse2),
	},
};

/** Connects a client, runs a function with it, and closes it. */
export async function using(client, transport, run) {
	await client.connect(transport);
	try {
		return await run(client);
	} finally {
		await client.close();
	}
}

/** The tools that a client sees, from all pages. */
export async function shown(client) {
	const names = [];
	let cursor;
	do {
		const page = await client.listTools(cursor === undefined ? undefined : { cursor });
		names.push(...page.tools.map(({ name }) => name));
		// The 2.x client fetches all pages by itself.
		cursor = page.nextCursor;
	} while (cursor !== undefined);
	return names.sort();
}

/** The result of a call: whether it succeeded, and its text or error message. */
export async function call(client, name, args) {
	try {
		const { isError = false, content, _meta } = await client.callTool({ name, arguments: args });
		return { ok: !isError, text: content[0]?.text, meta: _meta };
	} catch (error) {
		return { ok: false, text: error.message, code: error.code, data: error.data };
	}
}
