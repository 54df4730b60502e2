// A policy whose decisions depend on earlier calls and on people. Every adapter is tested with it.

import { Ledger } from 'perso';
import { compiled, isPortable } from './policies.mjs';

export const OVER = 'At most 1000 a day. Hint: there is room again in about 24 hours.';
export const LARGE = 'Large refunds need approval.';
export const UNTRUSTED = 'Not after reading.';
export const NO_LEDGER = 'the policy limits this call, and what was done before is not known';
export const REFUSED = `${LARGE} Hint: a person has denied this call: do not repeat it.`;
export const LATE = `${LARGE} Hint: nobody has decided in time: repeat the same call later to ask again.`;
export const FAILED = `${LARGE} Hint: nobody could be asked: repeat the same call later to try again.`;
export const UNASKED = `${LARGE} This call needs the approval of a person.`;

const rules = [
	{ id: 'pay', allow: 'process_refund', when: { 'args.amount': { gt: 0, lte: 500 } } },
	{ id: 'large', ask: 'process_refund', when: { 'args.amount': { gt: 500, lte: 600 } }, reason: LARGE },
	{ id: 'read', allow: 'view_customer' },
	{ id: 'wipe', allow: 'delete_record' },
	{ id: 'no-wipe', deny: 'delete_record', when: { 'session.labels': { has: 'untrusted' } }, reason: UNTRUSTED },
];

/** The policy: refunds have a limit, and nothing is deleted after a customer was viewed. */
export const limited = () =>
	compiled({
		rules,
		limits: [
			{
				id: 'a-day',
				of: 'process_refund',
				per: 'agent.id',
				sum: 'args.amount',
				max: 1000,
				window: '24h',
				reason: 'At most 1000 a day.',
			},
		],
		labels: [{ id: 'reads', of: 'view_customer', add: 'untrusted' }],
	});

/** The same rules without what needs a ledger. */
export const asking = () => compiled({ rules });

/** A new ledger, where there is one. */
export const memory = () => (isPortable ? undefined : Ledger.open('memory:'));

/** Approves, refuses or fails by the amount of a refund. `asked` gets the questions. */
export const approver =
	(asked = []) =>
	async (question, info) => {
		asked.push([question, info]);
		switch (question.args.amount) {
			case 501:
				return { approved: true, by: 'max' };
			case 502:
				return { approved: false, by: 'max' };
			case 503:
				throw new Error('the chat is down');
			case 504:
				return undefined;
			case 505:
				return { approved: 'yes', by: 'max' };
			default:
				return new Promise(() => {});
		}
	};

/** What the model reads of refunds that are not approved. */
export const UNAPPROVED = { 502: REFUSED, 503: FAILED, 504: LATE, 505: FAILED, 506: LATE };
