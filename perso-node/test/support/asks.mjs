// Calls that need the approval of a person and calls whose denial has a hint, with what the model reads. Every adapter is
// tested with them.

import assert from 'node:assert/strict';
import { META } from 'perso';
import { DESK } from './policies.mjs';

const APPROVAL = 'This call needs the approval of a person.';

/** The desk's rules, and rules that ask. */
export const ASKS = {
	rules: [
		...DESK.rules,
		{
			id: 'large',
			ask: 'process_refund',
			roles: ['agent'],
			when: { 'args.amount': { gt: 500, lte: 1000 } },
			reason: 'Refunds over $500 are reviewed',
		},
		{ id: 'delete', ask: 'delete_record', roles: ['agent'], reason: 'May this record be deleted?' },
		{ id: 'personal', ask: 'view_customer', when: { 'args.fields': { has: 'ssn' } }, reason: 'Personal data is reviewed.' },
	],
};

/** The tools that an agent sees. Every call of `delete_record` needs an approval. */
export const LISTED = ['delete_record', 'process_refund', 'view_customer'];

/** Calls of an agent that do not run. */
export const ASKED = [
	['process_refund', { amount: 501 }, 'ask', 'large', null, `Refunds over $500 are reviewed. ${APPROVAL}`],
	['process_refund', { amount: 1001 }, 'deny', 'refund', null, 'Agents may refund up to $500.'],
	[
		'process_refund',
		{ amount: '450' },
		'deny',
		'refund',
		'args.amount must be a number',
		'Agents may refund up to $500. Hint: args.amount must be a number.',
	],
	['process_refund', {}, 'deny', 'refund', 'args.amount is missing', 'Agents may refund up to $500. Hint: args.amount is missing.'],
	['delete_record', { record_id: '1' }, 'ask', 'delete', null, `May this record be deleted? ${APPROVAL}`],
	['view_customer', { fields: ['ssn'] }, 'ask', 'personal', null, `Personal data is reviewed. ${APPROVAL}`],
	[
		'view_customer',
		{ fields: 'ssn' },
		'ask',
		'personal',
		'args.fields must be a list',
		`Personal data is reviewed. Hint: args.fields must be a list. ${APPROVAL}`,
	],
].map(([tool, args, decision, rule, hint, text]) => ({ tool, args, decision, rule, hint, text }));

/**
 * Makes each call of `ASKED`, and one that is allowed. `call(tool, args)` returns the text that the model read and, if the
 * adapter sends it, the record for programs. `done` has an entry for each call that ran. `reads(text)` is the adapter's wording
 * of an error.
 */
export async function asksAPerson(call, done, reads = (text) => text) {
	for (const { tool, args, decision, rule, hint, text } of ASKED) {
		const read = await call(tool, args);
		assert.equal(read.text, reads(text));
		if (read.meta === undefined) continue;
		const { decision_id, ...record } = read.meta[META];
		assert.deepEqual(record, { decision, rule, hint });
		assert.equal(decision_id.length, 36);
	}
	assert.equal(done.length, 0, 'nothing has run');
	await call('process_refund', { amount: 5 });
	assert.equal(done.length, 1);
}
