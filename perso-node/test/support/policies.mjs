// Policies for tests, with either engine.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Policy } from 'perso';

const perso = fileURLToPath(new URL('../../bin/perso.mjs', import.meta.url));

/** Whether the tests use the WebAssembly engine: `node --conditions=browser --test`. */
export const isPortable = import.meta.resolve('perso').endsWith('portable.js');

/** Compiles a policy, given as an object or as text, to a module. */
export function moduleOf(policy) {
	const folder = mkdtempSync(join(tmpdir(), 'perso-'));
	try {
		const [from, to] = [join(folder, 'policy.json'), join(folder, 'policy.wasm')];
		writeFileSync(from, typeof policy === 'string' ? policy : JSON.stringify(policy));
		return moduleOfFile(from, to);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** Compiles a policy file with the `perso` command. Returns the module's path. */
export function compileFile(from, to) {
	const { status, stderr } = spawnSync(process.execPath, [perso, 'compile', from, '-o', to], { encoding: 'utf8' });
	if (status !== 0) throw new Error(stderr);
	return to;
}

function moduleOfFile(from, to) {
	compileFile(from, to);
	return readFileSync(to);
}

/** JSON text with bigints as numbers. */
const json = (value) =>
	JSON.stringify(value, (_, found) => (typeof found === 'bigint' ? `big ${found}` : found)).replace(/"big (\d+)"/g, '$1');

/** Makes a policy. `perso` and ids are added if missing. */
export async function compiled({ perso = 1, rules, ...rest }) {
	const numbered = rules.map((rule, number) => ({ id: `rule-${number}`, ...rule }));
	const text = json({ perso, rules: numbered, ...rest });
	return isPortable ? Policy.load(moduleOf(text)) : Policy.compile(text);
}

/** The support desk's rules, for servers in tests. */
export const DESK = {
	rules: [
		{ id: 'view', allow: 'view_customer' },
		{
			id: 'refund',
			allow: 'process_refund',
			roles: ['agent'],
			when: { 'args.amount': { gt: 0, lte: 500 } },
			reason: 'Agents may refund up to $500.',
		},
		{
			id: 'own',
			allow: 'delete_record',
			roles: ['manager'],
			when: { 'resource.owner_id': { eq: { ref: 'agent.id' } } },
			reason: 'Managers may delete records they own.',
		},
		{ id: 'secret', allow: 'dump_secrets', roles: ['admin'], reason: 'Nobody may.' },
	],
};

export const AGENT = { id: 'agt-099', roles: ['agent'] };
export const MANAGER = { id: 'mgr-001', roles: ['manager', 'agent'] };
