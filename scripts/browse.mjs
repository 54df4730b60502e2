// Opens a page of a test in headless Chromium. `CHROMIUM` says which browser, if it is not `chromium`.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

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

/**
 * Opens the page `/` and returns what it posts to `/said`. `file(url)` gives the type and the body of what the page asks
 * for; what it throws for is not found.
 */
export async function browse(file) {
	const profile = mkdtempSync(join(tmpdir(), 'perso-browser-'));
	let browser;
	const server = createServer();
	try {
		return await new Promise((resolve, reject) => {
			server.on('request', async (request, response) => {
				try {
					const isSaid = request.url === '/said';
					if (isSaid) resolve(await json(request));
					const [type, body] = isSaid ? ['text/plain', ''] : await file(request.url);
					response.setHeader('content-type', type).end(body);
				} catch {
					response.writeHead(404).end();
				}
			});
			server.listen(0, '127.0.0.1', () => {
				const page = `http://127.0.0.1:${server.address().port}/`;
				const flags = [...FLAGS, `--user-data-dir=${profile}`, page];
				const env = { ...process.env, TMPDIR: profile };
				browser = spawn(process.env.CHROMIUM ?? 'chromium', flags, { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env });
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
