/** Gemini CLI. */

import { installed, version } from '../packages.mjs';

export const gemini = {
	name: 'gemini',
	version: version('@google/gemini-cli'),
	settings: 'home/.gemini/settings.json',
	hook: (command, more = {}) => ({ hooks: { BeforeTool: [{ hooks: [{ type: 'command', command, ...more }] }] } }),
	start(world, model, { servers = {} }) {
		world.write('project/.gemini/settings.json', {
			mcpServers: servers,
			security: { auth: { selectedType: 'gemini-api-key' } },
		});
		const flags = ['--model', 'gemini-2.5-flash', '--yolo', '--include-directories', world.folder, '--prompt', 'go'];
		return {
			program: process.execPath,
			args: [installed('@google/gemini-cli/bundle/gemini.js'), ...flags],
			env: {
				GEMINI_API_KEY: 'none',
				GEMINI_CLI_TRUST_WORKSPACE: 'true',
				GOOGLE_GEMINI_BASE_URL: model,
			},
		};
	},
	calls: {
		shell: (command) => ({ name: 'run_shell_command', input: { command, description: 'A command' } }),
		read: (file_path) => ({ name: 'read_file', input: { file_path } }),
		write: (file_path, content) => ({ name: 'write_file', input: { file_path, content } }),
		glob: (pattern) => ({ name: 'glob', input: { pattern } }),
		search: (pattern, dir_path) => ({ name: 'grep_search', input: { pattern, dir_path } }),
		mcp: (tool, input, server = 'everything') => ({ name: `mcp_${server}_${tool}`, input }),
	},
};
