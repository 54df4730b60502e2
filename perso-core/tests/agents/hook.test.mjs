/** Each agent with `perso hook` as `perso hook install` sets it up: what runs, what does not, and what the model gets for it. */

import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { claude } from './agents/claude.mjs';
import { AGENTS } from './agents/index.mjs';
import { install } from './install.mjs';
import { EVERYTHING, source } from './packages.mjs';
import { World } from './world.mjs';

const POLICY = source('perso-core/tests/agents/policy.json');

/** Has an agent make these calls, and returns what its model got for each. */
async function make(world, agent, calls, options) {
	const { results } = await world.run(agent, Object.values(calls), options);
	return Object.fromEntries(Object.keys(calls).map((name, at) => [name, results[at]]));
}

async function everyKind(t, agent) {
	const { shell, read, write, search, mcp } = agent.calls;
	const world = new World(t);
	install(world, agent, world.write('policy.json', POLICY));
	world.write('project/open.txt', 'the content');
	world.write('elsewhere/secret.txt', 'the secret');
	symlinkSync(world.at('elsewhere'), world.at('project/link'));
	const calls = {
		list: shell('touch listed'),
		remove: shell('rm open.txt'),
		make: shell('mkdir made'),
		open: read?.(world.at('project/open.txt')),
		secret: read?.(world.at('elsewhere/secret.txt')),
		inside: write?.(world.at('project/inside.txt'), 'inside'),
		outside: write?.(world.at('outside.txt'), 'outside'),
		linked: write?.(world.at('project/link/linked.txt'), 'linked'),
		found: search?.('content', world.project),
		foundSecret: search?.('secret', world.at('elsewhere')),
		hello: mcp('echo', { message: 'hello' }),
		bye: mcp('echo', { message: 'bye' }),
		sum: mcp('get-sum', { a: 20, b: 22 }),
	};
	for (const name of Object.keys(calls)) if (!calls[name]) delete calls[name];
	const got = await make(world, agent, calls, { servers: { everything: EVERYTHING } });

	assert.ok(world.has('project/listed'), got.list);
	assert.ok(world.has('project/open.txt'));
	assert.match(got.remove, /Only ls and touch run here/);
	// Nobody can be asked.
	assert.ok(!world.has('project/made'));
	assert.match(got.make, /A person approves new folders/);
	for (const [open, secret] of [
		['open', 'secret'],
		['found', 'foundSecret'],
	]) {
		if (!calls[open]) continue;
		assert.match(got[open], /the content/);
		assert.doesNotMatch(got[secret], /the secret/);
		assert.match(got[secret], /Only files of the repository/);
	}
	if (write) {
		assert.match(world.read('project/inside.txt'), /^inside\n?$/);
		assert.ok(!world.has('outside.txt'));
		assert.match(got.outside, /Only files of the repository/);
		assert.ok(!world.has('elsewhere/linked.txt'));
		assert.match(got.linked, /Only files of the repository/);
	}
	assert.match(got.hello, /Echo: hello/);
	assert.doesNotMatch(got.bye, /Echo/);
	assert.match(got.bye, /Only hello is echoed/);
	assert.doesNotMatch(got.sum, /42/);
	assert.match(got.sum, /no rule/);
}

async function patches(t, agent) {
	const { patch } = agent.calls;
	const world = new World(t);
	install(world, agent, world.write('policy.json', POLICY));
	world.write('project/old.txt', 'old\n');
	const add = (path) => `*** Add File: ${path}\n+new\n`;
	const got = await make(
		world,
		agent,
		{
			inside: patch(`*** Begin Patch\n${add('a.txt')}${add('b/c.txt')}*** End Patch`),
			partly: patch(`*** Begin Patch\n${add('d.txt')}${add('../e.txt')}*** End Patch`),
			moved: patch(`*** Begin Patch\n*** Update File: old.txt\n*** Move to: ${world.at('moved.txt')}\n@@\n-old\n+new\n*** End Patch`),
		},
		{ patches: true },
	);
	assert.ok(world.has('project/a.txt') && world.has('project/b/c.txt'), got.inside);
	assert.ok(!world.has('project/d.txt') && !world.has('e.txt') && !world.has('moved.txt') && world.has('project/old.txt'));
	for (const name of ['partly', 'moved']) assert.match(got[name], /Only files of the repository/);
}

/** The shell lines of a skill, which a person or the model starts. */
async function skills(t) {
	const world = new World(t);
	install(world, claude, world.write('policy.json', POLICY));
	world.write('project/.claude/skills/show/SKILL.md', '---\ndescription: Shows\n---\n!`touch listed` !`touch $ARGUMENTS`\n');
	const call = { name: 'Skill', input: { skill: 'show', args: '../model' } };
	const { heard } = await world.run(claude, [call], { prompt: '/show ../person' });
	assert.ok(world.has('project/listed'));
	assert.ok(!world.has('model') && !world.has('person'));
	assert.equal(heard.match(/not run: [^\]]*Only ls and touch run here/g)?.length >= 2, true, heard.slice(-2000));
}

/** What goes wrong after the hook is installed, and what the model gets. */
const WRONG = [
	['a broken policy', 'policy.json', () => '{ "perso": 1, "rules": [{ "alow": "shell" }] }', /policy\.json. has errors/],
	['a missing policy', 'settings', (text) => text.replaceAll('policy.json', 'policy.wasm'), /policy\.wasm/],
	['wrong usage', 'settings', (text) => text.replaceAll('--policy', '--polic'), /--polic|exited with code 2/],
];

async function wrong(t, agent, [, where, change, words]) {
	const world = new World(t);
	install(world, agent, world.write('policy.json', POLICY));
	const file = where === 'settings' ? agent.settings : where;
	world.write(file, change(world.read(file)));
	const got = await make(world, agent, { list: agent.calls.shell('touch listed') });
	assert.ok(!world.has('project/listed'));
	assert.match(got.list, words);
}

describe('perso hook', { concurrency: availableParallelism() }, () => {
	for (const agent of AGENTS) {
		const title = `${agent.name} ${agent.version}`;
		test(`${title}: the policy decides what runs`, (t) => everyKind(t, agent));
		if (agent.calls.patch) test(`${title}: patches are judged by their files`, (t) => patches(t, agent));
		for (const row of WRONG) test(`${title}: ${row[0]} denies every call`, (t) => wrong(t, agent, row));
	}
	test(`claude ${claude.version}: the shell lines of skills are judged`, skills);
});
