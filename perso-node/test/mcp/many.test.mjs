// Ten thousand concurrent calls through a guarded HTTP server, each by a different caller: none is lost or mixed up.

import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';
import { guard } from 'perso/mcp';
import { DESKS } from '../servers/desk.mjs';
import { WAYS, serve } from '../support/http.mjs';
import { compiled } from '../support/policies.mjs';

const CALLS = 10_000;

// Each caller may only make calls with their own id as the note, up to 500.
const policy = await compiled({
	rules: [{ allow: 'process_refund', when: { 'args.note': { eq: { ref: 'agent.id' } }, 'args.amount': { lte: 500 } } }],
});

/** Answers after a delay, so that calls wait concurrently. */
const agent = async ({ authInfo }) => {
	await new Promise((resolve) => setTimeout(resolve, authInfo.clientId.length));
	return { id: authInfo.clientId };
};

for (const [desk, way] of [
	['McpServer 1.x', 'stateless'],
	['McpServer 2.x', 'handler'],
]) {
	test(`${desk}, ${way}`, async () => {
		const done = new Map();
		const settings = { agent };
		const server = await serve(
			WAYS[desk.slice(-3)][way](() =>
				guard(
					DESKS[desk](({ args }) => done.set(args.note, (done.get(args.note) ?? 0) + 1)),
					policy,
					settings,
				),
			),
		);
		const sockets = new Agent({ keepAlive: true, maxSockets: 200 });
		const call = (number) =>
			new Promise((resolve, reject) => {
				// Every third call has another caller's id, and every fifth is too large.
				const caller = `caller-${number}`;
				const note = number % 3 === 0 ? `caller-${number + 1}` : caller;
				const args = { note, amount: number % 5 === 0 ? 501 : 5 };
				const body = JSON.stringify({
					jsonrpc: '2.0',
					id: number,
					method: 'tools/call',
					params: { name: 'process_refund', arguments: args },
				});
				const headers = {
					authorization: `Bearer ${caller}`,
					'content-type': 'application/json',
					accept: 'application/json, text/event-stream',
					'content-length': Buffer.byteLength(body),
				};
				request(server.url, { method: 'POST', agent: sockets, headers }, async (response) => {
					const said = await text(response);
					resolve({ number, answer: JSON.parse(said.startsWith('{') ? said : /^data: (\{.*)$/m.exec(said)[1]) });
				})
					.on('error', reject)
					.end(body);
			});
		const answers = await Promise.all(Array.from({ length: CALLS }, (_, number) => call(number)));
		let allowed = 0;
		for (const { number, answer } of answers) {
			const may = number % 3 !== 0 && number % 5 !== 0;
			assert.deepEqual([answer.id, answer.result.isError ?? false], [number, !may], JSON.stringify(answer));
			assert.equal(done.get(`caller-${number}`), may ? 1 : undefined, `${number}`);
			allowed += may ? 1 : 0;
		}
		assert.deepEqual([done.size, answers.length], [allowed, CALLS]);
		sockets.destroy();
		await server.close();
		assert.deepEqual(server.errors, []);
	});
}
