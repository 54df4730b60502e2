/**
 * Calls that have become tasks. `tasks/update` goes on with such a call, and some servers run its tool anew, with the
 * arguments that they have kept: it is judged as the call was, by whoever sends it.
 */

import type { BasePolicy } from '../policy.js';
import type { Message } from './message.js';

/** A call that may become a task. */
export interface TaskCall {
	readonly tool: string;
	readonly args: unknown;
}

/** How many tasks are known. The oldest make room for others, and are not known any more. */
const MOST = 4096;

/** The tasks of all servers that a policy guards: a client may go on with one over another connection. */
const known = new WeakMap<BasePolicy, Map<string, readonly TaskCall[]>>();

function tasksOf(policy: BasePolicy): Map<string, readonly TaskCall[]> {
	const tasks = known.get(policy) ?? new Map<string, readonly TaskCall[]>();
	known.set(policy, tasks);
	return tasks;
}

/** Calls that a task may be of. Where servers give out an id twice, it is of all of them. */
export const callsOf = (policy: BasePolicy, task: string): readonly TaskCall[] | undefined => tasksOf(policy).get(task);

/** Notes that one of these calls has become a task. */
export function remember(policy: BasePolicy, task: string, calls: readonly TaskCall[]): void {
	const tasks = tasksOf(policy);
	const all = [...(tasks.get(task) ?? []), ...calls];
	tasks.delete(task);
	// One that is of more calls than anybody would judge is known no more.
	if (all.length <= MOST_CALLS) tasks.set(task, all);
	if (tasks.size > MOST) tasks.delete(tasks.keys().next().value!);
}

const MOST_CALLS = 16;

/** The id of the task that a call has become, by its result. */
export function taskIn(result: Message | null | undefined): string | undefined {
	const { resultType, taskId, task } = result ?? {};
	const id = resultType === 'task' ? taskId : (task as Message | null | undefined)?.['taskId'];
	return typeof id === 'string' ? id : undefined;
}
