/** The `Policy` API, independent of the engine that runs the module. */

import { type Decision, notJudged, type Outcome } from './decision.js';
import type { Manifest } from './engine/manifest.js';
import type { OpenJournal } from './journal.js';
import type { Answered, BaseLedger, Queue } from './ledger.js';
import { type Begun, type Call, CallWriter, type Loose, withResource } from './value/call.js';
import type { CompiledModule } from './platform.js';
import { PARTS, type Part, TIME_OPEN } from './value/reads.js';
import { type Watched, type WatchOptions, watch } from './watch.js';

/** A loaded module. */
export interface Engine {
	/** The module's bytes; undefined if it was loaded from a `WebAssembly.Module`. */
	readonly module: Uint8Array | undefined;
	readonly manifest: Manifest;
	/**
	 * Judges a call's JSON text, which must not contain lone surrogates. Never throws. `unknown` has a bit for each part
	 * whose value is not in the text: open parts in bits 0 to 4, withheld parts in bits 8 to 12, and an open time in bit 16
	 * (docs/module.md).
	 */
	decide(text: string | Uint8Array, unknown: number): Decision;
	/** What the rules alone decide of a call's JSON text, whatever has to be remembered of it. Never throws. */
	outcome(text: string, unknown: number): Outcome;
	/** Whether the engine can use ledgers. Otherwise, calls that need one are denied. */
	readonly hasLedgers: boolean;
	/** Begins to make the final decision about one call. `ledger` is undefined if the engine has none. */
	enforce(tool: string, ledger?: BaseLedger): Enforcement;
	/**
	 * Records a decision of the module, given as JSON text. With `wait`, returns a promise for when it is written. Throws if it
	 * cannot be recorded. Absent if the engine cannot use journals.
	 */
	readonly record?: ((journal: OpenJournal, decided: string, wait: boolean) => Promise<void> | undefined) | undefined;
}

/** What is known of the decision about a call. */
export interface Step {
	/** Final, unless there is a question. */
	readonly decision: Decision;
	/** Who has approved the call, if a person had to. */
	readonly approvedBy?: string | undefined;
	/** Whether the call was charged, so that it can be undone. */
	readonly charged: boolean;
	/** What to ask a person: the members of a `Question` that the policy determines. */
	readonly question?: Asking | undefined;
}

/** What asks for an approval. */
export interface Asking {
	readonly agent: string;
	readonly rule: string | null;
	readonly limit: string | null;
	readonly reason: string;
}

/** Makes the final decision about one call. */
export interface Enforcement {
	/**
	 * Judges the call's JSON text, and remembers what has to be remembered if it may run. With `shown`, a person can be asked: it
	 * has the call's `args` and `agent`, and the id of its `session`, as JSON text.
	 */
	step(text: string, unknown: number, shown?: string): Promise<Step>;
	/** A person has approved the call that the last step asked about. The next step has to be judged anew. */
	approve(by: string): void;
	/** Asks in the ledger about the call that the last step asked about. If it is approved, the call has the approval. */
	ask(queue: Queue): Promise<Answered>;
	/** The decision about the call that the last step asked about, if it is not approved. */
	denial(answer: Answered): Decision;
	/** Gives back what the call was charged, which did not run. */
	undo(): Promise<void>;
}

/** The source of a policy: a file path, a URL, bytes, or a compiled `WebAssembly.Module`. */
export type Source = string | URL | Uint8Array | ArrayBuffer | CompiledModule;

const OPEN = 0;
const WITHHELD = 8;

/** The bit of a part in `unknown`. `state` is `OPEN` or `WITHHELD`. */
const bit = (part: Part, state: number): number => 1 << (PARTS.indexOf(part) + state);

const RESOURCE_OPEN = bit('resource', OPEN);
const RESOURCE_WITHHELD = bit('resource', WITHHELD);
const SESSION_WITHHELD = bit('session', WITHHELD);
const TOOL_LIST = bit('args', OPEN) | RESOURCE_OPEN;

const TOOLS = Object.freeze(['tools'] as const);

/** Invalid UTF-8, passed in place of a value that is not well-formed text, so that the engine denies the call. */
const NOT_UTF8 = Uint8Array.of(0x7b, 0x22, 0xff);

/** Copies bytes of a `SharedArrayBuffer`, which other threads could change while they are read. */
const own = (call: string | Uint8Array): string | Uint8Array =>
	typeof call === 'string' || call.buffer instanceof ArrayBuffer ? call : new Uint8Array(call);

const UNREADABLE = notJudged('the call cannot be read');

/** A loaded module, and the writer that writes calls for it. */
export class Active {
	readonly engine: Engine;
	readonly writer: CallWriter;

	constructor(engine: Engine) {
		this.engine = engine;
		this.writer = new CallWriter(engine.manifest);
	}

