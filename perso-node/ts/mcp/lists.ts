/**
 * Tracks requests for lists of tools on one transport. Each is sent to the server with a new id that clients cannot guess,
 * so that its answer is recognized, whatever ids clients choose and however late it comes.
 */

import type { Viewer } from '../guard/judge.js';
import type { Id } from './message.js';

/** A caller who waits for a list. */
export interface Waiting {
	readonly viewer: Viewer | Promise<Viewer>;
	readonly isModern: boolean;
}

/** Requests for lists with the same client's id: a transport may give any of their answers to any of the callers. */
interface Group {
	/** The client's id. */
	readonly id: Id;
	readonly waiting: Waiting[];
	/** The ids at the server. */
	readonly own: Set<string>;
}

/** The maximum number of open requests for lists on one transport. */
const MOST = 4096;

/** The prefix of the ids at the server. It is random, so that other processes and clients do not use it. */
const PREFIX = `perso-${crypto.randomUUID()}-`;

let count = 0;

/** Whether this process made the id for a list, on any transport. */
export const isOwn = (id: unknown): id is string => typeof id === 'string' && id.startsWith(PREFIX);

/** The open requests for lists on one transport. */
export class Lists {
	/** By the ids at the server. */
	readonly #open = new Map<string, Group>();
	/** By the clients' ids. */
	readonly #groups = new Map<Id, Group>();

	/** Adds a request. Returns its id for the server; undefined if too many requests are open. */
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

	/** The client's id of an open request. */
	clientId(own: string): Id | undefined {
		return this.#open.get(own)?.id;
	}

	/** The callers who wait for a list with a client's id. */
	waiting(id: unknown): readonly Waiting[] | undefined {
		return this.#groups.get(id as Id)?.waiting;
	}

	/** Closes a request that was answered. Returns the client's id, and all callers to whom the answer may be given. */
	answer(own: string): Pick<Group, 'id' | 'waiting'> | undefined {
		const group = this.#open.get(own);
		if (group === undefined) return undefined;
		this.#open.delete(own);
		group.own.delete(own);
		if (group.own.size === 0) this.#groups.delete(group.id);
		return group;
	}

	/** Removes the requests with a client's id. Returns their ids at the server. */
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
