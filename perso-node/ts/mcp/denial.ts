/** Responses to denied calls. */

import type { Denied } from '../guard/denied.js';
import type { Call, Id, Message } from './message.js';

/**
 * A server error (JSON-RPC 2.0, 5.1). Used if the call asked for a task, because the client would expect a result to
 * describe the task.
 */
const DENIED_TASK = -32000;

/** The response to a denied call: an error result with text that the model can act on (MCP, "Tools", "Error Handling"). */
export function denial(id: Id, { isTask, isModern }: Call, denied: Denied): Message {
	if (isTask) return error(id, DENIED_TASK, denied.message, denied.meta());
	const result = {
		content: [{ type: 'text', text: denied.message }],
		isError: true,
		...(isModern && { resultType: 'complete' }),
		_meta: denied.meta(),
	};
	return { jsonrpc: '2.0', id, result };
}

/** A JSON-RPC error response. */
export function error(id: Id, code: number, message: string, data?: unknown): Message {
	return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } };
}
