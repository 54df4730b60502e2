/** Guards MCP servers, whichever line of the SDK they are on and whatever they are reached by. */

import { Judge } from '../guard/judge.js';
import type { ServerSettings } from '../guard/settings.js';
import type { BasePolicy } from '../policy.js';
import { Closed } from './closed.js';
import { Gate, type Send } from './gate.js';
import { type Hiding, hidingServer, hidingTransport } from './hiding.js';

export type { ServerSettings } from '../guard/settings.js';

/** Who a verified token was given to, as the SDKs' `AuthInfo` has it. */
export interface AuthInfo {
	readonly token: string;
	readonly clientId: string;
	readonly scopes: string[];
	readonly expiresAt?: number | undefined;
	readonly resource?: URL | undefined;
	readonly extra?: Record<string, unknown> | undefined;
}

/** What is known of the request that a message came by. */
export interface RequestContext {
	/** The verified token; only where a middleware in front of the server has verified one. */
	readonly authInfo?: AuthInfo;
	/** The request, as the 1.x line tells of it. Its headers are whatever the client says. */
	readonly requestInfo?: { readonly headers: Record<string, string | string[] | undefined> };
	/** The request, as the 2.x line tells of it. */
	readonly request?: Request;
	/** The transport's session, where it has any. */
	readonly sessionId?: string;
}

/** A transport of either line: what is used of it. */
export interface Transport {
	send(message: never, options?: never): Promise<unknown>;
}

/** A server of either line, high-level or low-level: what is used of it. */
export interface Server {
	connect(transport: never): Promise<unknown>;
}

/** The policies by which a server's or a transport's messages are judged. */
const guards = new WeakMap<object, Set<BasePolicy>>();

/**
 * Guards a server: whatever it is connected to from now on, each call of a tool is judged before it runs, and runs with the
 * arguments that were judged; what is denied is answered with the reason; lists show what the caller could call. Returns
 * the server.
 *
 * @throws Error where the server is connected or guarded by the policy already, TypeError where it is no server or a setting
 * is wrong
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
	if (closed !== undefined && !judge.observes && getCapabilities !== undefined) {
		low.getCapabilities = () => closed.capabilities(getCapabilities.call(low));
	}
	low.connect = function (transport: object, ...rest: unknown[]) {
		admit(transport as Raw, policy, judge, { hiding, closed });
		return connect.call(low, transport, ...rest);
	};
	return server;
}

/**
 * Guards a transport by itself: messages that come from it are judged before whoever listens gets them. Returns the transport.
 *
 * @throws Error where it is guarded by the policy already, TypeError where a setting is wrong
 */
export function guardTransport<T extends Transport>(transport: T, policy: BasePolicy, settings: ServerSettings<RequestContext> = {}): T {
	const hide = hidden(settings);
	const closed = Closed.of(settings);
	admit(transport as unknown as Raw, policy, new Judge(policy, settings), { hiding: hide && hidingTransport(hide), closed });
	return transport;
}

/** How denied calls are hidden, if they are. */
function hidden({ hide = false }: ServerSettings<RequestContext>): (ServerSettings['hide'] & (true | Function)) | undefined {
	if (typeof hide !== 'boolean' && typeof hide !== 'function') throw new TypeError('`hide` must be of type boolean or function');
	return hide === false ? undefined : hide;
}

/** A low-level server, as it is. */
export interface LowLevel {
	transport?: unknown;
	connect(this: unknown, transport: object, ...rest: unknown[]): Promise<unknown>;
	getCapabilities?(this: unknown): { readonly [name: string]: object };
}

/** The server that does the protocol: an `McpServer` has one. */
function lowLevel(server: unknown): LowLevel {
	for (const found of [(server as { server?: unknown } | null)?.server, server]) {
		if (typeof (found as LowLevel | null | undefined)?.connect === 'function') return found as LowLevel;
	}
	throw new TypeError('this is no MCP server: it has no `connect`');
}

function once(guarded: object, policy: BasePolicy, what: string): void {
	const policies = guards.get(guarded) ?? new Set();
	if (policies.has(policy)) throw new Error(`the ${what} is guarded by this policy already`);
	guards.set(guarded, policies.add(policy));
}

/** A transport, as it is. */
interface Raw {
	sessionId?: string;
	send: Send;
	onmessage?: unknown;
	onclose?: unknown;
	onerror?: unknown;
}

type Handler = (...args: unknown[]) => unknown;

/** Puts a gate into a transport. */
function admit(
	transport: Raw,
	policy: BasePolicy,
	judge: Judge<RequestContext>,
	more: { hiding?: Hiding | undefined; closed?: Closed | undefined },
): void {
	once(transport, policy, 'transport');
	const send = transport.send.bind(transport);
	const told = (extra: unknown): RequestContext => {
		const { sessionId } = transport;
		return { ...(extra as RequestContext | undefined), ...(sessionId !== undefined && { sessionId }) };
	};
	const fail = (error: unknown): void => {
		const { onerror } = transport;
		if (typeof onerror === 'function') onerror.call(transport, error instanceof Error ? error : new Error(String(error)));
	};
	const gate = new Gate(judge, more, told, send, fail);
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
 * Wraps whatever handler is set, whenever it is set. Where the transport's class has an accessor for it, as the Node
 * transport of the 1.x line has, that goes on to be used.
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
