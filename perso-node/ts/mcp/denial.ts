/** What the caller of a denied call gets. */

import type { Denied } from '../guard/denied.js';
import type { Call, Id, Message } from './message.js';

/** JSON-RPC 2.0, 5.1: for servers to define. For a call that was to become a task, whose client would lose a result. */
const DENIED_TASK = -32000;

/** The answer to a call that is denied: text that the model can act on (MCP, "Tools", "Error Handling"). */
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

/** An error as a response. */
export function error(id: Id, code: number, message: string, data?: unknown): Message {
	return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } };
}
