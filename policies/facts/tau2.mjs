// What the facts of both tau2 servers need: the data of the server, and look-ups with keys that come from the model.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The file in which a server keeps its tables (`db`) and the calls that it has run (`calls`). It writes the file after each call. */
export function read(domain) {
	const folder = process.env[`TAU2_${domain.toUpperCase()}_MCP_STATE_DIR`] ?? `/tmp/agenteval_tau2_${domain}_mcp_state`;
	const name = createHash('sha256').update(`tau2/${domain}/default`).digest('hex');
	const { db, calls } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
	return { db, calls: calls.map(({ tau2_tool_call: call, tau2_tool_message: answer }) => ({ ...call, ...answer })) };
}

/** The entry of a table, or undefined. */
export const entry = (table, key) => (typeof key === 'string' && table && Object.hasOwn(table, key) ? table[key] : undefined);

/** The list, or an empty one in place of anything else. */
export const list = (value) => (Array.isArray(value) ? value : []);
