#!/usr/bin/env node
// The `perso` command: compiles policies, and judges calls and explains the decisions.

import load from '../binding/load.cjs';

if (!load.binding) {
	console.error(`error: the perso command is native, and no binary fits this machine: ${load.error?.message}`);
	process.exit(1);
}
process.exit(load.binding.command(['perso', ...process.argv.slice(2)]));
