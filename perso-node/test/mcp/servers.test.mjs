// Real servers and clients of both SDK versions, over every transport: denied calls do not run, and the reason arrives.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InMemoryTransport as Memory1 } from '@modelcontextprotocol/sdk/inMemory.js';
import { InMemoryTransport as Memory2 } from '@modelcontextprotocol/server';
import { META } from 'perso';
import { guard } from 'perso/mcp';
import { DESKS, isOld } from '../servers/desk.mjs';
import { CLIENTS, call, shown, using } from '../support/clients.mjs';
import { WAYS, byToken, serve } from '../support/http.mjs';
import { ASKS, asksAPerson, LISTED } from '../support/asks.mjs';
import { AGENT, DESK, compiled, isPortable } from '../support/policies.mjs';

const policy = await compiled(DESK);
const asks = await compiled(ASKS);
const folder = mkdtempSync(join(tmpdir(), 'perso-'));
after(() => rmSync(folder, { recursive: true }));
const module = join(folder, 'desk.wasm');
writeFileSync(module, policy.module);

const TOKEN = 'agt-099 agent';

/** Checks what an agent may and may not do. `done` returns what the tools did. */
async function scene(client, done) {
	assert.deepEqual(await shown(client), ['process_refund', 'view_customer']);
	const small = await call(client, 'process_refund', { amount: 5 });
	assert.deepEqual([small.ok, small.text], [true, 'process_refund is done']);
	const large = await call(client, 'process_refund', { amount: 800 });
	assert.deepEqual([large.ok, large.text], [false, 'Agents may refund up to $500.']);
	assert.equal(large.meta[META].rule, 'refund');
	assert.match(large.meta[META].decision_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
	const hidden = await call(client, 'dump_secrets', {});
	assert.deepEqual([hidden.ok, hidden.text], [false, 'Nobody may.']);
	const deleted = await call(client, 'delete_record', { record_id: '1' });
	assert.deepEqual([deleted.ok, deleted.text], [false, 'Managers may delete records they own.']);
	const unknown = await call(client, 'nothing', {});
	assert.deepEqual([unknown.ok, unknown.text], [false, 'no rule allows this tool']);
	assert.deepEqual(done(), [{ name: 'process_refund', args: { amount: 5 } }]);
}

/** The clients that can connect to a server of this SDK version over this transport. */
const clients = (desk, way) =>
	Object.entries(CLIENTS).filter(
		([name]) => !name.endsWith('modern') || (!isOld(desk) && (way === 'stdio' || way.startsWith('handler'))),
	);

/** Serves a guarded desk, and passes `play` a client that is connected to it and what its tools do. */
async function overHttp(desk, way, handle, { make, http, sse }, policy, play) {
	const done = [];
	const server = await serve(
		handle(() =>
			guard(
				DESKS[desk]((what) => done.push(what)),
				policy,
				byToken,
			),
		),
	);
	await using(make(), (way === 'sse' ? sse : http)(server.url, TOKEN), (client) => play(client, done));
	await server.close();
	assert.deepEqual(server.errors, []);
}

for (const desk of Object.keys(DESKS)) {
	for (const [way, handle] of Object.entries(WAYS[isOld(desk) ? '1.x' : '2.x'])) {
		for (const [name, client] of clients(desk, way)) {
			test(`${desk}, ${way}, client ${name}`, async () => {
				await overHttp(desk, way, handle, client, policy, (client, done) => scene(client, () => done));
			});

			test(`${desk}, ${way}, client ${name}: a call that needs the approval of a person does not run`, async () => {
				await overHttp(desk, way, handle, client, asks, async (client, done) => {
					assert.deepEqual(await shown(client), LISTED);
					await asksAPerson((tool, args) => call(client, tool, args), done);
				});
			});
		}
	}

	for (const [name, client] of clients(desk, 'stdio')) {
		test(`${desk}, stdio, client ${name}`, async () => {
			const file = join(folder, `${desk} ${name}`);
			writeFileSync(file, '');
			// Skipped with the `browser` condition, in which SDK 2.x has no stdio.
			const entry = isPortable ? 'perso/portable' : 'perso';
			const args = [fileURLToPath(new URL('../servers/stdio.mjs', import.meta.url)), desk, entry, module, '["agent"]', file];
			const done = () =>
				readFileSync(file, 'utf8')
					.split('\n')
					.filter(Boolean)
					.map((line) => JSON.parse(line));
			await using(client.make(), client.stdio(process.execPath, args), (client) => scene(client, done));
		});
	}

	test(`${desk}, in memory`, async () => {
		const [Memory, { make }] = isOld(desk) ? [Memory1, CLIENTS['1.x']] : [Memory2, CLIENTS['2.x']];
		const [near, far] = Memory.createLinkedPair();
		const done = [];
		await guard(
			DESKS[desk]((what) => done.push(what)),
			policy,
			{ agent: AGENT },
		).connect(far);
		await using(make(), near, (client) => scene(client, () => done));
	});

	test(`${desk}: a hidden tool is like none`, async () => {
		const [Memory, { make }] = isOld(desk) ? [Memory1, CLIENTS['1.x']] : [Memory2, CLIENTS['2.x']];
		const answers = async (name, guarded) => {
			const [near, far] = Memory.createLinkedPair();
			const done = [];
			const server = DESKS[desk]((what) => done.push(what));
			if (guarded) guard(server, policy, { agent: AGENT, hide: true });
			await server.connect(far);
			const answer = await using(make(), near, (client) => call(client, name, {}));
			return { answer, done };
		};
		const { answer, done } = await answers('dump_secrets', true);
		assert.deepEqual(done, []);
		if (!desk.startsWith('McpServer')) return assert.match(answer.text, /Tool dump_secrets not found/);
		// The same words as the server's own answer for an unknown tool.
		const { answer: none } = await answers('dump_nothing', false);
		assert.equal(JSON.stringify(answer), JSON.stringify(none).replaceAll('dump_nothing', 'dump_secrets'));
	});
}

test('Python: `mcp` in both eras, over HTTP', async () => {
	const client = fileURLToPath(new URL('client.py', import.meta.url));
	for (const [desk, way, mode] of [
		['McpServer 1.x', 'sessions', 'legacy'],
		['McpServer 1.x', 'sse', 'legacy'],
		['McpServer 2.x', 'handler', 'legacy'],
		['McpServer 2.x', 'handler', '2026-07-28'],
		['McpServer 2.x', 'handler, SSE', '2026-07-28'],
	]) {
		const done = [];
		const handle = WAYS[isOld(desk) ? '1.x' : '2.x'][way];
		const server = await serve(
			handle(() =>
				guard(
					DESKS[desk]((what) => done.push(what)),
					policy,
					byToken,
				),
			),
		);
		const python = spawn(
			process.env.PERSO_PYTHON ?? 'python3',
			[client, way === 'sse' ? 'sse' : 'http', mode, server.url.href, TOKEN],
			{ stdio: ['ignore', 'inherit', 'inherit'] },
		);
		const [code] = await once(python, 'exit');
		await server.close();
		assert.equal(code, 0, `${desk}, ${way}, ${mode}`);
		assert.deepEqual(done, [{ name: 'process_refund', args: { amount: 5 } }]);
	}
});
