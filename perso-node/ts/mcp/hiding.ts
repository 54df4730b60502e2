/**
 * The `hide` option: denied calls are answered as if the tool did not exist. Nothing may reveal the tool before the call is
 * judged, so checks that the SDK makes earlier are postponed.
 */

import type { Judge } from '../guard/judge.js';
import { type Mismatch, mismatch } from './headers.js';
import type { LowLevel, RequestContext } from './index.js';
import type { Call, Message } from './message.js';
import { noSuchTool, put, twinOf, type Unknown, type UnknownTool } from './twin.js';

/** How denied calls are hidden on one server or transport. */
export interface Hiding {
	/** The answer to a denied call. */
	readonly answer: Unknown;
	/** Checks the headers of an allowed call. */
	mismatch(call: Call, extra: unknown): Mismatch | undefined;
	/** Whether the call in this message was found denied during the scope check, whose challenge was left out because of it. */
	isForeseen(message: object): boolean;
}

/** Hides the tools of an unknown server behind a transport. */
export function hidingTransport(hide: true | UnknownTool): Hiding {
	const unknown = hide === true ? noSuchTool : hide;
	const answer: Unknown = (message) => put(message, unknown);
	return { answer, mismatch: () => undefined, isForeseen: () => false };
}

/** The methods of an `McpServer` 2.x that the SDK's HTTP entries call before they deliver a call. */
interface Entry {
	toolInputSchemaJson?: (tool: string) => unknown;
	resolveScopeChallenge?: (context: ScopeContext) => unknown;
}

interface ScopeContext {
	readonly request: { readonly method: string; readonly params?: Message };
	readonly authInfo?: RequestContext['authInfo'];
}

/** Hides the tools of a server. */
export function hidingServer(server: object, low: LowLevel, judge: Judge<RequestContext>, hide: true | UnknownTool): Hiding {
	const foreseen = new WeakSet<object>();
	const entry = server as Entry;
	const { toolInputSchemaJson, resolveScopeChallenge } = entry;
	const isEntry = typeof toolInputSchemaJson === 'function';
	if (isEntry) entry.toolInputSchemaJson = () => undefined;
	if (typeof resolveScopeChallenge === 'function') {
		entry.resolveScopeChallenge = async (context) => {
			const { request, authInfo } = context;
			if (request.method !== 'tools/call') return resolveScopeChallenge.call(server, context);
			const challenge: unknown = await resolveScopeChallenge.call(server, context);
			if (challenge === undefined) return undefined;
			const { name, arguments: args } = request.params ?? {};
			if (typeof name === 'string' && !(await judge.denies(name, args, authInfo ? { authInfo } : {}))) return challenge;
			foreseen.add(request);
			return undefined;
		};
	}
	return {
		answer: twinOf(server, low, hide === true ? undefined : hide),
		mismatch({ tool, args }, extra) {
			const { request } = (extra ?? {}) as RequestContext;
			return isEntry && request !== undefined ? mismatch(toolInputSchemaJson.call(server, tool), args, request.headers) : undefined;
		},
		isForeseen: (message) => foreseen.has(message),
	};
}
