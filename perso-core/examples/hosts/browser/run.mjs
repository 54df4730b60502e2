// A host in a browser: serves a page with the kit of `perso-node/host/` and has headless Chromium open it.
//
//   node browser/run.mjs support.wasm call.json    one decision
//   node browser/run.mjs FOLDER                    every case of the corpus that `make hosts` writes
//
// `CHROMIUM` says which browser, if it is not `chromium`.

import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { browse } from '../../../../scripts/browse.mjs';

const [path, callPath] = process.argv.slice(2);
const here = (file) => readFileSync(new URL(file, import.meta.url));
const isCorpus = statSync(path).isDirectory();
const corpus = isCorpus
	? readFileSync(join(path, 'corpus.json'))
	: JSON.stringify({ modules: [{ module: 'policy', cases: [{ hex: readFileSync(callPath, 'hex'), unknown: 0 }] }] });

/** What the page asks for. */
function file(url) {
	if (url === '/') return ['text/html', here('index.html')];
	if (url === '/perso.mjs') return ['text/javascript', here('../../../../perso-node/host/perso.mjs')];
	if (url === '/corpus/corpus.json') return ['application/json', corpus];
	return ['application/wasm', readFileSync(isCorpus ? join(path, basename(url)) : path)];
}

const { answers, error } = await browse(file);
if (error) throw new Error(error);
if (isCorpus) {
	let [passed, failed] = [0, 0];
	for (const { module, cases } of JSON.parse(corpus).modules) {
		for (const { name, decision } of cases) {
			const got = answers[passed + failed];
			if (isDeepStrictEqual(got, decision)) {
				passed += 1;
			} else {
				failed += 1;
				console.error(`${module}: ${name}\n  expected ${JSON.stringify(decision)}\n  got      ${JSON.stringify(got)}`);
			}
		}
	}
	console.log(`browser: ${passed} passed, ${failed} failed`);
	process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
} else {
	console.log(JSON.stringify(answers[0], null, 2));
}
