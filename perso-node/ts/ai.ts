/** Guards for tools of the AI SDK. */

import type { ToolExecutionOptions, ToolSet } from 'ai';
import { after, Judge, type Verdict } from './guard/judge.js';
import { isAsyncIterable, running } from './guard/running.js';
import type { Settings } from './guard/settings.js';
import type { BasePolicy } from './policy.js';

/** The argument of the `agent` function. */
export interface GuardedCall<CONTEXT = unknown> {
	/** The tool's name. */
	readonly tool: string;
	/** The options that the SDK passes to `execute`. `context` is the tool's entry in `toolsContext`, which the host sets. */
	readonly options: ToolExecutionOptions<CONTEXT>;
}

/** Options of {@link guardTools}. */
export interface ToolsSettings<CONTEXT = unknown> extends Settings<GuardedCall<CONTEXT>> {
	/** Names of tools that run outside of this process and cannot be guarded here. They are returned unchanged. */
	readonly unguarded?: readonly string[];
}

type AnyTool = ToolSet[string];
type Options = ToolExecutionOptions<unknown>;
type Execute = (input: unknown, options: Options) => unknown;
type NeedsApproval = boolean | ((input: unknown, options: Options) => boolean | PromiseLike<boolean>);
type OnInputAvailable = (options: Options & { readonly input: unknown }) => void | PromiseLike<void>;

/** Judges the calls of a set of tools. */
interface ToolJudge {
	/** The verdict on a call that is about to run. */
	judge(name: string, input: unknown, options: Options): Verdict | Promise<Verdict>;
	/** Whether a call would be denied if it were made now. */
	denies(name: string, input: unknown, options: Options): boolean | Promise<boolean>;
	/** Whether to skip the approval of a call because it would be denied. A skipped call is then always denied. */
	skips(name: string, input: unknown, options: Options): boolean | Promise<boolean>;
}

/** The member of a tool that runs other tools (code mode, for example). The SDK calls `bind` to create the tool that runs. */
interface LocalCaller {
	readonly type: 'local';
	readonly bind: (tools: ToolSet) => AnyTool;
}

type ToolCaller = LocalCaller | { readonly type: 'provider' };

/** The reason for denying a call whose approval was skipped. */
const UNASKED = 'nobody was asked to approve the call, because it would have been denied: make the call again';

/** The SDK's mark on its tool search tool, whose `execute` it replaces. */
const SEARCH = Symbol.for('vercel.ai.toolSearch');

/**
 * Returns guarded copies of tools. Each copy's `execute` judges the call before it runs the original.
 *
 * The policy judges the input after the tool's schema has parsed it, with defaults applied, and the tool runs with exactly
 * that input. A denied call throws `Denied`, which the SDK reports to the model as the tool's error. Inputs must be
 * plain data (`Date`, `Map` and `Set` included): a call with anything else is denied. The original tools are not changed.
 *
 * A call that would be denied does not ask for approval (`needsApproval`) and does not trigger `onInputAvailable`.
 * `onInputStart` and `onInputDelta` run while the model still writes the input, so **they run before the call is judged**.
 * So do callbacks of the code that calls the model, such as `toolApproval` and `onToolExecutionStart` of `generateText`.
 *
 * Tools without `execute` and tools that the provider executes cannot be guarded: list them in `unguarded`.
 *
 * Preliminary results are passed on. If `agent` or `resource` is async, a tool whose `execute` is not declared `async` also
 * yields its result as a preliminary one, because the SDK checks for an `AsyncIterable` before the decision is known.
 *
 * @throws TypeError if a tool cannot be guarded and is not in `unguarded`, or if `unguarded` names a tool that can be
 * guarded or does not exist
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
 * Judges the calls of tools. A call whose approval was skipped stays denied even if the policy or the caller has changed
 * since, because it was never approved.
 */
function toolJudge<CONTEXT>(judge: Judge<GuardedCall<CONTEXT>>): ToolJudge {
	// The host chooses `CONTEXT` to match the context of its own tools.
	const infoOf = (tool: string, options: Options) => ({ tool, options }) as GuardedCall<CONTEXT>;
	const denies: ToolJudge['denies'] = (name, input, options) => judge.denies(name, input, infoOf(name, options));
	/** The ids of the calls whose approval was skipped, by the `messages` array of their step. */
	const unasked = new WeakMap<object, Set<string>>();
	return {
		judge(name, input, options) {
			const judged = (): Verdict | Promise<Verdict> => judge.judge(name, input, infoOf(name, options));
			if (!unasked.get(options?.messages)?.has(options.toolCallId)) return judged();
			// Denied with the policy's reason if the policy still denies it, else with `UNASKED`.
			const refused = (): Verdict => ({ denied: judge.refuse(name, UNASKED, UNASKED)! });
			return after(denies(name, input, options), (denied) =>
				denied
					? after(judged(), (verdict) => {
							verdict.undo?.();
							return verdict.denied ? verdict : refused();
						})
					: refused(),
			);
		},
		denies,
		skips(name, input, options) {
			const { messages, toolCallId } = options;
			// Without `messages` the skip cannot be remembered, so ask for approval.
			if (typeof messages !== 'object' || messages === null) return false;
			return after(denies(name, input, options), (denied) => {
				if (denied) unasked.set(messages, (unasked.get(messages) ?? new Set()).add(toolCallId));
				return denied;
			});
		},
	};
}

/** Why a tool cannot be guarded; undefined if it can. */
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

/** Returns a guarded copy of a tool. */
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

/** Wraps `needsApproval`: a call that would be denied needs no approval. */
function guardApproval(name: string, tool: AnyTool, needsApproval: NeedsApproval, judge: ToolJudge): NeedsApproval {
	return async (input, options) => {
		if (needsApproval !== true && !(await Reflect.apply(needsApproval as Execute, tool, [input, options]))) return false;
		return !(await judge.skips(name, input, options));
	};
}

/** Wraps `onInputAvailable`: it is not called with the input of a call that would be denied. */
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
			// Code of the host may call `execute` without options.
			const signal = options?.abortSignal;
			return running(verdict.ran, () => Reflect.apply(execute, tool, [verdict.args, options]) as unknown, { signal });
		};
	if (Object.prototype.toString.call(execute) === '[object AsyncFunction]') {
		return async (input, options) => runs(options)(await judge.judge(name, input, options));
	}
	// The SDK checks at once whether the result is an `AsyncIterable`, possibly before the decision is known.
	return (input, options) => {
		const verdict = judge.judge(name, input, options);
		return verdict instanceof Promise ? streamed(verdict, runs(options)) : runs(options)(verdict);
	};
}

/** Waits for the verdict, runs the tool, and yields its one or many results. */
async function* streamed(verdict: Promise<Verdict>, run: (verdict: Verdict) => unknown): AsyncGenerator<unknown> {
	const result = run(await verdict);
	if (isAsyncIterable(result)) yield* result;
	else yield await result;
}
