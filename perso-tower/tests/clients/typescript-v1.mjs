// Runs the scenes with the client of the TypeScript SDK 1.x: node typescript-v1.mjs SCENE ERA [URL]

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { approves, check, play } from './scenes.mjs';

function transport(era, { url, token, command, args }) {
	if (command) return new StdioClientTransport({ command, args });
	const requestInit = { headers: { Authorization: `Bearer ${token}` } };
	return era === 'sse' ? new SSEClientTransport(url, { requestInit }) : new StreamableHTTPClientTransport(url, { requestInit });
}

async function connect(era, where) {
	const client = new Client({ name: 'scenes', version: '1' }, { capabilities: { elicitation: { form: {} }, tasks: {} } });
	client.setRequestHandler(ElicitRequestSchema, ({ params }) => approves(params));
	await client.connect(transport(era, where));
	return client;
}

/** The end of a call that asks for a task. */
async function task(client, topic) {
	let last;
	const params = { name: 'simulate-research-query', arguments: { topic } };
	for await (const message of client.experimental.tasks.callToolStream(params, undefined, { task: { ttl: 60_000 } })) last = message;
	return last;
}

await play('TypeScript SDK 1', connect, async (client) => {
	const denied = await task(client, 'secrets');
	check('a task that is denied', [denied.type, /Agents may look into the weather\./.test(denied.error?.message)], ['error', true]);
	check('the tasks', (await client.experimental.tasks.listTasks()).tasks.length, 0);
	check('a task', (await task(client, 'weather')).type, 'result');
	check('the tasks then', (await client.experimental.tasks.listTasks()).tasks.length, 1);
});
