/** The hook in the settings of an agent, as a person gets it there. */

import { execFileSync } from 'node:child_process';
import { PERSO } from './packages.mjs';

/** Writes the settings with `perso hook install`, with further flags. */
export function install(world, agent, policy, ...flags) {
	const args = ['hook', 'install', agent.name, '--policy', policy, '--yes', ...flags];
	execFileSync(PERSO, args, { cwd: world.project, env: { PATH: process.env.PATH, HOME: world.home }, stdio: 'pipe' });
}
