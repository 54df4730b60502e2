// The JavaScript of the documentation is run: the blocks of a page one after the other, as one module.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileFile } from '../support/policies.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Inside of the package, whose name leads to it there.
const folder = fileURLToPath(new URL('../../dist/documentation/', import.meta.url));
mkdirSync(folder, { recursive: true });
after(() => rmSync(folder, { recursive: true }));
compileFile(join(root, 'policies/support-desk.json'), join(folder, 'support.wasm'));

for (const page of ['perso-node/README.md', 'docs/node.md']) {
	test(page, () => {
		const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block);
		assert.ok(blocks.length > 0);
		const file = join(folder, 'page.mjs');
		writeFileSync(file, blocks.join('\n'));
		const { status, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
		assert.equal(status, 0, stderr);
		assert.equal(stderr, '');
	});
}
