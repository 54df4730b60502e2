// The time of a call, through real servers of both SDK versions over every transport, and through `perso-guard`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { META } from 'perso';
import { guard } from 'perso/mcp';
import { DESKS, isOld } from '../servers/desk.mjs';
import { LINES } from '../support/ask.mjs';
import { serve, WAYS } from '../support/http.mjs';
import { compiled } from '../support/policies.mjs';
import { CASES, LIES, OLD, REASONS } from '../support/times.mjs';

const TOOLS = ['view_customer', 'dump_secrets'];

const folder = mkdtempSync(join(tmpdir(), 'perso-time-'));
after(() => rmSync(folder, { recursive: true }));

/** Calls both tools, and lists them. `_meta` and other members say another time. */
async function scene(ask, { runs, lists }, done) {
	for (const [at, name] of TOOLS.entries()) {
		const params = { name, arguments: LIES, _meta: LIES, ...LIES };
		const answer = await ask({ jsonrpc: '2.0', id: `call ${name}`, method: 'tools/call', params });
		assert.equal(answer.result?._meta?.[META] === undefined, runs[at], JSON.stringify(answer));
		if (!runs[at]) assert.equal(answer.result.content[0].text, REASONS[at]);
		assert.deepEqual(
			done().map(({ name }) => name),
			runs[at] ? [name] : [],
		);
	}
	const names = [];
	for (let cursor; ;) {
		const params = cursor === undefined ? {} : { cursor };
		const { result } = await ask({ jsonrpc: '2.0', id: `list ${cursor}`, method: 'tools/list', params });
		names.push(...result.tools.map(({ name }) => name));
		cursor = result.nextCursor;
		if (cursor === undefined) break;
	}
	assert.deepEqual(
		TOOLS.map((tool) => names.includes(tool)),
		lists,
	);
}

for (const [desk, make] of Object.entries(DESKS)) {
	test(desk, async () => {
		for (const [name, { rules, context, ...expected }] of Object.entries(CASES)) {
			const policy = await compiled(rules(...TOOLS));
			let ran = [];
			const taken = () => {
				const done = ran;
				ran = [];
				return done;
			};
			const guarded = () =>
				guard(
					make((what) => ran.push(what)),
					policy,
					{ context },
				);
			for (const [transport, connect] of Object.entries(LINES[isOld(desk) ? '1.x' : '2.x'](guarded))) {
				const line = await connect();
				try {
					await scene(line.ask, expected, taken);
				} catch (error) {
					throw new Error(`${name}, ${transport}`, { cause: error });
				} finally {
					await line.close();
				}
			}
		}
	});
}

test('headers do not tell the time', async () => {
	const { rules } = CASES['the current time'];
	const policy = await compiled(rules(...TOOLS));
	for (const desk of ['Server 1.x', 'Server 2.x']) {
		const ran = [];
		const { url, close } = await serve(
			WAYS[isOld(desk) ? '1.x' : '2.x'].stateless(() =>
				guard(
					DESKS[desk](({ name }) => ran.push(name)),
					policy,
				),
			),
		);
		for (const [id, name] of TOOLS.entries()) {
			const headers = {
				'content-type': 'application/json',
				accept: 'application/json, text/event-stream',
				date: 'Wed, 01 Jan 2020 00:00:00 GMT',
				now: OLD,
				context: JSON.stringify({ now: OLD }),
				'context.now': OLD,
				'mcp-param-now': OLD,
			};
			const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } });
			await (await fetch(url, { method: 'POST', headers, body })).text();
		}
		await close();
		assert.deepEqual(ran, [TOOLS[0]]);
	}
});

test('perso-guard', async () => {
	const GUARD = fileURLToPath(new URL('../../bin/perso-guard.mjs', import.meta.url));
	const SERVER = fileURLToPath(new URL('../servers/unguarded.mjs', import.meta.url));
	const engine = process.execArgv.filter((flag) => flag.startsWith('--conditions'));
	for (const { rules, context, ...expected } of Object.values(CASES)) {
		const [module, file] = [join(folder, 'time.wasm'), join(folder, 'done')];
		writeFileSync(module, (await compiled(rules(...TOOLS))).module);
		writeFileSync(file, '');
		const options = context === undefined ? [] : ['--context', JSON.stringify(context)];
		const command = [...engine, GUARD, '--policy', module, ...options, '--', process.execPath, SERVER, 'McpServer 1.x', file];
		const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] });
		const waiting = new Map();
		createInterface({ input: child.stdout }).on('line', (line) => {
			const message = JSON.parse(line);
			waiting.get(message.id)?.(message);
		});
		const ask = (message) =>
			new Promise((resolve) => {
				waiting.set(message.id, resolve);
				child.stdin.write(`${JSON.stringify(message)}\n`);
			});
		const clientInfo = { name: 'tests', version: '1' };
		const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
		await ask({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initialize });
		await scene(ask, expected, () => {
			const done = readFileSync(file, 'utf8').split('\n').filter(Boolean);
			writeFileSync(file, '');
			return done.map((line) => JSON.parse(line));
		});
		child.stdin.end();
		await once(child, 'exit');
	}
});
