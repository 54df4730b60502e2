/** What the caller of a denied call gets. */

import type { Denied } from '../guard/denied.js';
import type { Call, Id, Message } from './message.js';

/** How a server answers a call to a tool that it does not have. */
export type UnknownTool = 'result' | 'error';

/** JSON-RPC 2.0, 5.1: for servers to define. For a call that was to become a task, whose client would lose a result. */
const DENIED_TASK = -32000;
const INVALID_PARAMS = -32602;

/** The answer to a call that is denied: text that the model can act on (MCP, "Tools", "Error Handling"). */
export function denial(id: Id, { isTask, isModern }: Call, denied: Denied): Message {
	if (isTask) return error(id, DENIED_TASK, denied.message, denied.meta());
	return result(id, { ...failed(denied.message, isModern), _meta: denied.meta() });
}

/** The answer as if there were no such tool, word for word as the server's SDK has it. */
export function hidden(id: Id, { tool, isModern }: Call, unknown: UnknownTool): Message {
	const text = `Tool ${tool} not found`;
	return unknown === 'error' ? error(id, INVALID_PARAMS, text) : result(id, failed(`MCP error ${INVALID_PARAMS}: ${text}`, isModern));
}

/** An error as a response. */
export function error(id: Id, code: number, message: string, data?: unknown): Message {
	return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } };
}

const result = (id: Id, result: object): Message => ({ jsonrpc: '2.0', id, result });

const failed = (text: string, isModern: boolean): object => ({
	content: [{ type: 'text', text }],
	isError: true,
	...(isModern && { resultType: 'complete' }),
});
