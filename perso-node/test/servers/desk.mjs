// A support desk, made in every way in which the SDKs (1.x and 2.x) can make a server. Its tools report what they do to `done`.

import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Server as Server1 } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { McpServer as McpServer2, Server as Server2 } from '@modelcontextprotocol/server';
import { z } from 'zod';

const TOOLS = {
	view_customer: {},
	process_refund: { amount: z.number(), note: z.string().optional() },
	delete_record: { record_id: z.string() },
	dump_secrets: {},
};

const INFO = { name: 'desk', version: '1.0.0' };
const text = (text) => ({ content: [{ type: 'text', text }] });
const run = (done, name, args) => {
	done({ name, args });
	return text(`${name} is done`);
};

function highLevel(Server, schema) {
	return (done) => {
		const server = new Server(INFO);
		for (const [name, shape] of Object.entries(TOOLS)) {
			server.registerTool(name, { inputSchema: schema(shape) }, (args) => run(done, name, args));
		}
		return server;
	};
}

function lowLevel(Server, list, call) {
	return (done) => {
		const server = new Server(INFO, { capabilities: { tools: {} } });
		// Two pages, to test pagination.
		const tools = Object.keys(TOOLS).map((name) => ({ name, inputSchema: { type: 'object' } }));
		server.setRequestHandler(list, ({ params }) =>
			params?.cursor ? { tools: tools.slice(2) } : { tools: tools.slice(0, 2), nextCursor: '2' },
		);
		server.setRequestHandler(call, ({ params }) => run(done, params.name, params.arguments));
		return server;
	};
}

/** Makes a server from a function that is called with each tool call. */
export const DESKS = {
	'McpServer 1.x': highLevel(McpServer1, (shape) => shape),
	'Server 1.x': lowLevel(Server1, ListToolsRequestSchema, CallToolRequestSchema),
	'McpServer 2.x': highLevel(McpServer2, (shape) => z.object(shape)),
	'Server 2.x': lowLevel(Server2, 'tools/list', 'tools/call'),
};

export const isOld = (desk) => desk.endsWith('1.x');
