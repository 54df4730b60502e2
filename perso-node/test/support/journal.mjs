// Journals for tests, which `perso log` reads.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Journal } from 'perso';
import { isPortable } from './policies.mjs';

const perso = fileURLToPath(new URL('../../bin/perso.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'perso-journal-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

export const native = { skip: isPortable && 'a journal needs native code' };

/** The key that signs the journals of tests, and its public key. */
export const KEY = fileURLToPath(new URL('../../../perso-core/tests/cli/files/journal-key', import.meta.url));
export const PUBLIC = `${KEY}.pub`;

/** A path where nothing is. */
export const place = () => join(folder, `${(count += 1)}`);

/** A new journal, and the path of its directory. */
export function opened(settings) {
	const path = place();
	return { path, journal: new Journal(path, settings) };
}

/** All lines of a journal, as text. */
export const textOf = (path) =>
	readdirSync(path)
		.filter((name) => name.endsWith('.jsonl'))
		.sort()
		.map((name) => readFileSync(join(path, name), 'utf8'))
		.join('');

const lines = (path) =>
	textOf(path)
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line));

/** The decisions in a journal, each with what became of the call. */
export function recorded(path) {
	const all = lines(path);
	const ran = new Map(all.filter(({ call }) => call).map(({ call, ran }) => [call, ran]));
	return all.filter(({ decision }) => decision).map((line) => ({ ...line, ran: ran.get(line.id) }));
}

/** Waits until a journal has as many lines. */
export async function written(journal, count) {
	for (const end = Date.now() + 10_000; journal.counts().written < count;) {
		if (Date.now() > end) throw new Error(`${JSON.stringify(journal.counts())}, not ${count} lines`);
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
}

/** What `perso log verify` prints, and its exit code. */
export function verified(path, ...options) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [perso, 'log', 'verify', path, ...options], { encoding: 'utf8' });
	return { status, text: stdout + stderr };
}

/** Makes a journal impossible to write: something else is in the place of its directory. Returns what undoes that. */
export function broken(path) {
	renameSync(path, `${path}-away`);
	writeFileSync(path, '');
	return () => {
		if (existsSync(path)) rmSync(path);
		renameSync(`${path}-away`, path);
	};
}
