/** Who has asked for the tools: their lists are told by the ids of the requests. */

import type { Who } from '../guard/judge.js';
import type { Id } from './message.js';

/** Who waits for a list. */
interface Waiting {
	readonly who: Who | Promise<Who>;
	readonly isModern: boolean;
}

/** All who wait for a list under one id. Which answer is whose, nobody knows where there are several. */
interface Group {
	readonly waiting: Waiting[];
	/** How many have not been answered. */
	left: number;
	/** Whether something else was answered to the id. */
	isStale: boolean;
}

/** How many lists may be waited for at a time, on one transport. */
const MOST = 4096;

/** The lists that are waited for on one transport. */
export class Lists {
	readonly #groups = new Map<Id, Group>();
	#count = 0;

	/** Notes who asks. False where too many wait already. */
	add(id: Id, waiting: Waiting): boolean {
		if (this.#count >= MOST) this.#forgetStale();
		if (this.#count >= MOST) return false;
		const group = this.#groups.get(id) ?? { waiting: [], left: 0, isStale: false };
		group.waiting.push(waiting);
		group.left += 1;
		this.#groups.set(id, group);
		this.#count += 1;
		return true;
	}

	/** A list is answered to the id: all who may be the one that gets it. */
	answer(id: Id): readonly Waiting[] {
		const group = this.#groups.get(id);
		if (!group) return [];
		group.left -= 1;
		if (group.left === 0) this.#forget(id, group);
		return group.waiting;
	}

	/** Something else is answered to the id: its list may still come, where two requests had the same. */
	miss(id: Id): void {
		const group = this.#groups.get(id);
		if (group) group.isStale = true;
	}

	clear(): void {
		this.#groups.clear();
		this.#count = 0;
	}

	#forgetStale(): void {
		for (const [id, group] of this.#groups) if (group.isStale) this.#forget(id, group);
	}

	#forget(id: Id, group: Group): void {
		this.#groups.delete(id);
		this.#count -= group.waiting.length;
	}
}
