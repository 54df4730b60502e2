/** Who has asked for the tools: their lists are told by the ids of the requests. */

import type { Who } from '../guard/judge.js';
import type { Id } from './message.js';

/** Who waits for a list. */
export interface Waiting {
	readonly who: Who | Promise<Who>;
	readonly isModern: boolean;
}

/** The requests under one id that are not answered yet. Which answer is whose, nobody knows where there are several. */
interface Group {
	open: number;
	/** Those of them that are for a list. */
	readonly waiting: Waiting[];
}

/** How many lists may be waited for at a time, on one transport. */
const MOST = 4096;

/** How many requests may be open at a time: one that is cancelled counts, because its answer may still come. */
const MOST_OPEN = 1 << 16;

/** The requests that are open on one transport: as long as one is under an id, so are the lists under it. */
export class Lists {
	readonly #groups = new Map<Id, Group>();
	#count = 0;

	/** Notes a request that goes on, and who asks where it is for a list. False where too many are open already. */
	add(id: Id, waiting?: Waiting): boolean {
		if (this.#groups.size >= MOST_OPEN || (waiting && this.#count >= MOST)) return false;
		const group = this.#groups.get(id) ?? { open: 0, waiting: [] };
		group.open += 1;
		if (waiting) {
			group.waiting.push(waiting);
			this.#count += 1;
		}
		this.#groups.set(id, group);
		return true;
	}

	/** Something is answered to the id: all who may be the one that gets it, if it is a list. */
	answer(id: Id): readonly Waiting[] {
		const group = this.#groups.get(id);
		if (!group) return [];
		group.open -= 1;
		if (group.open === 0) {
			this.#groups.delete(id);
			this.#count -= group.waiting.length;
		}
		return group.waiting;
	}

	clear(): void {
		this.#groups.clear();
		this.#count = 0;
	}
}
