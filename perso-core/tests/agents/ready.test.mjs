/** Each agent with the ready policy `policies/coding-agent.json`: it works in the repository, and gets reasons for the rest. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AGENTS } from './agents/index.mjs';
import { install } from './install.mjs';
import { PERSO, ROOT } from './packages.mjs';
import { World } from './world.mjs';

/** What the model plays: a name, the call, and what it must get for it. */
const LINES = {
	allowed: ['cat notes.txt | wc -l && touch allowed.txt', /1/],
	asked: ['rm notes.txt', /A person approves what is deleted/],
	denied: ['cat .env', /Files with secrets are neither read nor written/],
	outside: ['rm -rf ../elsewhere', /Nothing outside of the repository is deleted/],
	hidden: ['cp notes.txt .git/hooks/pre-commit', /git's own files and the settings of agents/],
};

const patched = (lines) => `*** Begin Patch\n${lines}\n*** End Patch`;

async function work(t, agent) {
	const world = new World(t);
	const module = world.at('coding-agent.wasm');
	execFileSync(PERSO, ['compile', join(ROOT, 'policies/coding-agent.json'), '--output', module], { stdio: 'ignore' });
	install(world, agent, module);
	world.write('project/notes.txt', 'notes\n');
	world.write('project/.env', 'KEY=kept');
	world.write('elsewhere/kept.txt', 'kept');
	const { shell, read, write } = agent.calls;
	// OpenCode offers a model either files or patches.
	const patch = agent.name === 'opencode' ? undefined : agent.calls.patch;
	const calls = Object.values(LINES).map(([line]) => shell(line));
	const words = Object.values(LINES).map(([, words]) => words);
	const play = (call, expected) => call && (calls.push(call), words.push(expected));
	// Gemini itself refuses these two as well.
	play(read?.(world.at('project/.env')), /Files with secrets are neither read nor written|not in workspace/);
	play(write?.(world.at('project/written.txt'), 'written'), /./);
	play(write?.(world.at('project/.git/config'), 'x'), /git's own files and the settings of agents|not in workspace/);
	play(patch?.(patched('*** Add File: written.txt\n+written')), /./);
	play(patch?.(patched('*** Add File: x.txt\n+x\n*** Delete File: .git/config')), /git's own files and the settings of agents/);
	const { results } = await world.run(agent, calls);

	for (const [at, expected] of words.entries()) assert.match(results[at], expected);
	assert.ok(world.has('project/allowed.txt') && world.has('project/written.txt'), results.join('\n'));
	for (const kept of ['project/notes.txt', 'elsewhere/kept.txt']) assert.ok(world.has(kept), kept);
	assert.match(world.read('project/.git/config'), /\[core\]/);
	assert.ok(!world.has('project/.git/hooks/pre-commit') && !world.has('project/x.txt'));
	assert.doesNotMatch(results.join('\n'), /KEY=kept/);
}

describe('the ready policy', { concurrency: availableParallelism() }, () => {
	for (const agent of AGENTS) test(`${agent.name} ${agent.version} works with it`, (t) => work(t, agent));
});
