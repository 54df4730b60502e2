/** OpenCode. Its hook is a plugin. */

import { installed, source, version } from '../packages.mjs';

const PACKAGE = 'opencode-linux-x64-baseline';
const PLUGIN = source('perso-core/src/cli/hook/opencode.js');

/** Some models get a tool for patches, and others tools for files. */
const models = { played: {}, 'gpt-5': {} };

const local = ([name, { command, args }]) => [name, { type: 'local', command: [command, ...args] }];

/** Without what looks for a network. */
const config = (model, { servers = {}, patches = false }) => ({
	autoupdate: false,
	formatter: false,
	lsp: false,
	mcp: Object.fromEntries(Object.entries(servers).map(local)),
	model: patches ? 'played/gpt-5' : 'played/played',
	permission: { external_directory: 'allow' },
	provider: { played: { npm: '@ai-sdk/openai-compatible', options: { apiKey: 'none', baseURL: `${model}/v1` }, models } },
	share: 'disabled',
	snapshot: false,
});

export const opencode = {
	name: 'opencode',
	version: version(PACKAGE),
	settings: 'home/.config/opencode/plugins/perso.js',
	hook: (command, { milliseconds = 5000 } = {}) =>
		PLUGIN.replace(/(?<=COMMAND = ).*(?=;)/, JSON.stringify([command])).replace(/(?<=MILLISECONDS = )\d+/, milliseconds),
	start(world, model, options) {
		world.write('home/.config/opencode/opencode.json', config(model, options));
		world.write('home/.npmrc', 'offline=true\n');
		const env = { OPENCODE_DISABLE_MODELS_FETCH: '1' };
		return { program: installed(`${PACKAGE}/bin/opencode`), args: ['run', 'go'], env };
	},
	calls: {
		shell: (command) => ({ name: 'bash', input: { command, description: 'A command' } }),
		read: (filePath) => ({ name: 'read', input: { filePath } }),
		write: (filePath, content) => ({ name: 'write', input: { filePath, content } }),
		patch: (patchText) => ({ name: 'apply_patch', input: { patchText } }),
		mcp: (tool, input, server = 'everything') => ({ name: `${server}_${tool}`, input }),
	},
};
