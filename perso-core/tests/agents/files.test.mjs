/**
 * Each agent with the paths, the patterns and the patches of tests/hooks/: `perso hook` gives a path only to a file that the agent then
 * reads, finds or writes. The hook here lets every call run, and records what `perso hook` reads in it.
 */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AGENTS } from './agents/index.mjs';
import { PERSO, source } from './packages.mjs';
import { World } from './world.mjs';

/** The calls of an agent for what is written in each row, in a world with files to read, to change and to delete. */
async function run(t, agent, name, callsFor, options) {
	const world = new World(t);
	const read = `${PERSO} hook ${agent.name} --policy none --print-call >> ${world.at('calls')} 2>&1`;
	const answer = agent.name === 'opencode' ? `echo '{"decision":"allow"}'` : 'true';
	world.write(agent.settings, agent.hook(world.write('hook.sh', `#!/bin/sh\n${read}\n${answer}\n`, 0o755)));
	const rows = JSON.parse(source(`perso-core/tests/hooks/${name}.json`));
	const calls = rows.flatMap(([written], at) => {
		for (const path of [`project/row${at}/a.touch`, `project/row${at}/b.touch`]) world.write(path, 'old\n');
		for (const path of [`home/row${at}.touch`, `out/row${at}.touch`]) world.write(path, 'secret\n');
		return callsFor(written.replaceAll('{n}', `row${at}`).replaceAll('{out}', world.at('out')));
	});
	const before = files(world.folder);
	const { results } = await world.run(agent, calls, options);
	const touched = changed(before, files(world.folder));
	const judged = world.read('calls').trim().split('\n').map(JSON.parse);
	return { world, calls, results, touched, judged };
}

/** The files that the rows are about, with what is in them. */
function files(folder, found = new Map()) {
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) files(path, found);
		else if (entry.name.trim().endsWith('.touch')) found.set(path, readFileSync(path, 'utf8'));
	}
	return found;
}

const changed = (before, after) => [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));

const rowOf = (text) => Number(text.match(/row(\d+)/)?.[1] ?? -1);

/** Where `perso hook` says that the calls of a row lead, or nothing where it does not know of one. */
function led(judged, row) {
	const paths = judged.filter(({ args }) => rowOf(JSON.stringify(args)) === row).map(({ resource }) => resource.real_path);
	return paths.includes(undefined) ? undefined : paths;
}

function touchedAreJudged({ touched, judged }) {
	for (const path of touched) {
		const paths = led(judged, rowOf(path));
		assert.ok(!paths || paths.includes(path), `${path} was changed, and judged as ${JSON.stringify(paths)}`);
	}
}

describe('files', { concurrency: availableParallelism() }, () => {
	for (const agent of AGENTS) {
		const { read, write, glob, patch } = agent.calls;
		const title = `${agent.name} ${agent.version}`;
		if (write) {
			test(`${title}: paths`, async (t) => {
				// Not every agent writes over a file.
				const calls = (path) => [...(read ? [read(path)] : []), write(path.replace('.touch', '.new.touch'), 'new')];
				const ran = await run(t, agent, 'paths', calls);
				touchedAreJudged(ran);
				// What is read in one way is written.
				for (const path of ['project/row0/a.new.touch', 'out/row4.new.touch']) assert.ok(ran.touched.includes(ran.world.at(path)));
				for (const [at, result] of ran.results.entries()) {
					if (!result.includes('secret')) continue;
					const row = rowOf(JSON.stringify(ran.calls[at]));
					const secrets = [ran.world.at(`home/row${row}.touch`), ran.world.at(`out/row${row}.touch`)];
					const paths = led(ran.judged, row);
					assert.ok(!paths || paths.some((path) => secrets.includes(path)), `${row} was read, and judged as ${paths}`);
				}
			});
		}
		if (glob) {
			test(`${title}: patterns`, async (t) => {
				const ran = await run(t, agent, 'globs', (pattern) => [glob(pattern)]);
				for (const [row, result] of ran.results.entries()) {
					const found = result.includes(`out/row${row}.touch`);
					assert.ok(!found || !led(ran.judged, row), `${row} found files outside, and is judged as a search of the project`);
				}
				// The first ones find what is in the project.
				for (let row = 0; row < 3; row++) assert.match(ran.results[row], new RegExp(`row${row}/a.touch`));
			});
		}
		if (patch) {
			test(`${title}: patches`, async (t) => {
				const ran = await run(t, agent, 'patches', (text) => [patch(text)], { patches: true });
				touchedAreJudged(ran);
				// The first ones are plain, and do what they say.
				for (let row = 0; row < 9; row++) {
					assert.ok(
						ran.touched.some((path) => rowOf(path) === row),
						`${row}: ${ran.results[row]}`,
					);
				}
			});
		}
	}
});
