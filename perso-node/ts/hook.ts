/** Functions of the host's that are told of something, and how long may be waited for it. */

import { warn } from './platform.js';

/** The longest time that a timer takes, in milliseconds. */
export const MOST_TIME = 2 ** 31 - 1;

/** Whether it is a promise, of whichever kind. */
export const isPromise = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
	typeof (value as PromiseLike<T> | null | undefined)?.then === 'function';

/** Runs a function of the host's. Where it fails, now or later, the operator learns of it and of the `outcome`. */
export function hook<T>(name: string, outcome: string, run: () => T): T | undefined {
	const failed = (error: unknown): undefined => {
		warn(new Error(`\`${name}\` failed; ${outcome}`, { cause: error }));
	};
	try {
		const answer = run();
		// Nobody waits for it, but what it fails with must not end the process.
		if (isPromise(answer)) Promise.resolve(answer).then(undefined, failed);
		return answer;
	} catch (error) {
		return failed(error);
	}
}
