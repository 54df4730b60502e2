// A policy that covers prompts and resources, for the servers of `closed.mjs`.

import assert from 'node:assert/strict';
import { compiled } from './policies.mjs';

export const REASON = 'Only staff may read notes.';

/** Staff may use everything that the servers offer, and others nothing. */
export const STAFF = await compiled({
	perso: 1,
	covers: ['tools', 'resources', 'prompts'],
	rules: [
		{ id: 'tools', allow: '*' },
		{
			id: 'read',
			allow: ['mcp:resources/read', 'mcp:resources/subscribe'],
			roles: ['staff'],
			when: { 'args.uri': { in: ['note://one', 'page://7', 'page://{number}'] } },
			reason: REASON,
		},
		{
			id: 'greet',
			allow: 'mcp:prompts/get',
			roles: ['staff'],
			when: { 'args.name': 'greet', 'args.arguments.number': '1' },
		},
		{ id: 'complete', allow: 'mcp:completion/complete', roles: ['staff'] },
	],
});

const TOOLS = {
	'resources/read': 'mcp:resources/read',
	'resources/subscribe': 'mcp:resources/subscribe',
	'resources/unsubscribe': 'mcp:resources/subscribe',
	'prompts/get': 'mcp:prompts/get',
	'completion/complete': 'mcp:completion/complete',
};

/** The options of a guard whose caller is the last one set, and that records its decisions. */
export function seeing(more = {}) {
	const seen = { roles: [], decided: [] };
	const settings = {
		agent: () => ({ roles: seen.roles }),
		onDecision: ({ tool, decision }, args) => seen.decided.push([tool, decision.allowed, args]),
		...more,
	};
	return { seen, settings };
}

/** Sends each message by staff and by others, and checks what ran and what was decided. `ask` returns the response. */
export async function useCovered(ask, done, seen, messages) {
	let id = 0;
	for (const [, method, params, list] of messages) {
		for (const roles of [['staff'], ['guest'], ['staff']]) {
			done.length = 0;
			seen.decided.length = 0;
			seen.roles = roles;
			const { result, error } = await ask({ jsonrpc: '2.0', id: `c ${(id += 1)}`, method, params });
			const what = `${method} ${JSON.stringify(params)} by ${roles}`;
			const [isAllowed, tool] = [roles[0] === 'staff', TOOLS[method]];
			if (list !== undefined) {
				assert.deepEqual([error, result[list].length > 0, seen.decided], [undefined, isAllowed, []], what);
				continue;
			}
			assert.equal(done.length > 0, isAllowed && tool !== undefined, what);
			if (tool === undefined) {
				assert.match(error.message, /cannot judge this request|Method not found/, what);
				continue;
			}
			assert.equal(error?.code, isAllowed ? undefined : -32000, what);
			assert.deepEqual(
				seen.decided.map(([tool, isAllowed, { _meta, ...args }]) => [tool, isAllowed, args]),
				[[tool, isAllowed, params]],
				what,
			);
		}
	}
}
