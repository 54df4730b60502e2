// Runs the scenes with the client of the TypeScript SDK 2.x: node typescript.mjs SCENE ERA [URL]

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { approves, play } from './scenes.mjs';

await play('TypeScript SDK 2', async (era, { url, token, command, args }) => {
	const mode = era === 'modern' ? { pin: '2026-07-28' } : 'legacy';
	const client = new Client({ name: 'scenes', version: '1' }, { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } });
	client.setRequestHandler('elicitation/create', ({ params }) => approves(params));
	const headers = { Authorization: `Bearer ${token}` };
	await client.connect(
		url ? new StreamableHTTPClientTransport(url, { requestInit: { headers } }) : new StdioClientTransport({ command, args }),
	);
	return client;
});
