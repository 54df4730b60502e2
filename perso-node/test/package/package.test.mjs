// The package as users install it: packed, installed together with its platform package without a build, and used.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'perso-package-'));
const app = join(folder, 'app');
const MANIFEST = '{ "private": true, "type": "module" }';
after(() => rmSync(folder, { recursive: true }));

function run(command, args, cwd = app) {
	const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
	if (error) throw error;
	return { status, stdout, stderr };
}

function must(command, args, cwd) {
	const { status, stdout, stderr } = run(command, args, cwd);
	assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
	return stdout;
}

const pack = (from) =>
	join(folder, JSON.parse(must('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], from))[0].filename);

before(() => {
	mkdirSync(app);
	writeFileSync(join(app, 'package.json'), MANIFEST);
	// Make the platform package of the only binary that was built.
	const [binary] = readdirSync(join(root, 'binding')).filter((name) => name.endsWith('.node'));
	const platform = join(folder, 'platform');
	cpSync(join(root, 'npm', binary.split('.')[1]), platform, { recursive: true });
	copyFileSync(join(root, 'binding', binary), join(platform, binary));
	must('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--offline', pack(root), pack(platform)], app);
	assert.deepEqual(
		readdirSync(join(app, 'node_modules', 'perso', 'binding')).filter((name) => name.endsWith('.node')),
		[],
	);
});

const POLICY = { perso: 1, rules: [{ id: 'small', allow: 'pay', when: { 'args.amount': { lte: 500 } } }] };

test('it judges, from ESM and from CommonJS', () => {
	const judge = `const policy = Policy.compile(${JSON.stringify(JSON.stringify(POLICY))});
		console.log(policy.decide({ tool: 'pay', args: { amount: 5 } }).allowed, policy.decide({ tool: 'pay', args: { amount: 800 } }).reason);`;
	writeFileSync(join(app, 'esm.mjs'), `import { Policy } from 'perso';\n${judge}`);
	writeFileSync(join(app, 'cjs.cjs'), `const { Policy } = require('perso');\n${judge}`);
	for (const file of ['esm.mjs', 'cjs.cjs']) {
		assert.equal(must('node', [file]), 'true pay is allowed only if args.amount is at most 500 (rule `small`)\n');
	}
});

test('its types are whole, without those of a browser', () => {
	const options = {
		strict: true,
		exactOptionalPropertyTypes: true,
		module: 'nodenext',
		target: 'es2022',
		lib: ['es2022'],
		types: ['node'],
		typeRoots: [join(root, 'node_modules/@types')],
		noEmit: true,
	};
	writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['types.ts'] }));
	writeFileSync(
		join(app, 'types.ts'),
		`import { Policy, type Decision } from 'perso';
		import { guard } from 'perso/mcp';
		const policy = await Policy.load('policy.wasm');
		const decision: Decision = policy.decide({ tool: 'pay', args: { amount: 5 }, agent: { roles: ['agent'] } });
		guard({ connect: async (_: object) => {} }, policy, {
			agent: ({ authInfo }) => ({ id: authInfo?.clientId, roles: authInfo?.extra?.['roles'] }),
			resource: async ({ args }) => ({ owner: args['id'] }),
			onDecision: ({ rule }) => console.log(rule, decision.allowed),
		});
		const outcome: 'allow' | 'ask' | 'deny' = decision.decision;
		const hint: string | null = decision.hint;
		console.log(outcome, hint, decision.message.length);
		// @ts-expect-error: a decision's attributes are not writable
		decision.allowed = true;
		// @ts-expect-error: there is no such mode
		guard({ connect: async (_: object) => {} }, policy, { mode: 'monitor' });`,
	);
	must(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], app);
});

test('`npx perso` is the command', () => {
	writeFileSync(join(app, 'policy.json'), JSON.stringify(POLICY));
	writeFileSync(join(app, 'call.json'), JSON.stringify({ tool: 'pay', args: { amount: 800 } }));
	assert.match(must('npx', ['perso', '--version']), /^perso \d+\.\d+\.\d+\n$/);
	must('npx', ['perso', 'compile', 'policy.json', '-o', 'policy.wasm']);
	assert.deepEqual([...readFileSync(join(app, 'policy.wasm')).subarray(0, 4)], [0, 97, 115, 109]);
	const { status, stdout } = run('npx', ['perso', 'eval', 'policy.wasm', '--call', 'call.json']);
	assert.deepEqual([status, JSON.parse(stdout).decision], [2, 'deny']);
});

test('without a binary it runs the module in WebAssembly, and says that compiling needs one', () => {
	must('npx', ['perso', 'compile', 'policy.json', '-o', 'policy.wasm']);
	for (const file of ['node_modules', 'package-lock.json']) rmSync(join(app, file), { recursive: true });
	writeFileSync(join(app, 'package.json'), MANIFEST);
	must('npm', [
		'install',
		'--ignore-scripts',
		'--no-audit',
		'--no-fund',
		'--offline',
		'--no-save',
		join(
			folder,
			readdirSync(folder).find((name) => /^perso-\d.*\.tgz$/.test(name)),
		),
	]);
	writeFileSync(
		join(app, 'portable.mjs'),
		`import { Policy } from 'perso';
		const policy = await Policy.load('policy.wasm');
		console.log(policy.decide({ tool: 'pay', args: { amount: 5 } }).allowed, policy.decide({ tool: 'pay', args: { amount: 800 } }).allowed);
		try { Policy.compile('{}'); } catch (error) { console.log(error.name, error.message.split(':')[0]); }`,
	);
	assert.equal(
		must('node', ['portable.mjs']),
		'true false\nPolicyError compiling and analyzing are native, and no binary fits this machine\n',
	);
	const { status, stderr } = run('npx', ['perso', '--version']);
	assert.deepEqual(
		[status, stderr.split(':').slice(0, 2)],
		[1, ['error', ' the perso command is native, and no binary fits this machine']],
	);
});
