/**
 * Reads a JSON-RPC message (JSON-RPC 2.0; MCP, "Tools") once and makes the message that is passed on. Later changes to the
 * original, or getters that return different values, therefore have no effect.
 */

import { isReadAs, readings } from './fold.js';

/** The id of a request. */
export type Id = string | number;

/** A message that is an object. */
export type Message = { readonly [key: string]: unknown };

/** What a client's message asks for. `message` is the message to pass on. */
export type Asked =
	| { readonly kind: 'call'; readonly id: Id; readonly call: Call; readonly message: Message }
	| { readonly kind: 'list'; readonly id: Id; readonly isModern: boolean; readonly message: Message }
	/** A `tasks/update`, after which the task's tool may run again. */
	| { readonly kind: 'update'; readonly id: Id; readonly task: string; readonly message: Message }
	| { readonly kind: 'cancelled'; readonly id: unknown; readonly message: Message }
	/** A message that a guard must refuse. Without an id it gets no answer. */
	| { readonly kind: 'refused'; readonly id: Id | undefined; readonly code: number; readonly why: string; readonly message: unknown }
	/** A message that is not about tools. It has an id if it is a request. */
	| { readonly kind: 'other'; readonly id?: Id; readonly message: Message };

/** A `tools/call`. */
export interface Call {
	readonly tool: string;
	readonly args: unknown;
	/** Whether the call asks for a task (MCP 2025-11-25). */
	readonly isTask: boolean;
	/** Whether the call is of MCP revision 2026-07-28 or later. */
	readonly isModern: boolean;
}

/** JSON-RPC 2.0, 5.1. */
const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;

/** The key in `_meta` with the MCP revision, from 2026-07-28 on (MCP, "_meta"). */
const REVISION = 'io.modelcontextprotocol/protocolVersion';
/** The first MCP revision without a handshake. */
export const MODERN = '2026-07-28';

export const isObject = (value: unknown): value is Message => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Unsafe integers are refused: JavaScript has rounded them, and the client could not match the answer. */
const isId = (id: unknown): id is Id => typeof id === 'string' || Number.isSafeInteger(id);

/** The keys that determine what a message does. */
const ENVELOPE = ['jsonrpc', 'id', 'method', 'params'];
const PARAMS = ['name', 'arguments', 'task', '_meta', 'inputResponses', 'requestState'];
const UPDATE_PARAMS = ['taskId', 'inputResponses', '_meta'];

const UPDATE = 'tasks/update';

/** Whether the object has a key that only some parsers read as one of `keys`. */
export function isAmbiguous(object: Message, keys: readonly string[]): boolean {
	return Object.keys(object).some((key) => !keys.includes(key) && keys.some((other) => isReadAs(key, other)));
}

/** Whether a method is about tools, or a lenient server may read it as one that is. */
const isAboutTools = (method: string): boolean => readings(method).some((name) => name.startsWith('tools/') || name === UPDATE);

/** Reads a message. Throws if reading it throws. */
export function read(raw: unknown): Asked {
	if (!isObject(raw))
		return {
			kind: 'refused',
			id: undefined,
			code: INVALID_REQUEST,
			why: 'Invalid request: the message must be an object',
			message: raw,
		};
	const message = { ...raw };
	const { method, id } = message;
	const refused = (code: number, why: string): Asked => ({ kind: 'refused', id: isId(id) ? id : undefined, code, why, message });
	if (isAmbiguous(message, ENVELOPE)) return refused(INVALID_REQUEST, 'Invalid request: a key of the message is spelled in another way');
	// A response to the server has no method.
	if (method === undefined) return { kind: 'other', message };
	if (typeof method !== 'string') return refused(INVALID_REQUEST, 'Invalid request: the method must be a string');
	if (method === 'notifications/cancelled') {
		const params = isObject(message['params']) ? { ...message['params'] } : {};
		return { kind: 'cancelled', id: params['requestId'], message: { ...message, params } };
	}
	if (!isAboutTools(method)) return { kind: 'other', ...(isId(id) && { id }), message };
	if (!isId(id)) return refused(INVALID_PARAMS, 'Invalid request: the id must be a string or an integer');
	if (method === 'tools/list') {
		const params = isObject(message['params']) ? { ...message['params'] } : undefined;
		return { kind: 'list', id, isModern: isModern(params), message: params ? { ...message, params } : message };
	}
	if (method !== 'tools/call' && method !== UPDATE) return refused(METHOD_NOT_FOUND, 'Method not found');
	if (!isObject(message['params'])) return refused(INVALID_PARAMS, 'Invalid request parameters: a call needs params');
	const params = { ...message['params'] };
	if (method === UPDATE) {
		if (isAmbiguous(params, UPDATE_PARAMS))
			return refused(INVALID_PARAMS, 'Invalid request parameters: a key is spelled in another way');
		const { taskId: task } = params;
		if (typeof task !== 'string') return refused(INVALID_PARAMS, "Invalid request parameters: the task's id must be a string");
		return { kind: 'update', id, task, message: { ...message, params } };
	}
	if (isAmbiguous(params, PARAMS)) return refused(INVALID_PARAMS, 'Invalid request parameters: a key is spelled in another way');
	const { name: tool, arguments: args, task } = params;
	if (typeof tool !== 'string') return refused(INVALID_PARAMS, 'Invalid request parameters: the name must be a string');
	const call = { tool, args, isTask: task !== undefined && task !== null, isModern: isModern(params) };
	return { kind: 'call', id, call, message: { ...message, params } };
}

/** The message of a call with its arguments replaced. */
export function withArguments(message: Message, args: unknown): Message {
	const params = message['params'] as Message;
	return 'arguments' in params ? { ...message, params: { ...params, arguments: args } } : message;
}

/** Whether a request with these parameters is of MCP revision 2026-07-28 or later. */
export function isModern(params: unknown): boolean {
	const meta = isObject(params) ? params['_meta'] : undefined;
	const revision = isObject(meta) ? meta[REVISION] : undefined;
	return typeof revision === 'string' && revision >= MODERN;
}
