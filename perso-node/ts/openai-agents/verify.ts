/** Finds unguarded tools of an agent. */

import type { Agent, Handoff, MCPServer, Tool } from '@openai/agents';
import { isMarked, isMarkedTool } from './guarded.js';

/** Options of {@link verify}. */
export interface VerifySettings {
	/** Names of tools and MCP servers that may run without a guard. */
	readonly unguarded?: readonly string[];
}

type AnyAgent = Agent<any, any>;

/**
 * Checks that all tools of an agent, and of the agents it hands off to, are guarded. Call it where you create the agent.
 *
 * Some tools cannot be guarded: tools that the provider runs; computers, shells and patches, which the SDK runs without
 * guardrails; and the capabilities of a sandbox agent, which add tools of their own. Name them in `unguarded` if they may run
 * without a guard. An agent used as a tool is only checked as a tool: call `verify` for that agent too.
 *
 * @throws Error that names the unguarded tools, and names in `unguarded` that do not exist
 * @example
 * verify(desk, { unguarded: ['web_search'] });
 */
export function verify(agent: AnyAgent, { unguarded = [] }: VerifySettings = {}): void {
	const allowed = new Set(unguarded);
	const known = new Set<string>();
	const found: string[] = [];
	const seen = new Set<AnyAgent>([agent]);
	for (const each of seen) {
		const check = (name: string, why: string | undefined): void => {
			known.add(name);
			if (why !== undefined && !allowed.has(name)) found.push(`\`${name}\` of \`${each.name}\` ${why}`);
		};
		for (const tool of each.tools as Tool<any>[]) check(tool.name, unguardedTool(tool));
		for (const server of each.mcpServers) check(server.name, unguardedServer(server));
		for (const { type } of (each as { capabilities?: readonly { type: string }[] }).capabilities ?? []) check(type, CAPABILITY);
		for (const next of each.handoffs as (AnyAgent | Handoff)[]) seen.add('agent' in next ? (next.agent as AnyAgent) : next);
	}
	for (const name of allowed) if (!known.has(name)) found.push(`\`${name}\` is in \`unguarded\`, but there is no such tool`);
	if (found.length > 0) throw new Error(found.join('; '));
}

const CAPABILITY = 'cannot be guarded, because a sandbox makes its tools: name it in `unguarded` if they may run unjudged';
const RAW = 'is not guarded: make it with `guardedTool`, or give it a `toolInputGuardrail`';

function unguardedTool(tool: Tool<any>): string | undefined {
	if (tool.type !== 'function')
		return `cannot be guarded, because it is of the type \`${tool.type}\`: name it in \`unguarded\` if it may run unjudged`;
	return isMarkedTool(tool) || isRejecting(tool.inputGuardrails) ? undefined : RAW;
}

function unguardedServer(server: MCPServer): string | undefined {
	return isMarked(server) || isRejecting(server.toolInputGuardrails) ? undefined : 'is not guarded: wrap it with `guardMcpServer`';
}

const isRejecting = (guardrails: readonly object[] | undefined): boolean => guardrails?.some(isMarked) ?? false;
