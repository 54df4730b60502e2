// A plugin of OpenCode that asks `perso hook` before each tool call. The call runs only if that allows it: whatever else the
// command says or does, and if it cannot start, is a denial.

import { spawnSync } from 'node:child_process';

const COMMAND = ["/usr/local/bin/perso", "hook", "opencode", "--policy", "/srv/coding.json"];
const ALLOWED = '{"decision":"allow"}\n';
// The command ends by itself within two seconds.
const MILLISECONDS = 5000;

export const Perso = async ({ directory }) => ({
	'tool.execute.before': async ({ tool, sessionID: session }, { args }) => {
		const [program, ...flags] = COMMAND;
		const input = JSON.stringify({ event: 'tool.execute.before', directory, tool, args, session });
		const ended = spawnSync(program, flags, { input, encoding: 'utf8', timeout: MILLISECONDS, killSignal: 'SIGKILL' });
		if (ended.status === 0 && ended.stdout === ALLOWED) return;
		throw new Error(ended.stderr?.trim() || `perso cannot judge this call: ${ended.error?.message ?? 'its answer is not known'}`);
	},
});
