/** Finds the tools of an agent that run without being judged. */

import { isGuard } from './middleware.js';
import { isGuarded } from './tool.js';

/** What `verify` is to leave alone. */
export interface VerifySettings {
	/** The names of tools that may run unjudged, such as those that the provider executes. */
	readonly unguarded?: readonly string[];
}

/** What is read of an agent that `createAgent` made. */
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
 * Checks that an agent's tools are guarded: by `toolGuard`, as the last middleware that wraps tool calls, or each by
 * `guardTool`, with no middleware that could exchange it. Returns the agent.
 *
 * @throws Error that names what is not guarded
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
