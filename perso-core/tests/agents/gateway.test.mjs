/** Each agent with perso-gateway as its only MCP server: what the servers behind it do, and what the model gets. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { AGENTS } from './agents/index.mjs';
import { EVERYTHING, files, GATEWAY } from './packages.mjs';
import { World } from './world.mjs';

const POLICY = {
	perso: 1,
	rules: [
		{
			id: 'notes',
			allow: 'files__write_file',
			when: { 'args.path': { within: { join: [{ ref: 'agent.project' }, 'notes'] } } },
			reason: 'Files can be written only to notes.',
		},
		{ id: 'echo', allow: 'everything__echo', when: { 'args.message': 'hello' }, reason: 'Only hello is echoed.' },
	],
};

async function guarded(t, agent) {
	const world = new World(t);
	mkdirSync(world.at('project/notes'));
	const given = {
		policy: world.write('policy.json', POLICY),
		servers: world.write('servers.json', { mcpServers: { files: files(world.project), everything: EVERYTHING } }),
		agent: world.write('agent.json', { project: world.project }),
	};
	const gateway = { command: GATEWAY, args: Object.entries(given).flatMap(([name, path]) => [`--${name}`, path]) };
	const mcp = (tool, input) => agent.calls.mcp(tool, input, 'gateway');
	const write = (path) => mcp('files__write_file', { path: world.at(path), content: 'written' });
	const calls = [
		write('project/notes/a.txt'),
		write('project/b.txt'),
		mcp('everything__echo', { message: 'hello' }),
		mcp('everything__echo', { message: 'bye' }),
		// The agent does not know this tool, and the gateway would deny it.
		mcp('files__create_directory', { path: world.at('project/made') }),
	];
	const { results } = await world.run(agent, calls, { servers: { gateway } });
	const [inside, outside, hello, bye] = results;
	assert.equal(results.length, calls.length);
	assert.ok(world.has('project/notes/a.txt'), inside);
	assert.equal(world.read('project/notes/a.txt'), 'written');
	// Nothing but the policy keeps the server from writing it.
	assert.ok(!world.has('project/b.txt'));
	assert.match(outside, /Files can be written only to notes\./);
	assert.match(hello, /Echo: hello/);
	assert.doesNotMatch(bye, /Echo/);
	assert.match(bye, /Only hello is echoed\./);
	assert.ok(!world.has('project/made'));
}

describe('perso-gateway', { concurrency: availableParallelism() }, () => {
	for (const agent of AGENTS) test(`${agent.name} ${agent.version}: the policy decides what servers do`, (t) => guarded(t, agent));
});
