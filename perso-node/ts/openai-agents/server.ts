/** Guarded MCP servers for agents. */

import type { MCPServer, RunContext } from '@openai/agents';
import type { Denied } from '../guard/denied.js';
import { Judge } from '../guard/judge.js';
import { running } from '../guard/running.js';
import type { ServerSettings, Settings } from '../guard/settings.js';
import { Closed, copied, passes } from '../mcp/closed.js';
import { covered, coveredBy, FILTERED } from '../mcp/covered.js';
import type { Message } from '../mcp/message.js';
import type { BasePolicy } from '../policy.js';
import { mark } from './guarded.js';

/** The argument of the `agent` function. */
export interface GuardedMcpCall<CONTEXT = unknown> {
	/** The tool's name on the MCP server. */
	readonly tool: string;
	/** The name of the MCP server. */
	readonly server: string;
	/** The run's context. Undefined if your own code calls the server outside of a run. */
	readonly context: RunContext<CONTEXT>;
}

/** The methods of a server for prompts and resources: the MCP methods that they send, and the params that their arguments become. */
const ASKS: { readonly [name: string]: readonly [method: string, params: readonly string[]] } = {
	listPrompts: ['prompts/list', []],
	getPrompt: ['prompts/get', ['name', 'arguments']],
	listResources: ['resources/list', []],
	listResourceTemplates: ['resources/templates/list', []],
	readResource: ['resources/read', ['uri']],
};

type Arguments = Record<string, unknown> | null;
type Call<R> = (tool: string, args: Arguments, ...rest: unknown[]) => Promise<R>;

/**
 * Returns a guarded wrapper of an MCP server. It judges each call before it is sent, with the arguments that are sent, after
 * any changes by hooks, guardrails and `toolMetaResolver`. Rules match the names that the server itself uses for its tools,
 * without the prefix of `includeServerInToolNames`. The model gets the message of a denial as the tool's output.
 *
 * If the policy covers prompts or resources, `getPrompt` and `readResource` are judged as well, and throw a {@link Denied} in place of
 * a request that is denied; lists are filtered. With `prompts: 'deny'` or `resources: 'deny'`, no such requests are sent: lists are
 * empty, and other methods throw an Error.
 *
 * Give agents the guarded server, and call `connect` and `close` on it. The original server is not changed.
 *
 * @throws TypeError or RangeError if an option is invalid
 * @example
 * const desk = guardMcpServer(new MCPServerStdio({ command }), policy, { agent: ({ context }) => context.context.user });
 * const agent = new Agent({ name: 'desk', mcpServers: [desk] });
 */
export function guardMcpServer<S extends MCPServer, CONTEXT = unknown>(
	server: S,
	policy: BasePolicy,
	settings: Settings<GuardedMcpCall<CONTEXT>> & Pick<ServerSettings, 'prompts' | 'resources'> = {},
): S {
	const judge = new Judge(policy, settings);
	const closed = Closed.of(settings);
	/** The run of each call, by the call's arguments object: the SDK passes the run only to `toolMetaResolver`. */
	const runs = new WeakMap<object, RunContext<CONTEXT>>();
	const judged =
		<R>(call: Call<R>, denial: (denied: Denied) => R): Call<R> =>
		async (tool, args, ...rest) => {
			const context = runs.get(args as object) as RunContext<CONTEXT>;
			const verdict = await judge.judge(tool, args, { tool, server: server.name, context });
			if (verdict.denied) return denial(verdict.denied);
			const { signal } = (rest[1] ?? {}) as { readonly signal?: AbortSignal };
			return running(verdict.ran, () => call.call(server, tool, verdict.args as Arguments, ...rest), { signal });
		};
	const members: { [name: string | symbol]: unknown } = {
		__proto__: null,
		toolMetaResolver: async (called: Parameters<NonNullable<MCPServer['toolMetaResolver']>>[0]) => {
			if (typeof called.arguments === 'object' && called.arguments !== null) {
				runs.set(called.arguments, called.runContext as RunContext<CONTEXT>);
			}
			return server.toolMetaResolver?.(called);
		},
		callTool: judged(server.callTool as Call<object>, failed),
		...(server.callToolResult && {
			callToolResult: judged(server.callToolResult as Call<object>, (denied) => {
				return { content: failed(denied), isError: true, _meta: denied.meta() };
			}),
		}),
	};
	for (const [name, [method, keys]] of Object.entries(ASKS)) {
		const found: unknown = Reflect.get(server, name);
		const instead = closed?.instead(method);
		if (typeof found !== 'function') continue;
		const ask = async (args: unknown[]): Promise<unknown> => found.apply(server, args) as unknown;
		members[name] = async (...args: unknown[]): Promise<unknown> => {
			if (instead !== undefined && !passes(instead, judge)) {
				if (instead.result === undefined) throw new Error(instead.message);
				return { ...instead.result };
			}
			const params = Object.fromEntries(keys.map((key, at) => [key, args[at]]).filter(([, value]) => value !== undefined));
			const asked = covered(coveredBy(policy), method, copied(params));
			if (asked === undefined) return ask(args);
			if ('why' in asked) {
				if (judge.refuse('', asked.why) === undefined) return ask(args);
				throw new Error(asked.message);
			}
			const info = (tool: string) => ({ tool, server: server.name, context: undefined as unknown as RunContext<CONTEXT> });
			if ('list' in asked) {
				const { list, kind, key } = FILTERED.find(({ list }) => list === asked.list)!;
				const viewer = await judge.viewer(info(''));
				const result = (await ask(args)) as { readonly [list: string]: readonly Message[] };
				return { ...result, [list]: judge.shown(result[list] ?? [], (one) => one[key], viewer, kind) };
			}
			const verdict = await judge.judgeRequest(asked.tool, asked.calls, info(asked.tool));
			if (verdict.denied) throw verdict.denied;
			return running(verdict.ran, () => ask([...keys.map((key) => (verdict.args as Message)[key]), ...args.slice(keys.length)]));
		};
	}
	/** The server's methods, bound to the server: with the proxy as `this`, they could not read private fields. */
	const functions = new WeakMap<object, unknown>();
	return mark(
		new Proxy(Object.create(Object.getPrototypeOf(server) as object) as S, {
			get(_, key) {
				if (key in members) return members[key];
				const value: unknown = Reflect.get(server, key);
				if (typeof value !== 'function' || key === 'constructor') return value;
				if (!functions.has(value)) functions.set(value, value.bind(server));
				return functions.get(value);
			},
			set: (_, key, value) => Reflect.set(server, key, value),
			has: (_, key) => key in server,
		}),
	);
}

const failed = (denied: Denied): object[] => [{ type: 'text', text: denied.message }];
