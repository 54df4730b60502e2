/** One call after the other. */

import type { Id } from './message.js';

/** The maximum number of calls that wait for their turn. */
const MOST = 1024;

/**
 * Lets a call begin once the call before it has been answered or cancelled. What is looked up to judge a call is then still true
 * when it runs.
 */
export class Turns {
	readonly #queue: { readonly id: Id; readonly begin: () => void }[] = [];

	/** Begins a call now or later. Returns false if too many are waiting. */
	take(id: Id, begin: () => void): boolean {
		if (this.#queue.length >= MOST) return false;
		this.#queue.push({ id, begin });
		if (this.#queue.length === 1) begin();
		return true;
	}

	/** Ends a call, which was answered or cancelled. */
	end(id: unknown): void {
		const place = this.#queue.findIndex((call) => call.id === id);
		if (place < 0) return;
		this.#queue.splice(place, 1);
		if (place === 0) this.#queue[0]?.begin();
	}
}
