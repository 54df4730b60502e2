/** What an approval is bound to besides what a person is shown. */

import type { Question } from '../ledger.js';

/** The version of the policy that asks, by its identity, and the caller's attributes. */
export interface Binding {
	readonly policy: object;
	readonly caller: unknown;
}

const bindings = new WeakMap<Question, Binding>();

/** Binds a question of a guard. */
export function bind(question: Question, binding: Binding): Question {
	bindings.set(question, binding);
	return question;
}

/** What a question is bound to; undefined if no guard asks it. */
export function bindingOf(question: Question): Binding | undefined {
	return bindings.get(question);
}
