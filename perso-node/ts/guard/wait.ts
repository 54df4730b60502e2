/** Waiting for the host's functions: for a while each, and for a bounded number of them in the whole process. */

/** How many calls may wait at a time. */
const MOST = 16_384;

let waiting = 0;

/** What a function of the host's answers. Rejects where it takes longer than `time` milliseconds, or where too many wait. */
export function waited<T>(answer: PromiseLike<T>, name: string, time: number): Promise<T> {
	const answered = Promise.resolve(answer);
	if (waiting >= MOST) {
		// Nobody waits for it, but what it fails with must not end the process.
		answered.catch(() => {});
		return Promise.reject(new Error(`${MOST} calls are waiting for \`agent\` or \`resource\` already`));
	}
	waiting += 1;
	let timer: ReturnType<typeof setTimeout>;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`\`${name}\` took more than ${time} ms`)), time);
	});
	return Promise.race([answered, late]).finally(() => {
		clearTimeout(timer);
		waiting -= 1;
	});
}
