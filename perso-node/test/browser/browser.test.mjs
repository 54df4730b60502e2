// The package in headless Chromium, without a bundler: the corpus and the values.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browse } from '../../../scripts/browse.mjs';
import { CONFORMANCE, HOSTILE, cases } from '../support/corpus.mjs';
import { compiled } from '../support/policies.mjs';
import { RULES } from '../support/values.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Longer calls are cut to this length, which is enough for the engine to refuse them. */
const MOST = (1 << 20) + 1;
const base64 = (bytes) => Buffer.from(bytes).toString('base64');

async function corpus() {
	const files = [...CONFORMANCE, ...HOSTILE].map(async (file) => {
		const { policy, cases: found } = await cases(file);
		return {
			file,
			module: base64(policy.module),
			cases: found.map((each) => ({ ...each, bytes: base64(each.bytes.subarray(0, MOST)) })),
		};
	});
	return JSON.stringify(await Promise.all(files));
}

async function file(url) {
	if (url === '/') return ['text/html', readFileSync(join(root, 'test/browser/index.html'))];
	if (url === '/page.mjs') return ['text/javascript', readFileSync(join(root, 'test/browser/page.mjs'))];
	if (url === '/values') return ['text/plain', base64((await compiled(RULES)).module)];
	if (url === '/corpus') return ['application/json', await corpus()];
	const known = /^\/(dist|host|support)\/[\w/-]+\.m?js$/.exec(url);
	return ['text/javascript', readFileSync(join(root, known[1] === 'support' ? 'test' : '', known[0]))];
}

test('the corpus and the values in Chromium', async () => {
	const { passed, failed, asValues } = await browse(file);
	assert.deepEqual(failed, []);
	assert.ok(passed > 800, `${passed}`);
	assert.ok(asValues > 0.8 * passed, `${asValues} of ${passed}`);
});
