/** Finds the documents that a policy extends. */

/**
 * The documents that a policy extends: an object or a `Map` from paths to texts, or a function that gets a path and returns the
 * text. Paths are relative to the policy's text, whichever document names them.
 */
export type Resolve = ((path: string) => string) | ReadonlyMap<string, string> | Readonly<Record<string, string>>;

/** Options of `Policy.compile`. */
export interface CompileOptions {
	/** Finds the documents that the policy extends. Without it, `extends` is an error. */
	readonly resolve?: Resolve;
}

/** A resolver in the form that the addon calls, and the first error of the user's function. */
export interface Resolver {
	(path: string): string;
	error?: unknown;
}

/** Returns the resolver in the form that the addon calls: the answer is `=` with the text, or `!` with why there is none. */
export function resolver(resolve: Resolve): Resolver {
	const find = finder(resolve);
	const answer: Resolver = (path) => {
		try {
			const text = find(path);
			if (text === undefined) return '!there is no such document';
			if (typeof text !== 'string') throw new TypeError('`resolve` must give the text of a document as a string');
			// A lone surrogate would be replaced when the string is passed to the addon.
			if (!text.isWellFormed()) throw new TypeError('the text contains a lone surrogate');
			return `=${text}`;
		} catch (error) {
			answer.error ??= error;
			return `!${error instanceof Error ? error.message : String(error)}`;
		}
	};
	return answer;
}

function finder(resolve: Resolve): (path: string) => unknown {
	// `undefined` is a mistake of a function, but means that a map has no such document.
	if (typeof resolve === 'function') return (path) => resolve(path) ?? null;
	if (resolve instanceof Map) return (path) => resolve.get(path);
	if (typeof resolve !== 'object' || resolve === null) {
		throw new TypeError('`resolve` must be a function, a Map or an object');
	}
	const texts = resolve as Readonly<Record<string, string>>;
	return (path) => (Object.hasOwn(texts, path) ? texts[path] : undefined);
}
