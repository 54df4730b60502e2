/** Whether a value still equals the copy that was made of it (`copy.ts`). False if reading it throws. */
export function isEqual(value: unknown, copy: unknown): boolean {
	try {
		return equal(value, copy);
	} catch {
		return false;
	}
}

function equal(value: unknown, copy: unknown): boolean {
	if (typeof copy !== 'object' || copy === null) return Object.is(value, copy);
	if (typeof value !== 'object' || value === null) return false;
	if (Object.getPrototypeOf(value) !== Object.getPrototypeOf(copy)) return false;
	if (copy instanceof Date) return Object.is(Date.prototype.getTime.call(value), copy.getTime());
	if (copy instanceof Map || copy instanceof Set) return equal([...(value as Iterable<unknown>)], [...copy]);
	const keys = Object.keys(copy);
	if (Object.keys(value).length !== keys.length) return false;
	return keys.every((key) => Object.hasOwn(value, key) && equal((value as Message)[key], (copy as Message)[key]));
}

type Message = { readonly [key: string]: unknown };
