// Where an SDK runs tools: found in its installed source, so that a test fails when a version gains a way.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';

const require = createRequire(import.meta.url);

/** The folder of an installed package. */
export function folderOf(name) {
	for (const path of require.resolve.paths(name)) {
		try {
			readFileSync(join(path, name, 'package.json'));
			return join(path, name);
		} catch {
			// Not here.
		}
	}
	throw new Error(`${name} is not installed`);
}

/** How often each file under a folder has what the pattern finds: `{ 'file: found': count }`. */
export function callSites(folder, isSource, pattern) {
	const found = {};
	for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile() || !isSource(entry.name)) continue;
		const file = join(entry.parentPath, entry.name);
		// Comments have lines of their own; `/*` in a line may be in a string.
		const text = readFileSync(file, 'utf8')
			.replace(/^\s*\/\*[\s\S]*?\*\//gm, '')
			.replace(/^\s*\/\/.*$/gm, '');
		for (const [, what] of text.matchAll(pattern)) {
			const key = `${file
				.slice(folder.length + 1)
				.split(sep)
				.join('/')}: ${what}`;
			found[key] = (found[key] ?? 0) + 1;
		}
	}
	return Object.fromEntries(Object.entries(found).sort());
}

/** Checks what was found against the list of a test. */
export function assertInventory(found, known, test) {
	const expected = Object.entries(known)
		.map(([site, [count]]) => `${site} ${count}`)
		.sort();
	const sites = Object.entries(found)
		.map(([site, count]) => `${site} ${count}`)
		.sort();
	assert.deepEqual(
		sites,
		expected,
		`the SDK runs tools in other places than ${test} knows: read each, guard what is new, add a case to the matrix, and correct the list`,
	);
}
