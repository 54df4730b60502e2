/**
 * Answers calls exactly, byte for byte, as the server would if it did not have the tool. The answers come from a twin: a
 * second server of the same SDK class with the same capabilities but without tools. No code of the host runs in it.
 */

import { error } from './denial.js';
import type { LowLevel } from './index.js';
import type { Id, Message } from './message.js';

/** Answers a call as if the tool did not exist. */
export type Unknown = (message: Message, extra: unknown) => Message | Promise<Message>;

/** What a low-level server's handler does for an unknown tool: it returns a result or throws an error. */
export type UnknownTool = (tool: string) => object | PromiseLike<object>;

/** The members of the SDKs' servers that are used here. */
interface Sdk extends LowLevel {
	readonly server?: Sdk;
	readonly _registeredTools?: object;
	readonly _serverInfo?: unknown;
	readonly _requestStateVerify?: unknown;
	_negotiatedProtocolVersion?: unknown;
	getCapabilities?(): { readonly [name: string]: object };
	setRequestHandler?(method: unknown, handler: (request: { params: { name: string } }) => unknown): void;
}

type SdkClass = new (info: unknown, options: object) => Sdk;

/** The transport of a twin. */
interface Line {
	onmessage?: (message: unknown, extra: unknown) => void;
	start(): Promise<void>;
	close(): Promise<void>;
	send(answer: Message): Promise<void>;
}

const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;

/** The key to set a handler with: the method in SDK 2.x, a schema in SDK 1.x. */
const CALL = 'tools/call';
const CALL_SCHEMA = { shape: { method: { value: CALL } }, safeParse: (data: unknown) => ({ success: true, data }) };

/** The maximum number of pending answers. Some never come: a server drops requests of another protocol era. */
const MOST = 1024;

/** Throws what `McpServer` of SDK 2.x throws for an unknown tool. */
export function noSuchTool(tool: string): never {
	throw Object.assign(new Error(`Tool ${tool} not found`), { code: INVALID_PARAMS });
}

/** Answers with what the handler returns or throws. The keys have the same order as in the SDKs' responses. */
export async function put(message: Message, unknownTool: UnknownTool): Promise<Message> {
	const id = message['id'] as Id;
	try {
		return { result: await unknownTool(toolOf(message)), jsonrpc: '2.0', id };
	} catch (thrown) {
		const { code, message, data } = (thrown ?? {}) as { code?: unknown; message?: unknown; data?: unknown };
		const text = typeof message === 'string' ? message : 'Internal error';
		return error(id, Number.isSafeInteger(code) ? (code as number) : INTERNAL_ERROR, text, data);
	}
}

const toolOf = (message: Message): string => (message['params'] as { name: string }).name;

/**
 * Returns a function that answers as the server would for an unknown tool. `unknownTool` is given if the server has its own
 * handler for calls.
 */
export function twinOf(server: object, low: LowLevel, unknownTool: UnknownTool | undefined): Unknown {
	const sdk = low as Sdk;
	const high = unknownTool === undefined ? classOf(server, ['registerTool', 'createToolError']) : undefined;
	const made = high ?? classOf(low, ['getCapabilities']);
	const answer = unknownTool ?? noSuchTool;
	if (made === undefined) return (message) => put(message, answer);
	let twin: Promise<Twin | undefined> | undefined;
	return async (message, extra) => {
		twin ??= Twin.of(made, sdk, high === undefined ? answer : undefined).catch(() => undefined);
		return (await twin)?.answer(message, extra, sdk) ?? put(message, answer);
	};
}

/** The SDK class of an object, without subclasses of the host: the class nearest to the root that has all these members. */
function classOf(object: object, members: readonly string[]): SdkClass | undefined {
	let found: SdkClass | undefined;
	for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
		if (['constructor', ...members].every((member) => Object.hasOwn(at!, member)))
			found = (at as { constructor: SdkClass }).constructor;
	}
	return found;
}

class Twin {
	readonly #low: Sdk;
	readonly #line: Line;
	readonly #waiting = new Map<unknown, (answer: Message) => void>();
	#count = 0;

	private constructor(server: Sdk) {
		this.#low = server.server ?? server;
		this.#line = {
			start: async () => {},
			close: async () => {},
			send: async (answer) => {
				this.#waiting.get(answer['id'])?.(answer);
				this.#waiting.delete(answer['id']);
			},
		};
	}

	/** Makes a twin. Throws if the class itself registers tools. */
	static async of(made: SdkClass, sdk: Sdk, unknownTool: UnknownTool | undefined): Promise<Twin> {
		const { _serverInfo: info, _requestStateVerify: verify } = sdk;
		const capabilities = { tools: {}, ...sdk.getCapabilities?.() };
		const server = new made(info, { capabilities, ...(verify !== undefined && { requestState: { verify } }) });
		if (unknownTool !== undefined) {
			server.setRequestHandler!('projectCallToolResult' in sdk ? CALL : CALL_SCHEMA, ({ params }) => unknownTool(params.name));
		}
		if (unknownTool === undefined && Object.keys(server._registeredTools!).length > 0)
			throw new TypeError('the class of the server makes tools');
		const twin = new Twin(server);
		await server.connect(twin.#line);
		return twin;
	}

	async answer(message: Message, extra: unknown, sdk: Sdk): Promise<Message> {
		// The protocol version is state of the server, so copy it.
		if ('_negotiatedProtocolVersion' in sdk) this.#low._negotiatedProtocolVersion = sdk._negotiatedProtocolVersion;
		this.#count += 1;
		const id = this.#count;
		if (this.#waiting.size >= MOST) this.#waiting.delete(this.#waiting.keys().next().value);
		const answer = await new Promise<Message>((resolve) => {
			this.#waiting.set(id, resolve);
			this.#line.onmessage?.({ ...message, id }, extra);
		});
		return { ...answer, id: message['id'] };
	}
}
