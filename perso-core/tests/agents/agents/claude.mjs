/** Claude Code. */

import { installed, version } from '../packages.mjs';

const PACKAGE = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`;

export const claude = {
	name: 'claude',
	version: version(PACKAGE),
	settings: 'home/.claude/settings.json',
	hook: (command, more = {}, event = 'PreToolUse') => ({ hooks: { [event]: [{ hooks: [{ type: 'command', command, ...more }] }] } }),
	start: (world, model, { args = ['--dangerously-skip-permissions'], servers, prompt = 'go' }) => ({
		program: installed(`${PACKAGE}/claude`),
		args: ['--print', prompt, ...args, ...(servers ? ['--mcp-config', world.write('mcp.json', { mcpServers: servers })] : [])],
		env: {
			ANTHROPIC_BASE_URL: model,
			ANTHROPIC_API_KEY: 'none',
			CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
			DISABLE_AUTOUPDATER: '1',
			DISABLE_TELEMETRY: '1',
		},
	}),
	calls: {
		shell: (command) => ({ name: 'Bash', input: { command, description: 'A command' } }),
		read: (file_path) => ({ name: 'Read', input: { file_path } }),
		write: (file_path, content) => ({ name: 'Write', input: { file_path, content } }),
		mcp: (tool, input, server = 'everything') => ({ name: `mcp__${server}__${tool}`, input }),
	},
};
