// Finds the places where an SDK runs tools, in its installed source, so that a test fails if a new version adds one.

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
			// Not in this folder.
		}
	}
	throw new Error(`${name} is not installed`);
}

/** Counts the matches of a pattern in each file under a folder: `{ 'file: match': count }`. */
export function callSites(folder, isSource, pattern) {
	const found = {};
	for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile() || !isSource(entry.name)) continue;
		const file = join(entry.parentPath, entry.name);
		// Only skip comments on lines of their own, because `/*` inside a line may be in a string.
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

/** Compares the counts with the list in a test. */
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
