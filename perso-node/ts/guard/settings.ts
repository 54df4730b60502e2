/** Options that all guards share. */

import type { Denied } from './denied.js';
import type { BaseJournal } from '../journal.js';
import type { BaseLedger, Question, Queue, Verdict } from '../ledger.js';
import type { DecisionEvent } from './event.js';

/** The argument of the `resource` function. */
export interface ResourceQuestion {
	/** The name of the tool that is called. */
	readonly tool: string;
	/** A copy of the call's arguments. Changing it does not change the call. */
	readonly args: { readonly [key: string]: unknown };
	/** The caller's attributes. */
	readonly agent: unknown;
}

/** Asks a person about a call, and returns what they have decided; undefined if nobody has. */
export type Approver<CallInfo = unknown> = (
	question: Question,
	info: CallInfo,
) => Verdict | null | undefined | PromiseLike<Verdict | null | undefined>;

/** Options of every guard. `CallInfo` is what the guard's framework passes to `agent`. */
export interface Settings<CallInfo = unknown> {
	/**
	 * The caller's attributes, which rules read as `agent.…`: an object if all calls have the same caller (as over stdio), or
	 * a sync or async function that returns them for each call. Take them from your own session, never from the model. By
	 * default the caller is anonymous and has no roles. If the function fails, the call is denied.
	 *
	 * @example
	 * guard(server, policy, { agent: ({ authInfo }) => ({ id: authInfo?.clientId, roles: ['agent'] }) });
	 */
	readonly agent?: object | ((info: CallInfo) => object | null | undefined | PromiseLike<object | null | undefined>);
	/**
	 * A sync or async function that returns what the call is about, which rules read as `resource.…`. It is called only if
	 * the decision depends on the resource. If it fails or takes longer than `resourceTime`, the call is allowed only if it
	 * would be allowed for any resource.
	 *
	 * @example
	 * guard(server, policy, { resource: ({ args }) => orders.find(args.order) });
	 */
	readonly resource?: (question: ResourceQuestion) => object | null | undefined | PromiseLike<object | null | undefined>;
	/** The time limit of an async `agent`, and of an async `session`, in milliseconds. After it, the call is denied. The default is 5000. */
	readonly agentTime?: number;
	/** The time limit of an async `resource`, in milliseconds. After it, `resource` has failed. The default is 5000. */
	readonly resourceTime?: number;
	/**
	 * Other attributes of the call, which rules read as `context.…`. If rules read `context.now` and the object has no `now`, they
	 * read the time at which the call is judged.
	 */
	readonly context?: object;
	/**
	 * The ledger, or its address, as for `Ledger.open`: remembers what limits, labels and approvals need. Guards with the same address
	 * share the ledger. By default there is none, and calls that need one are denied.
	 *
	 * @example
	 * guard(server, policy, { agent, session: ({ sessionId }) => sessionId, ledger: 'file:/var/lib/perso/ledger' });
	 */
	readonly ledger?: BaseLedger | string;
	/**
	 * Records each decision and, where the guard knows it, what became of the call. A journal with `required` denies calls whose
	 * decision cannot be recorded; a call then waits until it is.
	 *
	 * @example
	 * guard(server, policy, { agent, journal: new Journal('/var/lib/perso/journal', { key: '/etc/perso/journal-key' }) });
	 */
	readonly journal?: BaseJournal;
	/**
	 * A sync or async function that returns the id of the call's session, which rules read as `session.id`, and by which labels are
	 * kept. By default there is no session, and nothing is known of it. If the function fails or takes longer than `agentTime`, the
	 * call is denied.
	 */
	readonly session?: (info: CallInfo) => string | null | undefined | PromiseLike<string | null | undefined>;
	/**
	 * Asks a person about calls that need an approval: a sync or async function that returns what they have decided, or undefined
	 * if nobody has; or a {@link Queue}, which asks in the ledger. An approved call is judged again before it runs, because what
	 * was known of it may have changed. If the function fails, or takes longer than `approvalTime`, the call is denied. By
	 * default nobody can be asked, and such calls are denied.
	 *
	 * @example
	 * guard(server, policy, {
	 *   approver: async ({ tool, args, reason }) => ({ approved: await askOnCall({ tool, args, reason }), by: 'on-call' }),
	 * });
	 */
	readonly approver?: Queue | Approver<CallInfo>;
	/** How long a call waits for the `approver`, in milliseconds. After that it is denied. The default is 300000: 5 minutes. */
	readonly approvalTime?: number;
	/** `enforce` denies calls (the default). `observe` reports decisions but lets every call run and every tool be listed. */
	readonly mode?: 'enforce' | 'observe';
	/** Returns the text that the caller or model gets in place of the decision's message. If it fails, the message is used. */
	readonly denial?: (denied: Denied) => string;
	/** Called with each decision and a copy of the call's arguments, before the call runs. It cannot change the decision. */
	readonly onDecision?: (event: DecisionEvent, args: unknown) => void;
}

/** Whether clients can use a server's prompts or resources. */
export type Access = 'pass' | 'deny';

/** Options of a guard in front of an MCP server. */
export interface ServerSettings<CallInfo = unknown> extends Settings<CallInfo> {
	/**
	 * Whether to answer a denied call as if the tool, resource or prompt did not exist. The default is `false`. With `true`,
	 * the answer for a tool is that of the SDK's `McpServer`. For a low-level server, whose own handler answers unknown tools,
	 * pass a function that does the same as the handler: it returns a result or throws an error.
	 */
	readonly hide?: boolean | ((tool: string) => object | PromiseLike<object>);
	/**
	 * `deny` turns prompts off: `prompts/get` and completions for a prompt return errors, and `prompts/list` is empty. The
	 * default is `pass`: the policy judges prompts if it covers them.
	 */
	readonly prompts?: Access;
	/**
	 * `deny` turns resources off: `resources/read`, `skills/get`, subscriptions and completions for a resource return errors, and
	 * lists of resources, of their templates and of skills are empty. Clients then cannot read resources that a tool's result links to, nor the
	 * `ui://` resources of MCP Apps. The default is `pass`: the policy judges resources if it covers them.
	 *
	 * @example
	 * guard(server, policy, { prompts: 'deny', resources: 'deny' });
	 */
	readonly resources?: Access;
}

/** The default of `agentTime`, in milliseconds. */
export const AGENT_TIME = 5000;

/** The default of `approvalTime`, in milliseconds. */
export const APPROVAL_TIME = 300_000;

/** The default of `resourceTime`, in milliseconds. */
export const RESOURCE_TIME = 5000;