	/**
	 * Reads a call without its resource, to judge it at the current time unless its context has a `now`. A session that is
	 * withheld is not known, whatever the call has.
	 */
	read(call: Loose & { readonly context: unknown }, isSessionWithheld = false): Reading {
		return this.begin(call, isSessionWithheld, true) ?? UNREAD;
	}

	/** The same; undefined if the call cannot be read. */
	begin(call: Loose, isSessionWithheld: boolean, isNow: boolean): Read | undefined {
		const { engine, writer } = this;
		try {
			const now = isNow && writer.readsTime ? new Date().toISOString() : undefined;
			return new Read(engine, writer.withoutResource(call, now), isSessionWithheld ? SESSION_WITHHELD : 0);
		} catch {
			return undefined;
		}
	}
}

/**
 * The base class of `Policy` in both entries. Judging never throws: a call that cannot be judged is denied, and the
 * decision's cause says why.
 */
export abstract class BasePolicy {
	#active: Active;
	/** How many loads have been started. */
	#loads = 0;
	/** The number of the load that is active. */
	#activeLoad = 0;

	/** @internal */
	protected constructor(engine: Engine) {
		this.#active = new Active(engine);
	}

	/** Loads a module. @internal */
	protected abstract open(source: Source): Promise<Engine>;

	/** Opens the ledger at an address, or returns it if it is open. @internal */
	abstract ledgerAt(address: string): BaseLedger;

	/** The module that is active now. @internal */
	get active(): Active {
		return this.#active;
	}

	/** Returns the files that the policy in a file consists of: its own first. @internal */
	protected files(path: string | URL): readonly (string | URL)[] {
		return [path];
	}

	/** The module's bytes; undefined if the policy was loaded from a `WebAssembly.Module`. */
	get module(): Uint8Array | undefined {
		return this.#active.engine.module;
	}

	/** Whether some rule reads the time, `context.now`. Guards set it; for `decide`, set it in the call's context. */
	get readsTime(): boolean {
		return this.#active.writer.readsTime;
	}

	/** What the policy judges: `tools`, and `resources` and `prompts` if it covers them. */
	get covers(): readonly ('tools' | 'resources' | 'prompts')[] {
		return this.#active.engine.manifest.covers ?? TOOLS;
	}

	/**
	 * Whether no tool can have this name, because the policy uses names that begin like it for requests. Guards deny calls of
	 * such a tool.
	 */
	reserves(tool: string): boolean {
		return tool.startsWith('mcp:') && this.covers.length > 1;
	}

	/**
	 * Judges a call.
	 *
	 * Only the properties that the policy reads are read, each of them once. Values are converted as by `JSON.stringify`:
	 * `toJSON` is called, and `undefined`, functions and symbols count as missing. Unlike with `JSON.stringify`, a bigint is a
	 * number with all its digits, `NaN` and infinities are out of range, a `Map` is an object, and a `Set` is a list. See
	 * docs/node.md.
	 *
	 * @example
	 * const decision = policy.decide({ tool: 'process_refund', args: { amount: 800 }, agent: { roles: ['agent'] } });
	 * if (!decision.allowed) throw new Error(decision.message);
	 */
	decide(call: Call): Decision {
		const { engine, writer } = this.#active;
		let text: string;
		try {
			text = writer.call(call as Loose);
		} catch {
			return UNREADABLE;
		}
		return engine.decide(text, 0);
	}

	/**
	 * Judges a call given as JSON text, a string or bytes of UTF-8: `{"tool": …, "args": {…}, "agent": {…}, …}`.
	 *
	 * @example
	 * const decision = policy.decideJson('{"tool": "process_refund", "args": {"amount": 800}}');
	 */
	decideJson(call: string | Uint8Array): Decision {
		// A lone surrogate would be replaced when the string is encoded.
		const isText = typeof call === 'string' ? call.isWellFormed() : call instanceof Uint8Array;
		return this.#active.engine.decide(isText ? own(call) : NOT_UTF8, 0);
	}

	/**
	 * Whether the policy could allow a call of this tool by this caller, with some arguments and some resource, now or after a
	 * person's approval. If the context has no `now`: at some time.
	 */
	couldAllow(call: Pick<Call, 'tool' | 'agent' | 'context' | 'session'>): boolean {
		return this.shows(call as Loose);
	}

	/**
	 * Whether the policy could allow a call with these arguments, with some resource, now or after a person's approval. If the
	 * context has no `now`: at some time. For lists of resources (`mcp:resources/read` with `uri`) and of prompts
	 * (`mcp:prompts/list` with `name`).
	 */
	couldList(call: Omit<Call, 'resource'>): boolean {
		return this.showsExactly(call as Loose);
	}

	/** Whether the decision depends on the resource, so that you must fetch it and pass it to `decide`. */
	needsResource(call: Omit<Call, 'resource'>): boolean {
		return this.#active.begin(call as Loose, false, false)?.needsResource() ?? false;
	}

	/** @internal */
	shows(call: Loose, isSessionWithheld = false): boolean {
		return this.#canPass(call, TOOL_LIST, isSessionWithheld);
	}

