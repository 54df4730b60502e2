/** Runs calls that were let through, and records what became of them. */

import { isPromise } from '../hook.js';
import type { Became, Ran } from '../journal.js';

/** How it is known what became of a call. */
export interface Running {
	/** Aborted if the caller no longer waits for the call. It is then not known what became of it. */
	readonly signal?: AbortSignal | undefined;
	/** Whether an answer is an error. By default, whether its `isError` is true, as in MCP. */
	readonly isError?: (answer: unknown) => boolean;
}

const hasError = (answer: unknown): boolean => (answer as { isError?: unknown } | null | undefined)?.isError === true;

/** Runs a call. Without `ran`, nothing is recorded of it. */
export function running<T>(ran: Ran | undefined, run: () => T, { signal, isError = hasError }: Running = {}): T {
	if (ran === undefined) return run();
	const cancelled = (): void => ran('unknown');
	signal?.addEventListener('abort', cancelled, { once: true });
	const ended: Ran = (became) => {
		signal?.removeEventListener('abort', cancelled);
		ran(became);
	};
	const answered = <A>(answer: A): A => {
		ended(isError(answer) ? 'error' : 'ok');
		return answer;
	};
	const failed = (error: unknown): never => {
		ended('error');
		throw error;
	};
	let answer: T;
	try {
		answer = run();
	} catch (error) {
		return failed(error);
	}
	if (isPromise(answer)) return Promise.resolve(answer).then(answered, failed) as T;
	return isAsyncIterable(answer) ? (streamed(answer, ended) as T) : answered(answer);
}

export const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
	typeof (value as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === 'function';

/** Passes on many answers. What became of the call is not known if they are not read to the end. */
async function* streamed(answers: AsyncIterable<unknown>, ended: Ran): AsyncGenerator<unknown> {
	let became: Became = 'unknown';
	try {
		const last: unknown = yield* answers;
		became = 'ok';
		return last;
	} catch (error) {
		became = 'error';
		throw error;
	} finally {
		ended(became);
	}
}
