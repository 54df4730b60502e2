/** Guards for MCP servers on either version of the SDK (1.x and 2.x), over any transport. */

import { Judge } from '../guard/judge.js';
import type { ServerSettings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { Closed } from './closed.js';
import { withoutSubscriptions } from './covered.js';
import { Gate, type Send } from './gate.js';
import { type Hiding, hidingServer, hidingTransport } from './hiding.js';
import { MODERN } from './message.js';

export { elicit } from './elicit.js';
export type { ServerSettings } from '../guard/settings.js';

/** A verified token, as in the SDKs' `AuthInfo`. */
export interface AuthInfo {
	readonly token: string;
	readonly clientId: string;
	readonly scopes: string[];
	readonly expiresAt?: number | undefined;
	readonly resource?: URL | undefined;
	readonly extra?: Record<string, unknown> | undefined;
}

/** The argument of the `agent` function: the request that a message came with. */
export interface RequestContext {
	/** The verified token. Present only if a middleware in front of the server has verified one. */
	readonly authInfo?: AuthInfo;
	/** The request in SDK 1.x. The client controls its headers: do not trust them. */
	readonly requestInfo?: { readonly headers: Record<string, string | string[] | undefined> };
	/** The request in SDK 2.x. The client controls its headers: do not trust them. */
	readonly request?: Request;
	/** The transport's session id, if it has one. */
	readonly sessionId?: string;
}

/** A transport of SDK 1.x or 2.x. */
export interface Transport {
	send(message: never, options?: never): Promise<unknown>;
}

/** A server of SDK 1.x or 2.x, high-level (`McpServer`) or low-level (`Server`). */
export interface Server {
	connect(transport: never): Promise<unknown>;
}

/** The policies that guard a server or transport. */
const guards = new WeakMap<object, Set<BasePolicy>>();

/**
 * Guards a server and returns it. Call it before `connect`. Over every transport that the server is connected to from then
 * on, each tool call is judged before it runs, and runs with exactly the arguments that were judged. A denied call is
 * answered with the decision's message. Lists contain only tools that the caller can use.
 *
 * @throws Error if the server is already connected, or already guarded by this policy
 * @throws TypeError or RangeError if `server` is not a server, or an option is invalid
 * @example
 * guard(server, policy, { agent: ({ authInfo }) => ({ id: authInfo?.clientId, roles: authInfo?.extra?.roles }) });
 * await server.connect(transport);
 */
export function guard<S extends Server>(server: S, policy: BasePolicy, settings: ServerSettings<RequestContext> = {}): S {
	const low = lowLevel(server);
	if (low.transport !== undefined) throw new Error('the server is connected already: guard it before `connect`');
	const judge = new Judge(policy, settings);
	const hide = hidden(settings);
	const closed = Closed.of(settings);
	once(low, policy, 'server');
	const hiding = hide && hidingServer(server, low, judge, hide);
	const { connect, getCapabilities } = low;
	if (!judge.observes && getCapabilities !== undefined) {
		low.getCapabilities = () => {
			const all = getCapabilities.call(low);
			const left = closed === undefined ? all : closed.capabilities(all);
			return policy.covers.includes('resources') && !hasHandshake(low) ? withoutSubscriptions(left) : left;
		};
	}
	low.connect = function (transport: object, ...rest: unknown[]) {
		admit(transport as Raw, policy, judge, { hiding, closed });
		return connect.call(low, transport, ...rest);
	};
	return server;
}

/**
 * Guards a transport and returns it. Its messages are judged before its handlers get them. Use it if you cannot call
 * {@link guard} on the server itself.
 *
 * @throws Error if the transport is already guarded by this policy
 * @throws TypeError or RangeError if an option is invalid
 * @example
 * await server.connect(guardTransport(new StdioServerTransport(), policy, { agent: { roles: ['agent'] } }));
 */
export function guardTransport<T extends Transport>(transport: T, policy: BasePolicy, settings: ServerSettings<RequestContext> = {}): T {
	const hide = hidden(settings);
	const closed = Closed.of(settings);
	admit(transport as unknown as Raw, policy, new Judge(policy, settings), { hiding: hide && hidingTransport(hide), closed });
	return transport;
}

/** Reads the `hide` option. Returns undefined if it is off. */
function hidden({ hide = false }: ServerSettings<RequestContext>): (ServerSettings['hide'] & (true | Function)) | undefined {
	if (typeof hide !== 'boolean' && typeof hide !== 'function') throw new TypeError('`hide` must be of type boolean or function');
	return hide === false ? undefined : hide;
}

/** The members of a low-level server that are used here. */
export interface LowLevel {
	transport?: unknown;
	connect(this: unknown, transport: object, ...rest: unknown[]): Promise<unknown>;
	getCapabilities?(this: unknown): { readonly [name: string]: object };
	/** SDK 2.x only. Undefined until a version is negotiated. */
	getNegotiatedProtocolVersion?(this: unknown): string | undefined;
}

/** Whether the server is connected to a client that began with a handshake, as clients do before MCP revision 2026-07-28. */
function hasHandshake(low: LowLevel): boolean {
	if (low.getNegotiatedProtocolVersion === undefined) return true;
	const version = low.getNegotiatedProtocolVersion();
	return version !== undefined && version < MODERN;
}

/** The low-level server: of an `McpServer` its `server`, else the server itself. */
function lowLevel(server: unknown): LowLevel {
	for (const found of [(server as { server?: unknown } | null)?.server, server]) {
		if (typeof (found as LowLevel | null | undefined)?.connect === 'function') return found as LowLevel;
	}
	throw new TypeError('this is not an MCP server: it has no `connect`');
}

function once(guarded: object, policy: BasePolicy, what: string): void {
	const policies = guards.get(guarded) ?? new Set();
	if (policies.has(policy)) throw new Error(`the ${what} is guarded by this policy already`);
	guards.set(guarded, policies.add(policy));
}

/** The members of a transport that are used here. */
interface Raw {
	sessionId?: string;
	send: Send;
	onmessage?: unknown;
	onclose?: unknown;
	onerror?: unknown;
}

type Handler = (...args: unknown[]) => unknown;

/** Installs a gate in a transport. */
function admit(
	transport: Raw,
	policy: BasePolicy,
	judge: Judge<RequestContext>,
	more: { hiding?: Hiding | undefined; closed?: Closed | undefined },
): void {
	once(transport, policy, 'transport');
	const send = transport.send.bind(transport);
	const contextOf = (extra: unknown): RequestContext => {
		const { sessionId } = transport;
		return { ...(extra as RequestContext | undefined), ...(sessionId !== undefined && { sessionId }) };
	};
	const fail = (error: unknown): void => {
		const { onerror } = transport;
		if (typeof onerror === 'function') onerror.call(transport, error instanceof Error ? error : new Error(String(error)));
	};
	const gate = new Gate(judge, more, contextOf, send, fail);
	transport.send = (message, options) => gate.send(message, options);
	let handlers = 0;
	intercept(transport, 'onmessage', (handler) => {
		handlers += 1;
		const deliver = (message: unknown, extra: unknown): unknown => handler.call(transport, message, extra);
		return (message, extra) => gate.receive(message, extra, deliver, handlers > 1);
	});
	intercept(transport, 'onclose', (handler) => (...args) => {
		gate.close();
		return handler.apply(transport, args);
	});
}

/**
 * Wraps every handler that is assigned to a property, now or later. If the transport's class has an accessor for it, as the
 * Node transport of SDK 1.x does, the wrapped handler is assigned through that accessor.
 */
function intercept(transport: Raw, name: 'onmessage' | 'onclose', wrap: (handler: Handler) => Handler): void {
	const inherited = accessor(transport, name);
	const already = transport[name];
	let own: unknown;
	Object.defineProperty(transport, name, {
		configurable: true,
		enumerable: true,
		get: () => (inherited ? inherited.get?.call(transport) : own),
		set(handler: unknown) {
			const wrapped = typeof handler === 'function' ? wrap(handler as Handler) : handler;
			if (inherited) inherited.set?.call(transport, wrapped);
			else own = wrapped;
		},
	});
	if (already !== undefined) transport[name] = already;
}

function accessor(transport: object, name: string): PropertyDescriptor | undefined {
	for (let object: object | null = transport; object; object = Object.getPrototypeOf(object) as object | null) {
		const found = Object.getOwnPropertyDescriptor(object, name);
		if (found) return found.set ? found : undefined;
	}
	return undefined;
}
