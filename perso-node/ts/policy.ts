/** A policy that judges calls, whichever engine runs its module. */

import { type Decision, notJudged } from './decision.js';
import type { Manifest } from './engine/manifest.js';
import { type Begun, type Call, CallWriter, type Loose, withResource } from './value/call.js';
import type { CompiledModule } from './platform.js';
import { PARTS, type Part } from './value/reads.js';
import { type Watched, type WatchOptions, watch } from './watch.js';

/** A module that runs. */
export interface Engine {
	/** The module's bytes; undefined where only the platform has them. */
	readonly module: Uint8Array | undefined;
	/** What the module says of itself. */
	readonly manifest: Manifest;
	/**
	 * Judges a call's text, which has no half of a surrogate pair. Never throws. `unknown` has a bit for each part of which
	 * the text does not tell: open in the low four, withheld in the four above (docs/module.md).
	 */
	decide(text: string | Uint8Array, unknown: number): Decision;
}

/** Where a policy comes from: a file's path or URL, a module's bytes, or a module that the platform has compiled. */
export type Source = string | URL | Uint8Array | ArrayBuffer | CompiledModule;

const OPEN = 0;
const WITHHELD = 4;

/** The bit of a part. */
const bit = (part: Part, state: number): number => 1 << (PARTS.indexOf(part) + state);

const RESOURCE_OPEN = bit('resource', OPEN);
const RESOURCE_WITHHELD = bit('resource', WITHHELD);
const TOOL_LIST = bit('args', OPEN) | RESOURCE_OPEN;

/** What a string says that is no Unicode text. */
const NOT_UTF8 = Uint8Array.of(0x7b, 0x22, 0xff);

/** Bytes that other threads could change while they are read are copied. */
const own = (call: string | Uint8Array): string | Uint8Array =>
	typeof call === 'string' || call.buffer instanceof ArrayBuffer ? call : new Uint8Array(call);

const UNREADABLE = notJudged('the call cannot be read');

/** A module, and how calls are written for it. */
interface InForce {
	readonly engine: Engine;
	readonly writer: CallWriter;
}

const inForce = (engine: Engine): InForce => ({ engine, writer: new CallWriter(engine.manifest) });

/** What `Policy` is of either entry. Judging never throws: what can't be judged is denied, and the cause says why. */
export abstract class BasePolicy {
	#current: InForce;
	/** How many modules have been asked for, and which of them is in force. */
	#asked = 0;
	#turn = 0;

	/** @internal */
	protected constructor(engine: Engine) {
		this.#current = inForce(engine);
	}

	/** Gets a module to run. @internal */
	protected abstract open(source: Source): Promise<Engine>;

	/** The module's bytes; undefined where the policy was loaded from a `WebAssembly.Module`. */
	get module(): Uint8Array | undefined {
		return this.#current.engine.module;
	}

	/**
	 * Judges a call.
	 *
	 * Of each part just what the policy reads is read, each property once, as `JSON.stringify` would: `toJSON` is heeded,
	 * `undefined`, functions and symbols are missing. But a bigint is a number with all its digits, `NaN` and the infinities
	 * are out of range, a `Map` is an object and a `Set` a list. See docs/node.md.
	 *
	 * @example
	 * const decision = policy.decide({ tool: 'process_refund', args: { amount: 800 }, agent: { roles: ['agent'] } });
	 * if (!decision.allowed) throw new Error(decision.reason);
	 */
	decide(call: Call): Decision {
		const { engine, writer } = this.#current;
		let text: string;
		try {
			text = writer.call(call as Loose);
		} catch {
			return UNREADABLE;
		}
		return engine.decide(text, 0);
	}

	/** Judges a call that is JSON text, as a string or UTF-8: `{"tool": …, "args": {…}, "agent": {…}, …}`. */
	decideJson(call: string | Uint8Array): Decision {
		// Half a surrogate pair must not turn into another character on its way.
		const isText = typeof call === 'string' ? call.isWellFormed() : call instanceof Uint8Array;
		return this.#current.engine.decide(isText ? own(call) : NOT_UTF8, 0);
	}

	/** Whether the caller could ever make such a call: whether some arguments and some resource could be allowed. */
	couldAllow(call: Pick<Call, 'tool' | 'agent' | 'context'>): boolean {
		return this.shows(call as Loose);
	}

	/** Whether the decision depends on the resource, so that it must be fetched. */
	needsResource(call: Omit<Call, 'resource'>): boolean {
		return this.#read(call as Loose)?.needsResource() ?? false;
	}

	/** @internal */
	shows(call: Loose): boolean {
		return this.#read(call)?.ask(TOOL_LIST) ?? false;
	}

	/** Reads a call but for its resource, to be judged now or later, by the policy that is in force now. @internal */
	read(call: Loose): Reading {
		return this.#read(call) ?? UNREAD;
	}

	#read(call: Loose): Read | undefined {
		const { engine, writer } = this.#current;
		try {
			return new Read(engine, writer.withoutResource(call));
		} catch {
			return undefined;
		}
	}

	/**
	 * Puts another module, or another policy's text, in force. Calls that are being judged finish with the one that they
	 * began with; where it does not load, the promise is rejected, and the policy before stays. Where several are being
	 * loaded at the same time, the one that was asked for last stays in force.
	 */
	async reload(source: Source): Promise<void> {
		(await this.#load(source))();
	}

	/** Loads what the function that comes of it puts in force. */
	async #load(source: Source): Promise<() => void> {
		this.#asked += 1;
		const turn = this.#asked;
		const loaded = inForce(await this.open(source));
		return () => {
			if (turn < this.#turn) return;
			this.#turn = turn;
			this.#current = loaded;
		};
	}

	/**
	 * Loads a file, and loads it anew whenever it changes, until the watch is closed or its `signal` is aborted. A file that
	 * does not load later on changes nothing: the policy before stays in force, and `onError` is told.
	 *
	 * @example
	 * const watched = await policy.watch('support.wasm');
	 * watched.close();
	 */
	watch(path: string | URL, options: WatchOptions = {}): Promise<Watched> {
		return watch(path, () => this.#load(path), options);
	}
}

/** A call whose values have been read, but for the resource. What becomes of the values afterwards changes nothing. */
export interface Reading {
	/** Judges the call with a resource, or without one. */
	decide(resource?: unknown): Decision;
	/** Judges the call where nothing may be concluded from the resource. */
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
		return this.ask(RESOURCE_OPEN) && !this.ask(RESOURCE_WITHHELD);
	}

	ask(unknown: number): boolean {
		return this.#engine.decide(this.#begun.text, unknown).allowed;
	}
}

/** A call that could not be read. */
const UNREAD: Reading = {
	decide: () => UNREADABLE,
	decideWithheld: () => UNREADABLE,
	needsResource: () => false,
};
