// Builds the package: `node scripts/build.mjs [native] [ts]`, by default both. `PERSO_PROFILE` is the Cargo profile, by default
// `release`. Installs the npm packages first if they are missing.

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const steps = process.argv.slice(2);
const wanted = (step) => steps.length === 0 || steps.includes(step);

function run(command, ...args) {
	const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
	if (error) throw error;
	if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, 'node_modules', '@napi-rs', 'cli'))) run('npm', 'ci', '--ignore-scripts');

if (wanted('native')) {
	const profile = process.env.PERSO_PROFILE ?? 'release';
	run(
		'npx',
		'napi',
		'build',
		'--platform',
		'--profile',
		profile,
		'--output-dir',
		'binding',
		'--js',
		'binding.cjs',
		'--dts',
		'binding.d.cts',
		'--',
		'--locked',
	);
}
if (wanted('ts')) {
	rmSync(join(root, 'dist'), { recursive: true, force: true });
	run('npx', 'tsc', '-p', '.');
}
