/** Compares names as leniently as the most lenient parser does. */

/**
 * Folds a name: compatibility forms (NFKC), spaces, control and invisible characters, case, and the dot of an `i` make no
 * difference. The result is compared with names in lowercase ASCII.
 */
export const folded = (name: string): string =>
	name
		.normalize('NFKC')
		.replace(/[\s\p{C}\p{DI}]/gu, '')
		.toLowerCase()
		.replace(/\u0131|i\u0307/g, 'i');

/** The folded names that some parser may read a name as. For some parsers, a NUL ends the name. */
export function readings(name: string): string[] {
	const end = name.indexOf('\0');
	return end < 0 ? [folded(name)] : [folded(name), folded(name.slice(0, end))];
}

/** Whether some parser may read a name as another one. */
export const isReadAs = (name: string, other: string): boolean => readings(name).includes(other.toLowerCase());
