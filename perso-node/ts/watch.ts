/** Watches a file and reloads it when it changes. */

import type * as fs from 'node:fs/promises';
import { LoadError } from './errors.js';
import { hook, MOST_TIME } from './hook.js';
import { builtin, warn } from './platform.js';

/** Options of `Policy.watch`. */
export interface WatchOptions {
	/** How often to check the file for changes, in milliseconds. The default is 1000. */
	readonly interval?: number;
	/** Stops the watch when aborted. */
	readonly signal?: AbortSignal;
	/** Called after a new version of the file has been loaded. */
	readonly onReload?: () => void;
	/** Called with a {@link LoadError} if a new version does not load. By default, a warning is emitted. */
	readonly onError?: (error: Error) => void;
}

/** A running watch. It does not keep the process alive. */
export interface Watched {
	/** Stops watching. The policy keeps the version it loaded last. */
	close(): void;
}

/** How long a file must stay unchanged to count as completely written, in milliseconds. */
const SETTLES = 50;

/** What the warning about a failed callback says about the effect. */
const FOLLOWED = 'the file is still followed';

/** Loads the file's current content. The returned function activates it. */
export type Load = () => Promise<() => void>;

/** Loads a file, and loads it again whenever it changes, or one of the `list` of files that its policy consists of. */
export async function watch(
	path: string | URL,
	list: () => readonly (string | URL)[],
	load: Load,
	options: WatchOptions,
): Promise<Watched> {
	const files = builtin<typeof fs>('node:fs/promises');
	if (!files) throw new LoadError('this platform has no files to watch');
	const { interval = 1000, signal, onReload, onError = warn } = options;
	if (!(interval > 0 && interval <= MOST_TIME)) {
		throw new RangeError(`\`interval\` must be more than 0 and at most ${MOST_TIME} milliseconds`);
	}
	/** Identifies a version of the file. Follows links, so that a link with a new target counts as a change. */
	const version = async (file: string | URL): Promise<string> => {
		const { dev, ino, size, mtimeNs } = await files.stat(file, { bigint: true });
		return `${dev} ${ino} ${size} ${mtimeNs}`;
	};
	let followed: readonly (string | URL)[] = [path];
	const look = async (): Promise<string> => (await Promise.all(followed.map((file) => version(file).catch(() => '')))).join('\n');
	/** Looks at the files that the policy consists of now. A change after that is seen by the next look. */
	const lookAnew = (): Promise<string> => {
		followed = list();
		return look();
	};
	// Throws if there is no such file, before anything is loaded.
	await version(path);
	let loaded = await lookAnew();
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
			// The file changed again in between: it is still being written.
			if ((await look()) !== seen) return wait(0, follow);
			if (closed) return;
			try {
				loaded = await lookAnew();
				const activate = await load();
				if (closed) return;
				activate();
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
	return new LoadError(`\`${String(path)}\` does not load, and the previous policy stays active: ${why}`, { cause: error });
}
