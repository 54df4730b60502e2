/** Who has asked for the tools: their lists are told by the ids of the requests. */

import type { Who } from '../guard/judge.js';
import type { Id } from './message.js';

/** A list that somebody waits for. */
interface Pending {
	readonly who: Who | Promise<Who>;
	readonly isModern: boolean;
	/** Whether something else was answered to the id. */
	isStale: boolean;
}

/** How many lists may be waited for at a time, on one transport. */
const MOST = 4096;

/** The lists that are waited for on one transport. */
export class Lists {
	readonly #pending = new Map<Id, Pending[]>();
	#count = 0;

	/** Notes who asks. False where too many wait already. */
	add(id: Id, who: Who | Promise<Who>, isModern: boolean): boolean {
		if (this.#count >= MOST) this.#drop();
		if (this.#count >= MOST) return false;
		const pending = { who, isModern, isStale: false };
		const others = this.#pending.get(id);
		if (others) others.push(pending);
		else this.#pending.set(id, [pending]);
		this.#count += 1;
		return true;
	}

	/** All who wait for a list under this id; it answers the first of them. */
	take(id: Id): readonly Pending[] {
		const pending = this.#pending.get(id);
		if (!pending) return [];
		const all = [...pending];
		pending.shift();
		this.#count -= 1;
		if (pending.length === 0) this.#pending.delete(id);
		return all;
	}

	/** Something else was answered to the id: its list may still come, where two requests had the same. */
	miss(id: Id): void {
		for (const pending of this.#pending.get(id) ?? []) pending.isStale = true;
	}

	clear(): void {
		this.#pending.clear();
		this.#count = 0;
	}

	#drop(): void {
		for (const [id, pending] of this.#pending) {
			if (!pending.every(({ isStale }) => isStale)) continue;
			this.#pending.delete(id);
			this.#count -= pending.length;
		}
	}
}
