/** Waits for async callbacks of the host, with a time limit for each and a limit on their number in the process. */

/** The maximum number of calls that wait at the same time. */
const MOST = 16_384;

let waiting = 0;

/** The error of a callback that took too long. */
export class Late extends Error {}

/** Awaits a callback's answer. Rejects if it takes longer than `time` milliseconds, or if too many calls are waiting. */
export function waited<T>(answer: PromiseLike<T>, name: string, time: number): Promise<T> {
	const answered = Promise.resolve(answer);
	if (waiting >= MOST) {
		// The answer is not awaited, but its rejection must not end the process.
		answered.catch(() => {});
		return Promise.reject(new Error(`${MOST} calls are waiting for callbacks already`));
	}
	waiting += 1;
	let timer: ReturnType<typeof setTimeout>;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Late(`\`${name}\` took more than ${time} ms`)), time);
	});
	return Promise.race([answered, late]).finally(() => {
		clearTimeout(timer);
		waiting -= 1;
	});
}
