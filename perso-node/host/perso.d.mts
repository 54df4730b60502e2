/**
 * Judges calls with compiled policies, in any JavaScript engine with WebAssembly: browsers, edge workers, Node, Deno and
 * Bun. It has no native code and no dependencies.
 *
 * ```js
 * import { Policy } from './perso.mjs';
 *
 * const policy = await Policy.load(await readFile('support.wasm'));
 * const { decision, reason } = policy.decide(JSON.stringify({ tool: 'process_refund', args: { amount: 800 } }));
 * ```
 */

/** What decided: a rule, the policy's default, or an error. */
export type Kind = 'rule' | 'default' | 'no_rule' | 'unknown_tool' | 'malformed' | 'limit' | 'engine' | 'ledger';

/** What is wrong with an attribute. */
export type Problem = 'missing' | 'null' | 'type' | 'out_of_range' | 'value' | 'withheld';

/** A part of a call that may be open or withheld. */
export type Part = 'args' | 'agent' | 'resource' | 'context' | 'session';

/** Why a decision was made, for operators and programs. Keys that do not apply are absent. */
export interface Cause {
	kind: Kind;
	/** With `no_rule`: the id of the nearest allow rule, whose reason is given. */
	rule?: string;
	/** The attribute that the rule checked last, as written in the policy (`args.amount`). */
	attribute?: string;
	/** What is wrong with the attribute. */
	problem?: Problem;
	/** With `malformed`, `limit` and `engine`: a fixed description of the error. */
	detail?: string;
	/** With `malformed` and `limit`: the offset in the call's JSON text at which the error was detected, in bytes of UTF-8. */
	offset?: number;
}

/** The decision on a call. */
export interface Decision {
	/** `ask`: the call may run only after a person has approved it. Without an approval, treat it as `deny`. */
	decision: 'allow' | 'ask' | 'deny';
	/** The id of the rule that decided; null if no rule did. */
	rule: string | null;
	/** The reason, for the caller or model. It is fixed when the policy is compiled and never contains values of the call. */
	reason: string;
	/** What is wrong with an argument, for the caller or model (`args.amount must be a number`); null if the reason says it all. */
	hint: string | null;
	cause: Cause;
}

/** Parts of a call that are unknown, even if the call's text contains them. A part must not be both open and withheld. */
export interface Unknown {
	/**
	 * These parts may be anything: the call is allowed if some values of them would be allowed. With `context.now`, the time may
	 * be anything, unless the call has it.
	 */
	open?: (Part | 'context.now')[];
	/** Nothing may be concluded from these parts: the call is allowed only if it is allowed without them. */
	withheld?: Part[];
}

/** A policy that is ready to judge calls. */
export interface Policy {
	/** Whether some rule reads the time. If so, set `context.now` in the call's text: `new Date().toISOString()`. */
	readonly readsTime: boolean;
	/**
	 * What the policy judges: `tools`, and `resources` and `prompts` if it covers them. Requests for these are calls of tools
	 * such as `mcp:resources/read`.
	 */
	readonly covers: readonly ('tools' | 'resources' | 'prompts')[];
	/**
	 * Judges a call given as JSON text, a string or bytes of UTF-8:
	 * `{"tool": …, "args": {…}, "agent": {…}, "resource": {…}, "context": {…}}`.
	 *
	 * Never throws: a call that cannot be judged is denied, and the cause says why. After a trap, the next call uses a new
	 * instance of the module. So does the call after one that has grown the memory by more than 1 MiB.
	 *
	 * JavaScript engines do not limit how long a module runs. Modules made by the compiler always terminate; do not load
	 * modules from sources that you do not trust.
	 */
	decide(call: string | Uint8Array, unknown?: Unknown): Decision;
}

export declare const Policy: {
	/**
	 * Loads a module, and checks that it is undamaged, has no imports and has ABI 2, or 3 if its policy covers more
	 * than tools.
	 *
	 * Bytes are checked against the SHA-256 at their end. This needs Web Crypto, which browsers provide only to pages from
	 * https or localhost. On platforms that compile modules themselves, as some edge platforms do, pass the
	 * `WebAssembly.Module`: its bytes are not checked.
	 *
	 * @throws Error if the module is invalid, damaged, or has another ABI
	 */
	load(source: Uint8Array | ArrayBuffer | WebAssembly.Module): Promise<Policy>;
};