	/** @internal */
	showsExactly(call: Loose, isSessionWithheld = false): boolean {
		return this.#canPass(call, RESOURCE_OPEN, isSessionWithheld);
	}

	#canPass(call: Loose, unknown: number, isSessionWithheld: boolean): boolean {
		// A client keeps a list for longer than a moment, so the list is made for any time.
		const open = this.readsTime ? unknown | TIME_OPEN : unknown;
		return this.#active.begin(call, isSessionWithheld, false)?.canPass(open) ?? false;
	}

	/**
	 * Reads a call without its resource. It is judged later by the module that is active now, at the current time unless its
	 * context has a `now`. @internal
	 */
	read(call: Loose & { readonly context: unknown }): Reading {
		return this.#active.read(call);
	}

	/**
	 * Loads a source and replaces the current policy with it. Calls that are being judged finish with the policy they
	 * started with, but what a person approves meanwhile does not run: the call has to be made again. If several reloads run at the same time, the one that was started last wins.
	 *
	 * @throws LoadError or PolicyError if the source does not load; the current policy then stays active
	 * @example
	 * await policy.reload('support-v2.wasm');
	 */
	async reload(source: Source): Promise<void> {
		(await this.#load(source))();
	}

	/** Loads a source. The returned function activates it, unless a later load is already active. */
	async #load(source: Source): Promise<() => void> {
		this.#loads += 1;
		const load = this.#loads;
		const loaded = new Active(await this.open(source));
		return () => {
			if (load < this.#activeLoad) return;
			this.#activeLoad = load;
			this.#active = loaded;
		};
	}

	/**
	 * Loads a file, and loads it again whenever it changes, or a file that its policy extends, until the watch is closed or its
	 * `signal` is aborted. If a later version does not load, the current policy stays active and `onError` is called.
	 *
	 * @throws LoadError or PolicyError if the file does not load now
	 * @throws RangeError if `interval` is not a valid time
	 * @example
	 * const watched = await policy.watch('support.wasm');
	 * watched.close();
	 */
	watch(path: string | URL, options: WatchOptions = {}): Promise<Watched> {
		return watch(
			path,
			() => this.files(path),
			() => this.#load(path),
			options,
		);
	}
}

/** A call whose values have been read, except for its resource. Later changes to the values have no effect. */
export interface Reading {
	/** Judges the call with this resource, or without one. */
	decide(resource?: unknown): Decision;
	/** Judges the call with the resource withheld: it is allowed only if no resource could change that. */
	decideWithheld(): Decision;
	needsResource(): boolean;
	/** What the rules alone decide about the call, as it was judged last. */
	outcome(): Outcome;
	/** Takes a step towards the final decision about the call, as it was judged last. */
	step(enforcement: Enforcement, shown?: string): Promise<Step>;
}

/** @internal */
export class Read implements Reading {
	readonly #engine: Engine;
	readonly #begun: Begun;
	/** What is not known of the call, besides its resource. */
	readonly #unknown: number;
	/** The call as it was judged last: its text, and what is not known of it. */
	#text = '';
	#withheld = 0;

	constructor(engine: Engine, begun: Begun, unknown: number) {
		this.#engine = engine;
		this.#begun = begun;
		this.#unknown = unknown;
	}

	decide(resource?: unknown): Decision {
		try {
			this.#text = withResource(this.#begun, resource);
		} catch {
			return this.decideWithheld();
		}
		this.#withheld = this.#unknown;
		return this.#engine.decide(this.#text, this.#withheld);
	}

	decideWithheld(): Decision {
		this.#text = this.#begun.text;
		this.#withheld = this.#unknown | RESOURCE_WITHHELD;
		return this.#engine.decide(this.#text, this.#withheld);
	}

	needsResource(): boolean {
		// Open gives the best outcome that any resource can have, withheld the worst.
		const best = this.#outcome(RESOURCE_OPEN);
		// Which limits read the resource is not known by tool.
		return best !== 'deny' && (this.#begun.countsResource || best !== this.#outcome(RESOURCE_WITHHELD));
	}

	outcome(): Outcome {
		return this.#engine.outcome(this.#text, this.#withheld);
	}

	step(enforcement: Enforcement, shown?: string): Promise<Step> {
		return enforcement.step(this.#text, this.#withheld, shown);
	}

	/** Whether the call could be allowed, now or after an approval. */
	canPass(unknown: number): boolean {
		return this.#outcome(unknown) !== 'deny';
	}

	#outcome(unknown: number): Outcome {
		return this.#engine.outcome(this.#begun.text, unknown | this.#unknown);
	}
}

/** The reading of a call that could not be read: it is denied. */
const UNREAD: Reading = {
	decide: () => UNREADABLE,
	decideWithheld: () => UNREADABLE,
	needsResource: () => false,
	outcome: () => 'deny',
	step: async () => ({ decision: UNREADABLE, charged: false }),
};
