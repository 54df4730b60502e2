// A provider, a gateway that trusts it, and a server behind the gateway, as processes on the loopback.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { exportJWK, generateKeyPair } from 'jose';
import { SECRET } from './clients.mjs';

const { GATEWAY, UPSTREAM } = process.env;

export const folder = mkdtempSync(join(tmpdir(), 'perso-openid-'));
const processes = new Set();

const POLICY = {
	perso: 1,
	roles: { adder: [] },
	rules: [
		{ id: 'add', allow: 'add', roles: ['adder'], when: { 'agent.team': 'blue' }, reason: 'Adders of the blue team may add.' },
		{ id: 'echo', allow: 'echo', when: { 'args.text': { eq: { ref: 'agent.id' } } }, reason: 'Say your own name.' },
	],
};

/** Starts a program, and returns its first line once it has printed it. */
async function start(program, args, options) {
	const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
	processes.add(child);
	child.log = '';
	child.stderr.on('data', (data) => (child.log += data));
	for await (const line of createInterface(child.stdout)) {
		child.stdout.resume();
		return [child, line];
	}
	throw new Error(`${program} ${args.join(' ')} does not start: ${child.log}`);
}

export async function stop(child) {
	processes.delete(child);
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = new Promise((resolve) => child.once('exit', resolve));
	child.kill();
	await ended;
}

export async function clean() {
	await Promise.all([...processes].map(stop));
	rmSync(folder, { recursive: true });
}

export function freePort() {
	return new Promise((resolve) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

/** New private keys, one for each algorithm, with ids that end in `name`. */
export async function newKeys(name) {
	const keys = ['RS256', 'ES256', 'EdDSA'].map(async (alg) => {
		const { privateKey } = await generateKeyPair(alg, { extractable: true });
		return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-${name}` };
	});
	return Promise.all(keys);
}

/** Starts a provider with these keys. Its clock is some seconds ahead. */
export async function provider(port, keys, ahead = 0) {
	const file = join(folder, `keys-${port}.json`);
	writeFileSync(file, JSON.stringify({ keys }));
	return (await start('node', [join(import.meta.dirname, 'provider.mjs'), port, file, ahead]))[0];
}

/** A token of the provider at a port, bound to a key if there is a proof of one. */
export async function token(port, client, resource, proof) {
	const response = await fetch(`http://127.0.0.1:${port}/token`, {
		method: 'POST',
		headers: { authorization: `Basic ${btoa(`${client}:${SECRET}`)}`, ...(proof && { dpop: proof }) },
		body: new URLSearchParams({ grant_type: 'client_credentials', resource }),
	});
	const answer = await response.json();
	if (!answer.access_token) throw new Error(JSON.stringify(answer));
	return answer.access_token;
}

/** Starts a server, and a tap in front of it that keeps all that is sent to it. */
export async function tappedServer() {
	const log = join(folder, 'ran.log');
	writeFileSync(log, '');
	const [, url] = await start(UPSTREAM, [log, '127.0.0.1:0']);
	const tap = { sent: '', ran: () => readFileSync(log, 'utf8').trim().split('\n').filter(Boolean) };
	const server = createServer((client) => {
		const upstream = connect(Number(new URL(url).port), '127.0.0.1');
		client.on('data', (data) => (tap.sent += data.toString('latin1')));
		client.pipe(upstream).pipe(client);
		for (const [one, other] of [[client, upstream], [upstream, client]]) one.on('error', () => other.destroy());
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	server.unref();
	tap.url = `http://127.0.0.1:${server.address().port}/mcp`;
	return tap;
}

/** Starts a gateway in front of a server, for tokens of an issuer. */
export async function gateway(port, issuer, server) {
	const url = `http://127.0.0.1:${port}/mcp`;
	writeFileSync(join(folder, 'policy.json'), JSON.stringify(POLICY));
	writeFileSync(join(folder, 'mcp.json'), JSON.stringify({ mcpServers: { one: { url: server } } }));
	const args = ['--policy', 'policy.json', '--servers', 'mcp.json', '--listen', `127.0.0.1:${port}`, '--issuer', issuer];
	args.push('--audience', url, '--claim', 'roles=/realm/roles', '--claim', 'team=/team');
	return [(await start(GATEWAY, args, { cwd: folder }))[0], url];
}
