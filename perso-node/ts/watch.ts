/** Follows a file. */

import type * as fs from 'node:fs/promises';
import { LoadError } from './errors.js';
import { hook, MOST_TIME } from './hook.js';
import { builtin, warn } from './platform.js';

/** How a file is followed. */
export interface WatchOptions {
	/** How often it is looked at, in milliseconds; 1000 if not said otherwise. */
	readonly interval?: number;
	/** Ends the watch when it is aborted. */
	readonly signal?: AbortSignal;
	/** Is told when a new version is in force. */
	readonly onReload?: () => void;
	/** Is told when a version does not load; without it a warning is given. */
	readonly onError?: (error: Error) => void;
}

/** A watch that goes on until it is closed. It keeps no process alive. */
export interface Watched {
	/** Stops following. What is in force stays so. */
	close(): void;
}

/** How long a file must stay as it is to be taken for wholly written, in milliseconds. */
const SETTLES = 50;

/** What a function of the host's that fails changes. */
const FOLLOWED = 'the file is still followed';

/** Loads what a file has now. What it gives puts that in force. */
export type Load = () => Promise<() => void>;

/** Loads a file and follows it. */
export async function watch(path: string | URL, load: Load, options: WatchOptions): Promise<Watched> {
	const files = builtin<typeof fs>('node:fs/promises');
	if (!files) throw new LoadError('there are no files to watch here');
	const { interval = 1000, signal, onReload, onError = warn } = options;
	if (!(interval > 0 && interval <= MOST_TIME)) {
		throw new RangeError(`\`interval\` must be more than 0 and at most ${MOST_TIME} milliseconds`);
	}
	/** What tells one version of a file from another, a link that points elsewhere included. */
	const version = async (): Promise<string> => {
		const { dev, ino, size, mtimeNs } = await files.stat(path, { bigint: true });
		return `${dev} ${ino} ${size} ${mtimeNs}`;
	};
	const look = (): Promise<string> => version().catch(() => '');
	// What is no file is not loaded as if it were followed.
	let loaded = await version();
	(await load())();
	let closed = signal?.aborted === true;
	let timer: NodeJS.Timeout | undefined;
	const wait = (time: number, next: () => Promise<void>): void => {
		if (closed) return;
		timer = setTimeout(() => void next(), time);
		timer.unref?.();
	};
	const follow = async (): Promise<void> => {
		const seen = await look();
		if (seen === loaded) return wait(interval, follow);
		wait(Math.min(interval, SETTLES), async () => {
			// A file that is still being written changes between two looks.
			if ((await look()) !== seen) return wait(0, follow);
			if (closed) return;
			loaded = seen;
			try {
				const putInForce = await load();
				if (closed) return;
				putInForce();
				hook('onReload', FOLLOWED, () => onReload?.());
			} catch (error) {
				if (closed) return;
				hook('onError', FOLLOWED, () => onError(notLoaded(path, error)));
			}
			wait(interval, follow);
		});
	};
	const close = (): void => {
		closed = true;
		clearTimeout(timer);
		signal?.removeEventListener('abort', close);
	};
	signal?.addEventListener('abort', close, { once: true });
	wait(interval, follow);
	return { close };
}

function notLoaded(path: string | URL, error: unknown): LoadError {
	const why = error instanceof Error ? error.message : String(error);
	return new LoadError(`\`${String(path)}\` does not load, and the policy before stays in force: ${why}`, { cause: error });
}
