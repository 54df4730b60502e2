/** The AI SDK: tools that judge each call. */

import type { ToolExecutionOptions, ToolSet } from 'ai';
import { after, Judge, type Verdict } from './guard/judge.js';
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
type Options = ToolExecutionOptions<unknown>;
type Execute = (input: unknown, options: Options) => unknown;
type NeedsApproval = boolean | ((input: unknown, options: Options) => boolean | PromiseLike<boolean>);
type OnInputAvailable = (options: Options & { readonly input: unknown }) => void | PromiseLike<void>;

/** What decides about the calls of a set of tools. */
interface ToolJudge {
	/** The verdict on a call that is about to run. */
	judge(name: string, input: unknown, options: Options): Verdict | Promise<Verdict>;
	/** Whether a call would be denied if it were made now. */
	denies(name: string, input: unknown, options: Options): boolean | Promise<boolean>;
	/** Whether nobody need be asked about a call, because it would be denied: then it is. */
	skips(name: string, input: unknown, options: Options): boolean | Promise<boolean>;
}

/** The part of a tool that runs other tools (as code mode does) by which the SDK makes the tool that runs. */
interface LocalCaller {
	readonly type: 'local';
	readonly bind: (tools: ToolSet) => AnyTool;
}

type ToolCaller = LocalCaller | { readonly type: 'provider' };

/** Why a call does not run that nobody was asked to approve. */
const UNASKED = 'nobody was asked to approve the call, because it would have been denied: make the call again';

/** How the SDK marks its search for tools, of which it replaces `execute`. */
const SEARCH = Symbol.for('vercel.ai.toolSearch');

/**
 * Tools like the given ones, whose `execute` judges first: the input as the tool's schema has made it, defaults and
 * all, and just that runs. What is denied throws `Denied`, which the SDK tells the model as the tool's error. The given
 * tools stay as they are. Inputs must be plain data (also `Date`, `Map`, `Set`): anything else can't be judged, and is
 * denied.
 *
 * A call that would be denied is not put before a person, where the tool's `needsApproval` asks for it, and the tool's
 * `onInputAvailable` does not hear of it. `onInputStart` and `onInputDelta` run while the model still writes the input:
 * **nothing can judge a call before them**, and nothing before the `toolApproval` of `generateText`, its
 * `onToolExecutionStart` and the like, which come from whoever calls the model.
 *
 * A tool without `execute` and one that the provider executes run elsewhere, and cannot be guarded here: they must be
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
	const judge = toolJudge(new Judge(policy, settings));
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
			throw new TypeError(`\`${name}\` cannot be guarded, because ${why}: name it in \`unguarded\` to leave it as it is`);
		}
		return [name, guardTool(name, tool, judge)];
	});
	return Object.fromEntries(guarded) as TOOLS;
}

/**
 * Judges the calls of tools. A call that was not put before a person because it would have been denied is denied, whatever
 * has changed since: nobody has approved it.
 */
function toolJudge<CONTEXT>(judge: Judge<GuardedCall<CONTEXT>>): ToolJudge {
	// What a tool's context is, the host says of its own tools.
	const told = (tool: string, options: Options) => ({ tool, options }) as GuardedCall<CONTEXT>;
	const denies: ToolJudge['denies'] = (name, input, options) => judge.denies(name, input, told(name, options));
	/** The calls that nobody was asked about, by the messages that they answer. */
	const unasked = new WeakMap<object, Set<string>>();
	return {
		judge(name, input, options) {
			const judged = (): Verdict | Promise<Verdict> => judge.judge(name, input, told(name, options));
			if (!unasked.get(options?.messages)?.has(options.toolCallId)) return judged();
			// It is denied for the policy's reason, or for this one.
			const refused = (): Verdict => ({ denied: judge.refuse(name, UNASKED, UNASKED)! });
			return after(denies(name, input, options), (denied) =>
				denied ? after(judged(), (verdict) => (verdict.denied ? verdict : refused())) : refused(),
			);
		},
		denies,
		skips(name, input, options) {
			const { messages, toolCallId } = options;
			// Where it could not be remembered, a person is asked.
			if (typeof messages !== 'object' || messages === null) return false;
			return after(denies(name, input, options), (denied) => {
				if (denied) unasked.set(messages, (unasked.get(messages) ?? new Set()).add(toolCallId));
				return denied;
			});
		},
	};
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
	const { needsApproval, onInputAvailable } = tool as { needsApproval?: NeedsApproval; onInputAvailable?: OnInputAvailable };
	if (needsApproval === true || typeof needsApproval === 'function') {
		members['needsApproval'] = { value: guardApproval(name, tool, needsApproval, judge), enumerable: true };
	}
	if (typeof onInputAvailable === 'function') {
		members['onInputAvailable'] = { value: guardInput(name, tool, onInputAvailable, judge), enumerable: true };
	}
	const caller = callerOf(tool);
	if (caller !== undefined) {
		const bind = (tools: ToolSet): AnyTool => guardTool(name, caller.bind(tools), judge);
		members['experimental_toolCaller'] = { value: { ...caller, bind } };
	}
	return Object.create(Object.getPrototypeOf(tool) as object | null, members) as AnyTool;
}

/** Whether a call needs to be approved: a call that would be denied does not. */
function guardApproval(name: string, tool: AnyTool, needsApproval: NeedsApproval, judge: ToolJudge): NeedsApproval {
	return async (input, options) => {
		if (needsApproval !== true && !(await Reflect.apply(needsApproval as Execute, tool, [input, options]))) return false;
		return !(await judge.skips(name, input, options));
	};
}

/** Tells a tool of its input, where a call with it would not be denied. */
function guardInput(name: string, tool: AnyTool, onInputAvailable: OnInputAvailable, judge: ToolJudge): OnInputAvailable {
	return async (options) => {
		const { input, ...rest } = options;
		if (!(await judge.denies(name, input, rest))) await Reflect.apply(onInputAvailable, tool, [options]);
	};
}

function guardExecute(name: string, tool: AnyTool, execute: Execute, judge: ToolJudge): Execute {
	const runs =
		(options: Options) =>
		(verdict: Verdict): unknown => {
			if (verdict.denied) throw verdict.denied;
			return Reflect.apply(execute, tool, [verdict.args, options]);
		};
	if (Object.prototype.toString.call(execute) === '[object AsyncFunction]') {
		return async (input, options) => runs(options)(await judge.judge(name, input, options));
	}
	// The SDK looks at once whether a result is an `AsyncIterable`, when it may not be known yet whether the tool runs.
	return (input, options) => {
		const verdict = judge.judge(name, input, options);
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
