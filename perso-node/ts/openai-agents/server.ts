/** Guarded MCP servers for agents. */

import type { MCPServer, RunContext } from '@openai/agents';
import type { Denied } from '../guard/denied.js';
import { Judge } from '../guard/judge.js';
import type { ServerSettings, Settings } from '../guard/settings.js';
import { Closed, passes } from '../mcp/closed.js';
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

/** The methods of a server for prompts and resources, and the MCP methods that they send. */
const ASKS = {
	listPrompts: 'prompts/list',
	getPrompt: 'prompts/get',
	listResources: 'resources/list',
	listResourceTemplates: 'resources/templates/list',
	readResource: 'resources/read',
};

type Arguments = Record<string, unknown> | null;
type Call<R> = (tool: string, args: Arguments, ...rest: unknown[]) => Promise<R>;

/**
 * Returns a guarded wrapper of an MCP server. It judges each call before it is sent, with the arguments that are sent, after
 * any changes by hooks, guardrails and `toolMetaResolver`. Rules match the names that the server itself uses for its tools,
 * without the prefix of `includeServerInToolNames`. The model gets the message of a denial as the tool's output.
 *
 * With `prompts: 'deny'` or `resources: 'deny'`, no such requests are sent: lists are empty, and other methods throw an Error.
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
			return verdict.denied ? denial(verdict.denied) : call.call(server, tool, verdict.args as Arguments, ...rest);
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
	for (const [name, method] of Object.entries(ASKS)) {
		const ask: unknown = Reflect.get(server, name);
		const instead = closed?.instead(method);
		if (typeof ask !== 'function' || instead === undefined) continue;
		members[name] = async (...args: unknown[]): Promise<unknown> => {
			if (passes(instead, judge)) return ask.apply(server, args) as unknown;
			if (instead.result === undefined) throw new Error(instead.message);
			return { ...instead.result };
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
