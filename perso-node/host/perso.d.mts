/**
 * Judges calls by compiled policies, in any JavaScript engine that has WebAssembly: browsers, workers at the edge, Node,
 * Deno, Bun. No native code, no dependency.
 *
 * ```js
 * import { Policy } from './perso.mjs';
 *
 * const policy = await Policy.load(await readFile('support.wasm'));
 * const { decision, reason } = policy.decide(JSON.stringify({ tool: 'process_refund', args: { amount: 800 } }));
 * ```
 */

/** What kind of thing decided. */
export type Kind = 'rule' | 'default' | 'no_rule' | 'unknown_tool' | 'malformed' | 'limit' | 'engine';

/** What is wrong with an attribute. */
export type Problem = 'missing' | 'null' | 'type' | 'out_of_range' | 'value' | 'withheld';

/** A part of a call that may be open or withheld. */
export type Part = 'args' | 'agent' | 'resource' | 'context';

/** Why, for whoever runs the system and for programs. A key that does not apply is absent. */
export interface Cause {
	kind: Kind;
	/** With `no_rule`: the nearest allow rule, the one whose reason is given. */
	rule?: string;
	/** The attribute that the rule looked at last, as an author writes it (`args.amount`). */
	attribute?: string;
	/** What is wrong with it. */
	problem?: Problem;
	/** With `malformed`, `limit` and `engine`: what exactly, in fixed words. */
	detail?: string;
	/** With `malformed` and `limit`: the byte of the call's UTF-8 at which it was noticed. */
	offset?: number;
}

/** The answer to a call. */
export interface Decision {
	decision: 'allow' | 'deny';
	/** The rule that decided; null where none did. */
	rule: string | null;
	/** For the caller, and so for the model: fixed when the policy was compiled, it never has a value of the call in it. */
	reason: string;
	cause: Cause;
}

/** Parts of a call that are not known, whatever its text says of them. A part is one or the other. */
export interface Unknown {
	/** These may be anything: is there a call that would be allowed? */
	open?: Part[];
	/** Nothing may be concluded from these: is the call allowed without them? */
	withheld?: Part[];
}

/** A policy, ready to judge calls. */
export interface Policy {
	/**
	 * Judges a call: its JSON text, `{"tool": …, "args": {…}, "agent": {…}, "resource": {…}, "context": {…}}`, as a string
	 * or as UTF-8.
	 *
	 * Never throws: what can't be judged is denied, and the cause says why. After a trap the next call gets a new
	 * instance of the module; an instance that has grown by more than 1 MiB for a large call is given up as well.
	 *
	 * JavaScript engines don't bound how long a module runs. A module of the compiler always comes to an end; load none
	 * from somebody whom you do not trust.
	 */
	decide(call: string | Uint8Array, unknown?: Unknown): Decision;
}

export declare const Policy: {
	/**
	 * Loads a module, and checks that it is undamaged, imports nothing and has ABI 1.
	 *
	 * Bytes are held against the SHA-256 at their end, which takes Web Crypto: in a browser, a page that came by https or
	 * from localhost. Where the platform compiles modules itself and bytes are not at hand, as on some edges, it takes the
	 * `WebAssembly.Module`, and trusts the platform for its bytes.
	 *
	 * @throws where the module is not one that can be run
	 */
	load(source: Uint8Array | ArrayBuffer | WebAssembly.Module): Promise<Policy>;
};
