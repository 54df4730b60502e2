/** Finds unguarded tools of an agent. */

import { isGuard } from './middleware.js';
import { isGuarded } from './tool.js';

/** Options of {@link verify}. */
export interface VerifySettings {
	/** Names of tools that may run without a guard, such as those that the provider executes. */
	readonly unguarded?: readonly string[];
}

/** The properties of an agent made by `createAgent` that are used here. */
interface AnyAgent {
	readonly options: {
		readonly tools?: readonly unknown[] | undefined;
		readonly middleware?: readonly AnyMiddleware[] | undefined;
	};
}

interface AnyMiddleware {
	readonly name: string;
	readonly tools?: readonly unknown[] | undefined;
	readonly wrapToolCall?: unknown;
}

/**
 * Checks that all tools of an agent are guarded, and returns the agent. The tools are guarded if {@link toolGuard} is the
 * last middleware that wraps tool calls, or if no middleware wraps tool calls and each tool was made by {@link guardTool}.
 *
 * @throws Error that names the unguarded tools
 * @example
 * const agent = verify(createAgent({ model, tools, middleware: [toolGuard(policy)] }));
 */
export function verify<AGENT extends AnyAgent>(agent: AGENT, { unguarded = [] }: VerifySettings = {}): AGENT {
	const { tools = [], middleware = [] } = agent.options;
	const wrapping = middleware.filter(({ wrapToolCall }) => wrapToolCall !== undefined);
	const last = wrapping.at(-1);
	const found: string[] = [];
	if (wrapping.some(isGuard)) {
		if (!isGuard(last!))
			found.push(
				`\`${last!.name}\` comes after \`perso\`, and can exchange the tool that was judged: make \`perso\` the last middleware`,
			);
	} else if (last !== undefined) {
		found.push(`\`${last.name}\` can exchange the tools: add a \`toolGuard\` as the last middleware`);
	}
	const isJudged = last !== undefined && isGuard(last);
	for (const tool of [...tools, ...middleware.flatMap(({ tools }) => tools ?? [])]) {
		const { name, type } = (tool ?? {}) as { name?: unknown; type?: unknown };
		const isCalled = typeof (tool as { invoke?: unknown } | null)?.invoke === 'function';
		const called = String(name ?? type);
		if (unguarded.includes(called)) continue;
		if (!isCalled)
			found.push(`\`${called}\` is executed by the provider, and cannot be guarded: name it in \`unguarded\` if it may run unjudged`);
		else if (!isJudged && !isGuarded(tool))
			found.push(`\`${called}\` is not guarded: add a \`toolGuard\` as the last middleware, or wrap it with \`guardTool\``);
	}
	if (found.length > 0) throw new Error(found.join('; '));
	return agent;
}
