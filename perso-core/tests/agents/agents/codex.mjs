/** Codex CLI. */

import { installed, version } from '../packages.mjs';

/** One of the models for which it has a tool for patches. */
const MODEL = 'gpt-5.5';

/** Without what looks for a network when it ends. */
const config = (world, model) => `
model = "${MODEL}"
model_provider = "played"
[model_providers.played]
name = "played"
base_url = "${model}/v1"
wire_api = "responses"
[projects."${world.project}"]
trust_level = "trusted"
[features]
apps = false
plugins = false
[analytics]
enabled = false
`;

const server = ([name, { command, args }]) => `
[mcp_servers.${name}]
command = "${command}"
args = ${JSON.stringify(args)}
required = true
startup_timeout_sec = 60
`;

export const codex = {
	name: 'codex',
	version: version('@openai/codex'),
	settings: 'home/.codex/hooks.json',
	hook: (command, more = {}) => ({ hooks: { PreToolUse: [{ hooks: [{ type: 'command', command, ...more }] }] } }),
	start(world, model, { servers = {} }) {
		world.write('home/.codex/config.toml', config(world, model) + Object.entries(servers).map(server).join(''));
		const flags = ['--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '--dangerously-bypass-hook-trust'];
		return { program: process.execPath, args: [installed('@openai/codex/bin/codex.js'), 'exec', ...flags, 'go'], env: {} };
	},
	calls: {
		shell: (cmd) => ({ name: 'exec_command', input: { cmd } }),
		write: (path, content) => codex.calls.patch(`*** Begin Patch\n*** Add File: ${path}\n+${content}\n*** End Patch`),
		patch: (patch) => ({ name: 'apply_patch', input: patch }),
		// It offers `get_sum` where the server has `get-sum`.
		mcp: (tool, input, server = 'everything') => ({ name: tool.replaceAll('-', '_'), namespace: `mcp__${server}`, input }),
	},
};
