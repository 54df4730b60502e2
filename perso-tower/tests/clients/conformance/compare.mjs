// Runs the MCP project's conformance suite against a server and through gateways in front of it: node compare.mjs SERVER GATEWAY...
// Each check that passes with the server must pass through each gateway.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SUITE = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));
const NODE20 = new URL('node20.mjs', import.meta.url).href;

/** The checks of a run, by scenario and id, with what became of each. */
async function checks(revision, url) {
	const folder = await mkdtemp(join(tmpdir(), 'conformance-'));
	try {
		const args = ['--import', NODE20, SUITE, 'server', '--url', url, '--suite', 'all', '--spec-version', revision, '-o', folder];
		// It fails if a check fails.
		await promisify(execFile)(process.execPath, args, { timeout: 120_000, maxBuffer: 1 << 26 }).catch((error) => {
			if (error.code !== 1) throw error;
		});
		const found = new Map();
		for (const scenario of (await readdir(folder)).sort()) {
			const name = scenario.replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, '');
			for (const check of JSON.parse(await readFile(join(folder, scenario, 'checks.json'), 'utf8'))) {
				let key = `${name}: ${check.id}`;
				while (found.has(key)) key += "'";
				found.set(key, check);
			}
		}
		return found;
	} finally {
		await rm(folder, { recursive: true });
	}
}

/** How often a check is run that does not pass: the suite waits for some messages for 0.8 seconds, which a busy machine can exceed. */
const RUNS = 3;

/** The checks that pass with the server and in no run through a gateway. */
async function lost(revision, gateway, expected) {
	let left = expected;
	for (let run = 0; run < RUNS && left.length; run++) {
		const through = await checks(revision, gateway);
		left = left.map(([key]) => [key, through.get(key) ?? { status: 'not run' }]).filter((check) => !passes(check));
	}
	return left;
}

const passes = ([, { status }]) => status === 'SUCCESS';
const [server, ...gateways] = process.argv.slice(2);
let failed = 0;
for (const revision of ['2025-11-25', '2026-07-28']) {
	const direct = await checks(revision, server);
	const expected = [...direct].filter(passes);
	const others = [...direct].filter(([, { status }]) => status !== 'SUCCESS' && status !== 'INFO');
	for (const [key, { status, errorMessage }] of others)
		if (process.env.VERBOSE) console.error(`${key}: ${status} without a gateway. ${errorMessage ?? ''}`);
	for (const gateway of gateways) {
		const missing = await lost(revision, gateway, expected);
		for (const [key, { status, errorMessage }] of missing) console.error(`${key}: ${status} through the gateway. ${errorMessage ?? ''}`);
		failed += missing.length;
		const counts = `${expected.length - missing.length} passed, ${missing.length} failed`;
		console.log(`conformance suite, ${revision}: ${counts}; ${others.length} do not pass without the gateway`);
	}
	// A suite that hardly runs shows nothing.
	if (expected.length <= 10 * others.length) throw new Error('the server itself does not pass: set VERBOSE=1 to see why');
}
process.exit(failed ? 1 : 0);
