/** Finds out which keys of a call a policy reads. Only their values are read and written. */

import type { Manifest } from '../engine/manifest.js';
import { quote } from './write.js';

/** The parts of a call, in the order of their bits (docs/module.md). */
export const PARTS = ['args', 'agent', 'resource', 'context', 'session'] as const;

/** The bit of an open time: `context.now` may be anything, unless the call has it (docs/module.md). */
export const TIME_OPEN = 1 << 16;

export type Part = (typeof PARTS)[number];

/** An attribute as written in the policy: an optional derived value (`… of `), the part, and the first key. */
const ATTRIBUTE = /^(?:[^".[]* of )?(args|agent|resource|context|session)(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\[("(?:[^"\\]|\\.)*")\])/;

/** The maximum number of keys in the cache of each part. A caller who makes up more of them is only served more slowly. */
const KNOWN = 1024;

/** The attribute of the time, or what is read off it (`… of context.now`). */
const TIME = /^(?:.* of )?context\.now$/s;

/** An attribute of the session that only a ledger knows: any but its id. */
const LABELS = /^(?:.* of )?session(?!\.id$)(?:[.[]|$)/s;

/** An attribute of the resource, or what is read off it. */
const RESOURCE = /^(?:.* of )?resource(?:[.[]|$)/s;

/** The keys that a policy reads of one part. */
export class Keys {
	readonly #skeletons = new Set<string>();
	/** The maximum length of a key that could match, in UTF-16 code units. */
	readonly #longest: number;
	/** The cache: the key as JSON with its colon; null if it is not read. */
	readonly #known = new Map<string, string | null>();
	readonly #all: boolean;

	constructor(keys: Iterable<string>, all: boolean) {
		for (const key of keys) this.#skeletons.add(skeleton(key));
		// A character has at most two code units.
		this.#longest = 2 * Math.max(0, ...Array.from(this.#skeletons, ({ length }) => length));
		this.#all = all;
	}

	/** Whether the policy may look at everything in the part. */
	get all(): boolean {
		return this.#all;
	}

	/** Whether the policy reads nothing of the part. */
	get none(): boolean {
		return !this.#all && this.#skeletons.size === 0;
	}

	/** The key as JSON with its colon, if the policy reads it or a key that it could be mistaken for; else null. */
	read(key: string): string | null {
		// Not cached, so that long keys which callers make up do not fill the memory.
		if (key.length > this.#longest) return this.#all ? `${quote(key)}:` : null;
		const known = this.#known.get(key);
		if (known !== undefined) return known;
		const read = this.#all || this.#skeletons.has(skeleton(key)) ? `${quote(key)}:` : null;
		if (this.#known.size < KNOWN) this.#known.set(key, read);
		return read;
	}
}

/** The keys that a policy reads of each part. */
export type Reads = Readonly<Record<Part, Keys>>;

/** The maximum number of tools in the cache. For others, all keys that the policy reads are used. */
const TOOLS = 4096;

/** The keys that a policy reads, by tool. */
export class PolicyReads {
	readonly #manifest: Manifest;
	readonly #numbers: ReadonlyMap<string, readonly number[]>;
	readonly #known = new Map<string, Reads>();
	/** Whether some rule reads the time, `context.now`. */
	readonly time: boolean;
	/** Whether some rule or limit reads what a session has seen. */
	readonly labels: boolean;
	/** Whether there are limits or labels, and the resource is read: perhaps by them. */
	readonly countsResource: boolean;
	/** For tools that the policy does not name, which a rule with a `*` may match. */
	readonly #all: Reads;

	constructor(manifest: Manifest) {
		this.#manifest = manifest;
		this.#numbers = new Map(manifest.tools.map(({ name, reads }) => [name, reads]));
		this.#all = reads(manifest.attributes);
		const some = (form: RegExp): boolean => manifest.attributes.some((attribute) => form.test(attribute));
		this.time = some(TIME);
		this.labels = some(LABELS);
		this.countsResource = (manifest.obligations ?? []).length > 0 && some(RESOURCE);
	}

	/** The keys that are read of a call of this tool. */
	of(tool: unknown): Reads {
		if (typeof tool !== 'string') return this.#all;
		const known = this.#known.get(tool);
		if (known !== undefined) return known;
		const numbers = this.#numbers.get(tool);
		if (numbers === undefined || this.#known.size >= TOOLS) return this.#all;
		const found = reads(numbers.map((number) => this.#manifest.attributes[number]!));
		this.#known.set(tool, found);
		return found;
	}
}

/** The keys of attributes. */
function reads(attributes: readonly string[]): Reads {
	const keys: Record<Part, Set<string>> = {
		args: new Set(),
		agent: new Set(['role', 'roles']),
		resource: new Set(),
		context: new Set(),
		session: new Set(),
	};
	// Parts of which every key is read: a rule tests which keys the part has (`only`).
	const whole = new Set<string>();
	for (const attribute of attributes) {
		const [, part, name, quoted] = ATTRIBUTE.exec(attribute) ?? [];
		if (part !== undefined) keys[part as Part].add(name ?? (JSON.parse(quoted!) as string));
		else if ((PARTS as readonly string[]).includes(attribute)) whole.add(attribute);
		// The attribute has an unknown form, so read everything: slower, but with the same decisions.
		else if (attribute !== 'tool') for (const part of PARTS) whole.add(part);
	}
	const of = (part: Part): Keys => new Keys(keys[part], whole.has(part));
	return { args: of('args'), agent: of('agent'), resource: of('resource'), context: of('context'), session: of('session') };
}

/**
 * Folds a key so that keys which the decoder considers confusable get the same result (`perso-core/decode/src/text.rs`).
 * The decoder refuses a key that differs only by case from one that the policy reads, so it must be passed such keys. Folding
 * more than the decoder does is safe.
 */
function skeleton(key: string): string {
	let skeleton = '';
	for (const character of key) {
		const folded = FOLDED[character] ?? character;
		skeleton += folded > '\x7f' ? '\x80' : folded.toLowerCase();
	}
	return skeleton;
}

/** Non-ASCII characters that case folding can turn into an ASCII letter. */
const FOLDED: { readonly [character: string]: string } = {
	// Inherit nothing.
	__proto__: null as never,
	'\u0130': 'i',
	'\u0131': 'i',
	'\u017f': 's',
	'\u212a': 'k',
};
