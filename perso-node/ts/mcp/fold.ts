/** Names, compared as the laxest reader would. */

/**
 * A name without its notation: compatibility forms (NFKC), spaces, control and invisible characters, case, and the dot of an `i`
 * make no difference. For comparison with names in lowercase ASCII.
 */
export const folded = (name: string): string =>
	name
		.normalize('NFKC')
		.replace(/[\s\p{C}\p{DI}]/gu, '')
		.toLowerCase()
		.replace(/\u0131|i\u0307/g, 'i');

/** The names that readers may take a name for, folded. To some, a NUL ends it. */
export function readings(name: string): string[] {
	const end = name.indexOf('\0');
	return end < 0 ? [folded(name)] : [folded(name), folded(name.slice(0, end))];
}

/** Whether some reader may take a name for another one. */
export const isReadAs = (name: string, other: string): boolean => readings(name).includes(other.toLowerCase());
