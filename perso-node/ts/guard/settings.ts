/** How a guard is set up: the same for all. */

import type { Denied } from './denied.js';
import type { DecisionEvent } from './event.js';

/** What the function for a resource is told. The arguments are a copy: what becomes of it changes nothing. */
export interface ResourceQuestion {
	readonly tool: string;
	readonly args: { readonly [key: string]: unknown };
	readonly agent: unknown;
}

/** What can be said of any guard. `Told` is what its framework knows of a call. */
export interface Settings<Told = unknown> {
	/**
	 * Who calls: attributes (one caller, as over stdio), or a function, sync or async, that tells for each call anew, out of
	 * the host's own session. Without it, an anonymous caller without roles. Where the function fails, the call is denied.
	 */
	readonly agent?: object | ((told: Told) => object | null | undefined | PromiseLike<object | null | undefined>);
	/**
	 * What a call is about: what rules read as `resource.…`. Asked only where the policy reads it and the decision is still
	 * open without it. Where it fails or takes longer than `resourceTime`, nothing may be concluded from the resource.
	 */
	readonly resource?: (question: ResourceQuestion) => object | null | undefined | PromiseLike<object | null | undefined>;
	/** How many milliseconds an async `agent` may take; 5000 by default. Then the call is denied. */
	readonly agentTime?: number;
	/** How many milliseconds an async `resource` may take; 5000 by default. Then nothing is known of the resource. */
	readonly resourceTime?: number;
	/** What rules read as `context.…`. */
	readonly context?: object;
	/** `observe` decides and records, but lets everything pass; `enforce` if not said otherwise. */
	readonly mode?: 'enforce' | 'observe';
	/** What the model reads in place of the reason. */
	readonly denial?: (denied: Denied) => string;
	/** Is told of each decision, with a copy of the call's arguments, before the call runs. */
	readonly onDecision?: (event: DecisionEvent, args: unknown) => void;
}

/** Whether clients can use what a server offers besides tools. */
export type Access = 'pass' | 'deny';

/** Options of a guard in front of a server. */
export interface ServerSettings<Told = unknown> extends Settings<Told> {
	/**
	 * Whether a denied call is answered as if there were no such tool: as the SDK's `McpServer` does. For a low-level server,
	 * whose own handler answers, a function that answers as the handler would: it returns a result or throws an error.
	 */
	readonly hide?: boolean | ((tool: string) => object | PromiseLike<object>);
	/**
	 * `deny` turns prompts off: `prompts/get` and completions for a prompt are errors, and `prompts/list` is empty. The default is
	 * `pass`. A guard throws a TypeError for other values.
	 */
	readonly prompts?: Access;
	/**
	 * `deny` turns resources off: `resources/read`, subscriptions and completions for a resource are errors, and lists of
	 * resources and of their templates are empty. What a tool's result links to cannot be read either, nor the `ui://` resources
	 * of MCP Apps. The default is `pass`. A guard throws a TypeError for other values.
	 *
	 * @example
	 * guard(server, policy, { prompts: 'deny', resources: 'deny' });
	 */
	readonly resources?: Access;
}

/** How long an async `agent` may take by default, in milliseconds. */
export const AGENT_TIME = 5000;

/** How long an async `resource` may take by default, in milliseconds. */
export const RESOURCE_TIME = 5000;
