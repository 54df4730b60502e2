/** Requests for resources and prompts that the policy covers: which calls they are, for a policy. */

import { READ } from '../guard/judge.js';
import type { BasePolicy } from '../policy.js';
import { COMPLETE, type Kind, kindOf, LISTEN, LISTS, REFERENCES } from './closed.js';
import { INVALID_PARAMS, isAmbiguous, isObject, type Message, METHOD_NOT_FOUND } from './message.js';

const SUBSCRIBE = 'mcp:resources/subscribe';
const GET = 'mcp:prompts/get';
const COMPLETION = 'mcp:completion/complete';

/** The tools that requests are calls of. */
const TOOLS = new Map([
	['resources/read', READ],
	['skills/get', READ],
	['resources/subscribe', SUBSCRIBE],
	['resources/unsubscribe', SUBSCRIBE],
	[LISTEN, SUBSCRIBE],
	['prompts/get', GET],
	[COMPLETE, COMPLETION],
]);

/** The params of a request that are not among the arguments of the call that it is. */
const NO_ARGUMENTS = ['_meta', 'inputResponses', 'requestState'];

/** The params that servers read. */
const PARAMS = [...NO_ARGUMENTS, 'uri', 'name', 'arguments', 'ref', 'argument', 'context', 'notifications'];

/** The lists that are filtered, by their key in a result: what they are of, and the key that names an entry. */
export const FILTERED = [
	{ list: 'tools', kind: 'tools', key: 'name' },
	{ list: 'resources', kind: 'resources', key: 'uri' },
	{ list: 'resourceTemplates', kind: 'resources', key: 'uriTemplate' },
	{ list: 'skills', kind: 'resources', key: 'uri' },
	{ list: 'prompts', kind: 'prompts', key: 'name' },
] as const;

/** The maximum number of resources in a subscription, each of which is judged. */
const MOST_RESOURCES = 1024;

/** What a completion is for. The caller must be able to see it in a list. */
export interface Reference {
	readonly kind: Kind;
	readonly name: string;
}

/** What a message is for a policy that covers what it is about. */
export type Covered =
	/** Calls of a tool, each with its arguments. All of them must be allowed. */
	| { readonly tool: string; readonly calls: readonly Message[]; readonly reference?: Reference | undefined }
	/** A request for a list, under this key in the result. */
	| { readonly list: string }
	/** A message that cannot be judged. `why` is the detail of the decision. */
	| { readonly code: number; readonly message: string; readonly why: string };

/** What a policy covers besides tools. */
export const coveredBy = (policy: BasePolicy): Kind[] => policy.covers.filter((kind) => kind !== 'tools');

/** What a message is for a policy that covers these kinds; undefined if it is about none of them. */
export function covered(kinds: readonly Kind[], method: string, params: unknown): Covered | undefined {
	const kind = method === LISTEN ? 'resources' : kindOf(kinds, method, params);
	if (kind === undefined || !kinds.includes(kind)) return undefined;
	const list = LISTS.get(method);
	if (list !== undefined) return { list };
	const tool = TOOLS.get(method);
	if (tool === undefined) {
		const message = `${method} is not allowed: the policy covers ${kind}, and cannot judge this request`;
		return { code: METHOD_NOT_FOUND, message, why: 'the request cannot be judged' };
	}
	const found = calls(tool, method, params);
	return found ?? { code: INVALID_PARAMS, message: 'Invalid request parameters', why: 'the request cannot be read' };
}

/** The calls that a request is; undefined if servers could read its params differently, or not at all. */
function calls(tool: string, method: string, params: unknown): Covered | undefined {
	if (!isObject(params) || isAmbiguous(params, PARAMS)) return undefined;
	if (method === LISTEN) {
		const asked = params['notifications'];
		if (!isObject(asked) || isAmbiguous(asked, ['resourceSubscriptions'])) return undefined;
		const uris: unknown = asked['resourceSubscriptions'] ?? [];
		if (!Array.isArray(uris) || uris.length > MOST_RESOURCES || !uris.every((uri) => typeof uri === 'string')) return undefined;
		return { tool, calls: uris.map((uri) => ({ uri })) };
	}
	const args = Object.fromEntries(Object.entries(params).filter(([key]) => !NO_ARGUMENTS.includes(key)));
	if (tool !== COMPLETION) return typeof params[tool === GET ? 'name' : 'uri'] === 'string' ? { tool, calls: [args] } : undefined;
	const { ref } = params;
	if (!isObject(ref) || isAmbiguous(ref, ['type', 'name', 'uri'])) return undefined;
	const kind = REFERENCES.get(ref['type']);
	const name = ref[kind === 'prompts' ? 'name' : 'uri'];
	return kind !== undefined && typeof name === 'string' ? { tool, calls: [args], reference: { kind, name } } : undefined;
}

const RESOURCE_NOT_FOUND = -32002;

/** The code and message with which a server says that it does not have what a request is for (MCP, "Resources", "Prompts"). */
export function unknown(tool: string, isModern: boolean): readonly [number, string] {
	if (tool === GET) return [INVALID_PARAMS, 'Prompt not found'];
	if (tool === COMPLETION) return [INVALID_PARAMS, 'Reference not found'];
	return [isModern ? INVALID_PARAMS : RESOURCE_NOT_FOUND, 'Resource not found'];
}

/**
 * A server's capabilities without subscriptions to resources. HTTP and stdio entries of SDK 2.x serve `subscriptions/listen`
 * themselves if the capabilities have them, so that no gate sees the request.
 */
export function withoutSubscriptions(all: { readonly [name: string]: object }): { readonly [name: string]: object } {
	const { resources } = all;
	if (resources === undefined) return all;
	const { subscribe, ...rest } = resources as Message;
	return { ...all, resources: rest };
}

/** A message whose params are the arguments that were judged, and the params that are none. */
export function withParams(message: Message, args: unknown): Message {
	const params = Object.entries(message['params'] as Message).filter(([key]) => NO_ARGUMENTS.includes(key));
	return { ...message, params: { ...(args as Message), ...Object.fromEntries(params) } };
}
