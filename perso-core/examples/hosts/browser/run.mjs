// A host in a browser: serves a page with the kit of `perso-node/host/` and has headless Chromium open it.
//
//   node browser/run.mjs support.wasm call.json    one decision
//   node browser/run.mjs FOLDER                    every case of the corpus that `make hosts` writes
//
// `CHROMIUM` says which browser, if it is not `chromium`.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';

const PATIENCE = 300_000;
// No sandbox, because root has none; and nothing that wants to go elsewhere than to this page.
const FLAGS = [
	'--headless',
	'--no-sandbox',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-dev-shm-usage',
	'--disable-gpu',
	'--disable-quic',
	'--disable-sync',
];

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

/** What the page says once it has judged every call. */
async function browse() {
	const profile = mkdtempSync(join(tmpdir(), 'perso-browser-'));
	let browser;
	const server = createServer();
	try {
		return await new Promise((resolve, reject) => {
			server.on('request', async (request, response) => {
				try {
					if (request.method === 'POST') resolve(await json(request));
					const [type, body] = request.method === 'POST' ? ['text/plain', ''] : file(request.url);
					response.setHeader('content-type', type).end(body);
				} catch {
					response.writeHead(404).end();
				}
			});
			server.listen(0, '127.0.0.1', () => {
				const page = `http://127.0.0.1:${server.address().port}/`;
				const flags = [...FLAGS, `--user-data-dir=${profile}`, page];
				browser = spawn(process.env.CHROMIUM ?? 'chromium', flags, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
				let complaints = '';
				browser.stderr.on('data', (text) => (complaints = (complaints + text).slice(-4000)));
				browser.on('error', reject);
				browser.on('exit', (code) => reject(new Error(`the browser ended with ${code}\n${complaints}`)));
				setTimeout(() => reject(new Error(`the page said nothing\n${complaints}`)), PATIENCE).unref();
			});
		});
	} finally {
		server.close();
		server.closeAllConnections();
		if (browser?.pid) {
			const gone = new Promise((resolve) => browser.once('exit', resolve));
			// The browser is a group of processes.
			process.kill(-browser.pid, 'SIGKILL');
			if (browser.exitCode === null) await gone;
		}
		rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
	}
}

const { answers, error } = await browse();
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
