// Runs the JavaScript of the documentation: the blocks of each section in order, as one module.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KEY } from '../support/journal.mjs';
import { compileFile } from '../support/policies.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Inside the package, so that `perso` resolves to the package itself.
const folder = fileURLToPath(new URL('../../dist/documentation/', import.meta.url));
mkdirSync(folder, { recursive: true });
after(() => rmSync(folder, { recursive: true }));
compileFile(join(root, 'policies/support-desk.json'), join(folder, 'support.wasm'));
copyFileSync(KEY, join(folder, 'key'));

/** Definitions that the examples use but the pages do not show. */
const MODELS = {
	'The AI SDK': ['aiModel', 'const model = aiModel(CALLS);'],
	LangChain: ['LangChainModel', 'const model = new LangChainModel(CALLS);'],
	'The OpenAI Agents SDK': ['openaiModel', 'const model = openaiModel(CALLS);'],
};
const CALLS = JSON.stringify([['process_refund', { order: '1', amount: 800 }]]);

/** Turns off the SDK's tracing service. */
const env = { ...process.env, OPENAI_AGENTS_DISABLE_TRACING: '1' };

/** The JavaScript blocks of a Markdown text. */
const blocks = (text) => [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block);

function runs(...text) {
	const file = join(folder, 'page.mjs');
	writeFileSync(file, text.join('\n'));
	const { status, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8', env });
	assert.equal(status, 0, stderr);
	assert.equal(stderr, '');
}

test('the README of the package', () => runs(...blocks(readFileSync(join(root, 'perso-node/README.md'), 'utf8'))));

const [, decide, ...sections] = readFileSync(join(root, 'docs/node.md'), 'utf8').split(/^## /m);
let ran = 0;

test('docs/node.md, to decide', () => runs(...blocks(decide)));

for (const section of sections) {
	const [title] = section.split('\n', 1);
	const code = blocks(section);
	if (code.length === 0) continue;
	ran += 1;
	// Every section builds on the section that loads the policy.
	test(`docs/node.md, ${title}`, () => {
		const [name, model] = MODELS[title] ?? [];
		const played = name ? [`import { ${name} } from '../../test/support/models.mjs';`, `const CALLS = ${CALLS};`, model] : [];
		runs(...played, ...blocks(decide), ...code);
	});
}

test('each framework has its example', () => assert.ok(ran >= 5, `${ran}`));
