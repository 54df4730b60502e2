/** GitHub Copilot CLI. */

import { installed, version } from '../packages.mjs';

const PACKAGE = `@github/copilot-${process.platform}-${process.arch}`;

export const copilot = {
	name: 'copilot',
	version: version(PACKAGE),
	settings: 'home/.copilot/hooks/perso.json',
	hook: (bash, more = {}, event = 'preToolUse') => ({ version: 1, hooks: { [event]: [{ type: 'command', bash, ...more }] } }),
	start(world, model, { args = ['--allow-all-tools', '--allow-all-paths'], servers = {}, patches = false }) {
		const local = Object.entries(servers).map(([name, server]) => [name, { type: 'local', tools: ['*'], ...server }]);
		world.write('home/.copilot/mcp-config.json', { mcpServers: Object.fromEntries(local) });
		return {
			program: installed(`${PACKAGE}/copilot`),
			args: ['--prompt', 'go', ...args],
			env: {
				// Some models get a tool for patches, and others tools for files.
				COPILOT_MODEL: patches ? 'gpt-5.2-codex' : 'played',
				COPILOT_OFFLINE: 'true',
				COPILOT_PROVIDER_API_KEY: 'none',
				COPILOT_PROVIDER_BASE_URL: `${model}/v1`,
			},
		};
	},
	calls: {
		shell: (command) => ({ name: 'bash', input: { command, description: 'A command' } }),
		read: (path) => ({ name: 'view', input: { path } }),
		write: (path, file_text) => ({ name: 'create', input: { path, file_text } }),
		glob: (pattern) => ({ name: 'glob', input: { pattern } }),
		search: (pattern, path) => ({ name: 'grep', input: { pattern, paths: [path], output_mode: 'content' } }),
		patch: (input) => ({ name: 'apply_patch', input: { input } }),
		mcp: (tool, input, server = 'everything') => ({ name: `${server}-${tool}`, input }),
	},
};
