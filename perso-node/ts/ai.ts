/** The AI SDK: tools that judge each call. */

import type { ToolExecutionOptions, ToolSet } from 'ai';
import { Judge, type Verdict } from './guard/judge.js';
import type { Settings } from './guard/settings.js';
import type { BasePolicy } from './policy.js';

/** What `agent` is told of a call. */
export interface GuardedCall<CONTEXT = unknown> {
	readonly tool: string;
	/** What the SDK hands to `execute`: `context` is the tool's entry of `toolsContext`, from the host. */
	readonly options: ToolExecutionOptions<CONTEXT>;
}

/** How tools are guarded. */
export interface ToolsSettings<CONTEXT = unknown> extends Settings<GuardedCall<CONTEXT>> {
	/** The tools that run where no guard of this process sees it, so that they are left as they are. */
	readonly unguarded?: readonly string[];
}

type AnyTool = ToolSet[string];
type Execute = (input: unknown, options: ToolExecutionOptions<unknown>) => unknown;
type ToolJudge = (name: string, input: unknown, options: ToolExecutionOptions<unknown>) => Verdict | Promise<Verdict>;

/** The part of a tool that runs other tools (as code mode does) by which the SDK makes the tool that runs. */
interface LocalCaller {
	readonly type: 'local';
	readonly bind: (tools: ToolSet) => AnyTool;
}

type ToolCaller = LocalCaller | { readonly type: 'provider' };

/** How the SDK marks its search for tools, of which it replaces `execute`. */
const SEARCH = Symbol.for('vercel.ai.toolSearch');

/**
 * Tools like the given ones, whose `execute` judges first: the input as the tool's schema has made it, defaults and
 * all, and just that runs. What is denied throws `Denied`, which the SDK tells the model as the tool's error. The given
 * tools stay as they are. Inputs must be plain data (also `Date`, `Map`, `Set`): anything else can't be judged, and is
 * denied.
 *
 * A tool without `execute` and one that the provider executes run elsewhere, and can't be guarded here: they must be
 * named in `unguarded`.
 *
 * Preliminary results come as before. Where `agent` or `resource` must be waited for, the result of a function that is
 * not declared `async` comes as a preliminary one as well: the SDK asks whether there are any before that can be known.
 *
 * @throws TypeError for tools that can't be guarded and are not in `unguarded`, and for names in it that need not be
 * @example
 * const { text } = await generateText({
 *   model,
 *   tools: guardTools({ process_refund }, policy, { agent: ({ options }) => options.context.user }),
 *   toolsContext: { process_refund: { user: session.user } },
 *   prompt,
 * });
 */
export function guardTools<TOOLS extends ToolSet, CONTEXT = unknown>(
	tools: TOOLS,
	policy: BasePolicy,
	settings: ToolsSettings<CONTEXT> = {},
): TOOLS {
	const judge = new Judge(policy, settings);
	// What a tool's context is, the host says of its own tools.
	const told = (tool: string, options: ToolExecutionOptions<unknown>) => ({ tool, options }) as GuardedCall<CONTEXT>;
	const judged: ToolJudge = (name, input, options) => judge.judge(name, input, told(name, options));
	const elsewhere = new Set(settings.unguarded);
	for (const name of elsewhere) {
		if (!Object.hasOwn(tools, name)) throw new TypeError(`\`${name}\` is in \`unguarded\`, but is none of the tools`);
	}
	const guarded = Object.entries(tools).map(([name, tool]): [string, AnyTool] => {
		const why = unguardable(tool);
		if (elsewhere.has(name)) {
			if (why === undefined) throw new TypeError(`\`${name}\` can be guarded: take it out of \`unguarded\``);
			return [name, tool];
		}
		if (why !== undefined) {
			throw new TypeError(`\`${name}\` can not be guarded, because ${why}: name it in \`unguarded\` to leave it as it is`);
		}
		return [name, guardTool(name, tool, judged)];
	});
	return Object.fromEntries(guarded) as TOOLS;
}

/** Why a tool runs elsewhere, where it does. */
function unguardable(tool: AnyTool): string | undefined {
	if (tool.type === 'provider' && tool.isProviderExecuted) return 'the provider executes it';
	if (SEARCH in tool) return 'the SDK executes it';
	if (typeof tool.execute !== 'function' && callerOf(tool) === undefined) return 'it has no `execute`';
	return undefined;
}

function callerOf(tool: AnyTool): LocalCaller | undefined {
	const { experimental_toolCaller: caller } = tool as { experimental_toolCaller?: ToolCaller };
	return caller?.type === 'local' ? caller : undefined;
}

/** A tool like another but for how it runs. */
function guardTool(name: string, tool: AnyTool, judge: ToolJudge): AnyTool {
	const members = Object.getOwnPropertyDescriptors(tool) as PropertyDescriptorMap;
	const { execute } = tool as { execute?: Execute };
	if (typeof execute === 'function') {
		members['execute'] = { value: guardExecute(name, tool, execute, judge), enumerable: true };
	}
	const caller = callerOf(tool);
	if (caller !== undefined) {
		const bind = (tools: ToolSet): AnyTool => guardTool(name, caller.bind(tools), judge);
		members['experimental_toolCaller'] = { value: { ...caller, bind } };
	}
	return Object.create(Object.getPrototypeOf(tool) as object | null, members) as AnyTool;
}

function guardExecute(name: string, tool: AnyTool, execute: Execute, judge: ToolJudge): Execute {
	const runs = (options: ToolExecutionOptions<unknown>) => (verdict: Verdict): unknown => {
		if (verdict.denied) throw verdict.denied;
		return Reflect.apply(execute, tool, [verdict.args, options]);
	};
	if (Object.prototype.toString.call(execute) === '[object AsyncFunction]') {
		return async (input, options) => runs(options)(await judge(name, input, options));
	}
	// The SDK looks at once whether a result is an `AsyncIterable`, when it may not be known yet whether the tool runs.
	return (input, options) => {
		const verdict = judge(name, input, options);
		return verdict instanceof Promise ? streamed(verdict, runs(options)) : runs(options)(verdict);
	};
}

/** The results of a tool, one or many, once it is known whether it runs. */
async function* streamed(verdict: Promise<Verdict>, run: (verdict: Verdict) => unknown): AsyncGenerator<unknown> {
	const result = run(await verdict);
	if (isAsyncIterable(result)) yield* result;
	else yield await result;
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
	typeof (value as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === 'function';
