/** The hook in the settings of an agent, as docs/hooks.md says. */

import { PERSO, source } from './packages.mjs';

const DOCUMENTED = source('docs/hooks.md');

/** Writes the settings with `perso hook AGENT --policy POLICY`, and with further flags. */
export function install(world, agent, policy, ...flags) {
	const row = DOCUMENTED.split('\n').find((line) => line.includes(`perso hook ${agent.name} --policy`) && line.startsWith('| '));
	const [file, settings] = [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code);
	const path = file.startsWith('~/') ? `home/${file.slice(2)}` : `project/${file}`;
	return world.write(path, settings.replaceAll(/\/usr\/local\/bin\/perso hook [^"]*/g, command));
}
