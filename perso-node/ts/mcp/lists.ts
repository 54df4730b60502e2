/**
 * The lists of tools that clients of one transport wait for. Each request for one goes on to the server under an id that
 * nobody can guess, so that its answer is known from all others, whatever ids clients choose, and however late it comes.
 */

import type { Who } from '../guard/judge.js';
import type { Id } from './message.js';

/** Who waits for a list. */
export interface Waiting {
	readonly who: Who | Promise<Who>;
	readonly isModern: boolean;
}

/** The lists that are asked for under one id: a transport may give any answer under it to any of those who wait. */
interface Group {
	readonly id: Id;
	readonly waiting: Waiting[];
	readonly own: Set<string>;
}

/** How many lists may be waited for at a time, on one transport. */
const MOST = 4096;

/** No other process, and no client, has this one's ids. */
const PREFIX = `perso-${crypto.randomUUID()}-`;

let count = 0;

/** Whether an id is one that this process gave to a list, on whichever transport. */
export const isOwn = (id: unknown): id is string => typeof id === 'string' && id.startsWith(PREFIX);

/** The lists that are open on one transport. */
export class Lists {
	/** By the ids that they have at the server. */
	readonly #open = new Map<string, Group>();
	/** By the ids that clients gave them. */
	readonly #groups = new Map<Id, Group>();

	/** Notes who asks for a list. Returns the id under which it goes on, or undefined where too many are open. */
	add(id: Id, waiting: Waiting): string | undefined {
		if (this.#open.size >= MOST) return undefined;
		const group = this.#groups.get(id) ?? { id, waiting: [], own: new Set() };
		const own = `${PREFIX}${(count += 1)}`;
		group.waiting.push(waiting);
		group.own.add(own);
		this.#groups.set(id, group);
		this.#open.set(own, group);
		return own;
	}

	/** The client's id of a list, as long as it is open. */
	clientId(own: string): Id | undefined {
		return this.#open.get(own)?.id;
	}

	/** Who waits for a list under a client's id. */
	waiting(id: unknown): readonly Waiting[] | undefined {
		return this.#groups.get(id as Id)?.waiting;
	}

	/** A list is answered: all who may be the one that gets it, and the id under which they do. */
	answer(own: string): Pick<Group, 'id' | 'waiting'> | undefined {
		const group = this.#open.get(own);
		if (group === undefined) return undefined;
		this.#open.delete(own);
		group.own.delete(own);
		if (group.own.size === 0) this.#groups.delete(group.id);
		return group;
	}

	/** Forgets the lists that are asked for under an id. Returns their ids at the server. */
	cancel(id: unknown): string[] {
		const group = this.#groups.get(id as Id);
		if (group === undefined) return [];
		this.#groups.delete(group.id);
		for (const own of group.own) this.#open.delete(own);
		return [...group.own];
	}

	clear(): void {
		this.#open.clear();
		this.#groups.clear();
	}
}
