/** The `Policy` API, independent of the engine that runs the module. */

import { type Decision, notJudged, type Outcome } from './decision.js';
import type { Manifest } from './engine/manifest.js';
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
}

/** The source of a policy: a file path, a URL, bytes, or a compiled `WebAssembly.Module`. */
export type Source = string | URL | Uint8Array | ArrayBuffer | CompiledModule;

const OPEN = 0;
const WITHHELD = 8;

/** The bit of a part in `unknown`. `state` is `OPEN` or `WITHHELD`. */
const bit = (part: Part, state: number): number => 1 << (PARTS.indexOf(part) + state);

const RESOURCE_OPEN = bit('resource', OPEN);
const RESOURCE_WITHHELD = bit('resource', WITHHELD);
const TOOL_LIST = bit('args', OPEN) | RESOURCE_OPEN;

const TOOLS = Object.freeze(['tools'] as const);

/** Invalid UTF-8, passed in place of a value that is not well-formed text, so that the engine denies the call. */
const NOT_UTF8 = Uint8Array.of(0x7b, 0x22, 0xff);

/** Copies bytes of a `SharedArrayBuffer`, which other threads could change while they are read. */
const own = (call: string | Uint8Array): string | Uint8Array =>
	typeof call === 'string' || call.buffer instanceof ArrayBuffer ? call : new Uint8Array(call);

const UNREADABLE = notJudged('the call cannot be read');

/** A loaded module, and the writer that writes calls for it. */
interface Active {
	readonly engine: Engine;
	readonly writer: CallWriter;
}

const activeOf = (engine: Engine): Active => ({ engine, writer: new CallWriter(engine.manifest) });

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
		this.#active = activeOf(engine);
	}

	/** Loads a module. @internal */
	protected abstract open(source: Source): Promise<Engine>;

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
		return this.#read(call as Loose)?.needsResource() ?? false;
	}

	/** @internal */
	shows(call: Loose): boolean {
		// A client keeps a list for longer than a moment, so the list is made for any time.
		const unknown = this.readsTime ? TOOL_LIST | TIME_OPEN : TOOL_LIST;
		return this.#read(call)?.canPass(unknown) ?? false;
	}

	/** @internal */
	showsExactly(call: Loose): boolean {
		const unknown = this.readsTime ? RESOURCE_OPEN | TIME_OPEN : RESOURCE_OPEN;
		return this.#read(call)?.canPass(unknown) ?? false;
	}

	/**
	 * Reads a call without its resource. It is judged later by the module that is active now, at the current time unless its
	 * context has a `now`. @internal
	 */
	read(call: Loose & { readonly context: unknown }): Reading {
		return this.#read(call, true) ?? UNREAD;
	}

	#read(call: Loose, isNow = false): Read | undefined {
		const { engine, writer } = this.#active;
		try {
			const now = isNow && writer.readsTime ? new Date().toISOString() : undefined;
			return new Read(engine, writer.withoutResource(call, now));
		} catch {
			return undefined;
		}
	}

	/**
	 * Loads a source and replaces the current policy with it. Calls that are being judged finish with the policy they
	 * started with. If several reloads run at the same time, the one that was started last wins.
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
		const loaded = activeOf(await this.open(source));
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
}

class Read implements Reading {
	readonly #engine: Engine;
	readonly #begun: Begun;

	constructor(engine: Engine, begun: Begun) {
		this.#engine = engine;
		this.#begun = begun;
	}

	decide(resource?: unknown): Decision {
		try {
			return this.#engine.decide(withResource(this.#begun, resource), 0);
		} catch {
			return this.decideWithheld();
		}
	}

	decideWithheld(): Decision {
		return this.#engine.decide(this.#begun.text, RESOURCE_WITHHELD);
	}

	needsResource(): boolean {
		// Open gives the best outcome that any resource can have, withheld the worst.
		const best = this.#outcome(RESOURCE_OPEN);
		return best !== 'deny' && best !== this.#outcome(RESOURCE_WITHHELD);
	}

	/** Whether the call could be allowed, now or after an approval. */
	canPass(unknown: number): boolean {
		return this.#outcome(unknown) !== 'deny';
	}

	#outcome(unknown: number): Outcome {
		return this.#engine.decide(this.#begun.text, unknown).decision;
	}
}

/** The reading of a call that could not be read: it is denied. */
const UNREAD: Reading = {
	decide: () => UNREADABLE,
	decideWithheld: () => UNREADABLE,
	needsResource: () => false,
};
