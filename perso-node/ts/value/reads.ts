/** Which keys of a call's parts a policy could read: only their values are read and written. */

import type { Manifest } from '../engine/manifest.js';
import { quote } from './write.js';

/** The parts of a call, in the order of their bits (docs/module.md). */
export const PARTS = ['args', 'agent', 'resource', 'context'] as const;

export type Part = (typeof PARTS)[number];

/** An attribute as an author writes it: maybe something read off it, then the part and the first key. */
const ATTRIBUTE = /^(?:[^".[]* of )?(args|agent|resource|context)(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\[("(?:[^"\\]|\\.)*")\])/;

/** Keys whose answer is remembered, for each part. A caller who makes up others is answered more slowly. */
const KNOWN = 1024;

/** The keys of one part. */
export class Keys {
	readonly #skeletons = new Set<string>();
	/** The most UTF-16 units of a key that could be taken for one that is read. */
	readonly #longest: number;
	/** The key as JSON with its colon; null where it is not read. */
	readonly #known = new Map<string, string | null>();
	readonly #all: boolean;

	constructor(keys: Iterable<string>, all: boolean) {
		for (const key of keys) this.#skeletons.add(skeleton(key));
		// A character is two of them at most.
		this.#longest = 2 * Math.max(0, ...Array.from(this.#skeletons, ({ length }) => length));
		this.#all = all;
	}

	/** Whether the policy reads nothing of the part. */
	get none(): boolean {
		return !this.#all && this.#skeletons.size === 0;
	}

	/** The key as JSON with its colon, where the policy reads it or a key that could be taken for it; else null. */
	read(key: string): string | null {
		// Nor is it remembered: what callers make up must not fill the memory.
		if (key.length > this.#longest) return this.#all ? `${quote(key)}:` : null;
		const known = this.#known.get(key);
		if (known !== undefined) return known;
		const read = this.#all || this.#skeletons.has(skeleton(key)) ? `${quote(key)}:` : null;
		if (this.#known.size < KNOWN) this.#known.set(key, read);
		return read;
	}
}

/** What is read of each part. */
export type Reads = Readonly<Record<Part, Keys>>;

/** Tools whose keys are remembered. The others' are those of the whole policy. */
const TOOLS = 4096;

/** What a policy reads of a call to each tool. */
export class PolicyReads {
	readonly #manifest: Manifest;
	readonly #numbers: ReadonlyMap<string, readonly number[]>;
	readonly #known = new Map<string, Reads>();
	/** Of a call to a tool that the policy does not name: a rule with a `*` may be about it. */
	readonly #all: Reads;

	constructor(manifest: Manifest) {
		this.#manifest = manifest;
		this.#numbers = new Map(manifest.tools.map(({ name, reads }) => [name, reads]));
		this.#all = reads(manifest.attributes);
	}

	/** What is read of a call to the tool. */
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
	};
	let all = false;
	for (const attribute of attributes) {
		const [, part, name, quoted] = ATTRIBUTE.exec(attribute) ?? [];
		if (part !== undefined) keys[part as Part].add(name ?? (JSON.parse(quoted!) as string));
		// An attribute that is written otherwise: everything is read, which is slower and means the same.
		else if (attribute !== 'tool') all = true;
	}
	const of = (part: Part): Keys => new Keys(keys[part], all);
	return { args: of('args'), agent: of('agent'), resource: of('resource'), context: of('context') };
}

/**
 * What keys have in common that the decoder could take for one another (`perso-core/decode/src/text.rs`): it refuses a key
 * that differs only by case from one that is read, so that such keys must get to it.
 */
function skeleton(key: string): string {
	let skeleton = '';
	for (const character of key) {
		const folded = FOLDED[character] ?? character;
		skeleton += folded > '\x7f' ? '\x80' : folded.toLowerCase();
	}
	return skeleton;
}

/** Characters beyond ASCII that some reader folds to a letter of ASCII. */
const FOLDED: { readonly [character: string]: string } = {
	// Nothing is inherited.
	__proto__: null as never,
	'\u0130': 'i',
	'\u0131': 'i',
	'\u017f': 's',
	'\u212a': 'k',
};
