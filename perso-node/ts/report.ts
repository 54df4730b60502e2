/** What `prove`, `diff`, `check` and `test` take and find. Findings have the form that the command prints with `--format json`. */

import type { Diagnostic } from './errors.js';
import type { CompileOptions } from './resolve.js';

/** Options of `prove`, if the guarantees are those of another policy. */
export interface ProveOptions extends CompileOptions {
	/** The file of that policy. Documents that it extends are read from the file's folder and the folders below it. */
	readonly path?: string | URL;
}

/** A guarantee, and whether it holds. */
export type Proof = {
	readonly id: string;
	readonly promise: 'never_allow' | 'always_allow';
} & (
	| { readonly outcome: 'holds' }
	| {
			readonly outcome: 'broken';
			/** A call that breaks it, as JSON text. */
			readonly call: string;
			/** What the policy decides about the call, in words. */
			readonly decision: string;
	  }
	| {
			readonly outcome: 'undecided';
			/** What is in the way: mostly places of a call, whose tests are not understood. */
			readonly places: readonly string[];
	  }
);

/** What is decided about calls. */
export interface Decided {
	readonly effect: 'allow' | 'ask' | 'deny';
	/** The rule that decides; absent if none does. */
	readonly rule?: string;
}

/** A kind of calls that two policies decide differently. */
export interface Change {
	readonly tool: string;
	/** Whether the new policy lets more through. */
	readonly wider: boolean;
	readonly old: Decided;
	readonly new: Decided;
	/** One of the calls as JSON text. */
	readonly call: string;
}

/** A tool about which it is not known whether more calls are decided differently. */
export interface UndecidedTool {
	/** `*` stands for any tool. */
	readonly tool: string;
	/** What is in the way: mostly places of a call, whose tests are not understood. */
	readonly undecided: readonly string[];
}

/** What a new policy decides differently. Both lists are empty if that is nothing. */
export interface Differences {
	/** Each kind of calls; those that the new policy gives more leave come first. */
	readonly changes: readonly Change[];
	readonly undecided: readonly UndecidedTool[];
}

/** The tools of a server: the answer to `tools/list`, its `result`, or the list, parsed or as JSON text. */
export type Tools = string | object;

/** Options of `check`. */
export interface CheckOptions {
	/** The server's name, if rules name the tools as `perso-gateway` does: `server__tool`. */
	readonly server?: string;
	/** Tools that no rule lets through, on purpose. */
	readonly leftOut?: Iterable<string>;
	/** The text of a file of pins, which `pins` and `perso check --pin` make: finds tools that have changed since they were approved. */
	readonly pins?: string;
}

/** Options of `test`. */
export interface TestOptions {
	/** Also find out which parts of the policy no case covers. */
	readonly coverage?: boolean;
	/** Also change the policy in one place at a time, and find out which changes no case notices. This can take minutes. */
	readonly mutate?: boolean;
	/** Stops it: the promise then rejects with the signal's reason. */
	readonly signal?: AbortSignal;
}

/** What came of a case of a test file. It passed if it has no `got`. */
export interface Case {
	readonly name: string;
	/** What the case expects, in words. */
	readonly expected?: string;
	/** What the policy decides, in words. */
	readonly got?: string;
}

/** Which parts of the policy the cases cover. */
export interface Coverage {
	readonly rules: number;
	readonly covered_rules: number;
	/** How many outcomes the rules and their tests can have. */
	readonly outcomes: number;
	readonly covered_outcomes: number;
	readonly percent: number;
	readonly uncovered: readonly Diagnostic[];
}

/** A change of the policy that no case notices. */
export interface Unnoticed extends Diagnostic {
	/** A call that would be decided otherwise, as JSON text: what a new case can have. */
	readonly call: string;
}

/** Which changes of the policy the cases notice. */
export interface Mutation {
	/** How many changes have been tried that decide some call otherwise. */
	readonly mutants: number;
	readonly noticed: number;
	/** Of how many more changes it is not known whether they decide some call otherwise. */
	readonly undecided: number;
	/** How many of the changes are noticed, in percent. */
	readonly score: number;
	readonly unnoticed: readonly Unnoticed[];
}

/** What came of a test file. */
export interface Report {
	readonly cases: readonly Case[];
	/** Only if you asked for it. */
	readonly coverage?: Coverage;
	/** Only if you asked for it. */
	readonly mutation?: Mutation;
}
