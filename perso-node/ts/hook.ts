/** Calls to callbacks of the host. */

import { warn } from './platform.js';

/** The longest delay that `setTimeout` supports, in milliseconds. */
export const MOST_TIME = 2 ** 31 - 1;

/** Whether a value is a promise or another thenable. */
export const isPromise = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
	typeof (value as PromiseLike<T> | null | undefined)?.then === 'function';

/** Runs a callback of the host. If it throws or its promise rejects, warns the operator; `outcome` says what happens next. */
export function hook<T>(name: string, outcome: string, run: () => T): T | undefined {
	const failed = (error: unknown): undefined => {
		warn(new Error(`\`${name}\` failed; ${outcome}`, { cause: error }));
	};
	try {
		const answer = run();
		// The promise is not awaited, but its rejection must not end the process.
		if (isPromise(answer)) Promise.resolve(answer).then(undefined, failed);
		return answer;
	} catch (error) {
		return failed(error);
	}
}
