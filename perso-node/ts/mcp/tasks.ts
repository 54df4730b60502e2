/**
 * Remembers calls that have become tasks. `tasks/update` continues such a call, and some servers then run its tool again
 * with the arguments that they have kept. An update is therefore judged like the call, with the caller who sends the update.
 */

import type { BasePolicy } from '../policy.js';
import type { Message } from './message.js';

/** A call that may become a task. */
export interface TaskCall {
	readonly tool: string;
	readonly args: unknown;
}

/** The maximum number of tasks that are remembered. The oldest are dropped first. */
const MOST = 4096;

/** The tasks by policy. Servers with the same policy share them: a client may continue a task over another connection. */
const known = new WeakMap<BasePolicy, Map<string, readonly TaskCall[]>>();

function tasksOf(policy: BasePolicy): Map<string, readonly TaskCall[]> {
	const tasks = known.get(policy) ?? new Map<string, readonly TaskCall[]>();
	known.set(policy, tasks);
	return tasks;
}

/** The calls that may have become a task. There are several if servers use the same id more than once. */
export const callsOf = (policy: BasePolicy, task: string): readonly TaskCall[] | undefined => tasksOf(policy).get(task);

/** Remembers that one of these calls has become a task. */
export function remember(policy: BasePolicy, task: string, calls: readonly TaskCall[]): void {
	const tasks = tasksOf(policy);
	const all = [...(tasks.get(task) ?? []), ...calls];
	tasks.delete(task);
	// A task with too many possible calls is dropped, so that an update does not need that many decisions.
	if (all.length <= MOST_CALLS) tasks.set(task, all);
	if (tasks.size > MOST) tasks.delete(tasks.keys().next().value!);
}

/** The maximum number of calls that are remembered for one task. */
const MOST_CALLS = 16;

/** The id of the task in a call's result, if the call has become a task. */
export function taskIn(result: Message | null | undefined): string | undefined {
	const { resultType, taskId, task } = result ?? {};
	const id = resultType === 'task' ? taskId : (task as Message | null | undefined)?.['taskId'];
	return typeof id === 'string' ? id : undefined;
}
