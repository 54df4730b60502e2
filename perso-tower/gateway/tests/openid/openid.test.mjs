// The gateway with the tokens of a real OpenID provider, whose keys it finds by discovery.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
	Client,
	ClientCredentialsProvider,
	StreamableHTTPClientTransport,
	discoverOAuthServerInfo,
} from '@modelcontextprotocol/client';
import * as jose from 'jose';
import { CLIENTS, LIFETIME, SECRET } from './clients.mjs';
import * as world from './world.mjs';

/** How far clocks can be apart, in seconds. */
const LEEWAY = 60;
/** What a busy machine may need between the issue of a token and its use, in seconds. */
const SLACK = 8;

const ERAS = [{ mode: 'legacy' }, { mode: { pin: '2026-07-28' } }];

const tokens = [];
let port, keys, issuer, server, gateway, url;

before(async () => {
	[port, server] = [await world.freePort(), await world.tappedServer()];
	keys = await world.newKeys('first');
	issuer = await world.provider(port, keys);
	[gateway, url] = await world.gateway(await world.freePort(), `http://127.0.0.1:${port}`, server.url);
});
after(world.clean);

async function restarted(newKeys, ahead) {
	await world.stop(issuer);
	keys = newKeys;
	issuer = await world.provider(port, keys, ahead);
}

async function token(client, resource = url) {
	const token = await world.token(port, client, resource);
	tokens.push(token);
	return token;
}

/** A proof that its sender has a key (RFC 9449), for a token that is bound to it. */
async function proof() {
	const { privateKey, publicKey } = await jose.generateKeyPair('ES256');
	return new jose.SignJWT({ htm: 'POST', htu: `http://127.0.0.1:${port}/token`, jti: crypto.randomUUID() })
		.setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await jose.exportJWK(publicKey) })
		.setIssuedAt()
		.sign(privateKey);
}

/** The answer to a call of `add`. */
function post(authorization) {
	const name = 'add';
	const _meta = {
		'io.modelcontextprotocol/protocolVersion': '2026-07-28',
		'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
		'io.modelcontextprotocol/clientCapabilities': {},
	};
	const params = { name, arguments: { a: 1, b: 2 }, _meta };
	const headers = {
		accept: 'application/json, text/event-stream',
		'content-type': 'application/json',
		'mcp-protocol-version': '2026-07-28',
		'mcp-method': 'tools/call',
		'mcp-name': name,
	};
	if (authorization !== undefined) headers.authorization = authorization;
	const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
	return fetch(url, { method: 'POST', headers, body });
}

const status = async (token) => (await post(`Bearer ${token}`)).status;

async function assertRefused(what, authorization, error = 'error="invalid_token", ') {
	const before = server.ran();
	const response = await post(authorization);
	const [text, ran] = [await response.text(), server.ran()];
	assert.equal(response.status, 401, `${what}: ${text}`);
	const metadata = url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp');
	assert.equal(response.headers.get('www-authenticate'), `Bearer ${error}resource_metadata="${metadata}"`, what);
	assert.deepEqual(ran, before, what);
}

test('a client that knows only the URL of the gateway finds the provider, and is who its token says', async () => {
	const { authorizationServerUrl: expectedIssuer } = await discoverOAuthServerInfo(url);
	assert.equal(expectedIssuer, `http://127.0.0.1:${port}`);
	for (const versionNegotiation of ERAS) {
		const call = async (clientId, name, args) => {
			const client = new Client({ name: 'test', version: '1' }, { versionNegotiation });
			const authProvider = new ClientCredentialsProvider({ clientId, clientSecret: SECRET, expectedIssuer });
			await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
			tokens.push(authProvider.tokens().access_token);
			assert.equal(jose.decodeProtectedHeader(authProvider.tokens().access_token).alg, CLIENTS[clientId].algorithm);
			const { isError, content } = await client.callTool({ name, arguments: args });
			await client.close();
			return [!isError, content[0].text];
		};
		const sum = { a: 1, b: 2 };
		assert.deepEqual(await call('ann', 'add', sum), [true, '3']);
		assert.deepEqual(await call('bob', 'add', sum), [false, 'Adders of the blue team may add.']);
		assert.deepEqual(await call('eve', 'add', sum), [false, 'Adders of the blue team may add.']);
		for (const clientId of Object.keys(CLIENTS)) {
			assert.deepEqual(await call(clientId, 'echo', { text: clientId }), [true, clientId]);
			assert.deepEqual(await call(clientId, 'echo', { text: 'somebody else' }), [false, 'Say your own name.']);
		}
	}
	assert.deepEqual([...new Set(server.ran())].sort(), ['add 1 2', 'echo 3']);
});

test('what the provider has not issued for this gateway and for now is refused', async () => {
	const good = await token('ann');
	assert.equal(await status(good), 200);
	const [head, body, signature] = good.split('.');
	const claims = jose.decodeJwt(good);
	const key = (alg) => keys.find((key) => key.alg === alg);
	const sign = async (header, secret, changes = {}) =>
		new jose.SignJWT({ ...claims, ...changes }).setProtectedHeader(header).sign(secret);
	const signed = async (changes) => sign({ alg: 'RS256', kid: key('RS256').kid }, await jose.importJWK(key('RS256')), changes);
	const hmac = async (text) => sign({ alg: 'HS256', kid: key('RS256').kid }, new TextEncoder().encode(text));

	const { n, e, kty, alg, kid, use } = key('RS256');
	const published = { kty, use, kid, alg, e, n };
	const pem = await jose.exportSPKI(await jose.importJWK(published, 'RS256', { extractable: true }));
	const mine = await world.newKeys('first');
	const [own, ownPublic] = [await jose.importJWK(mine[0]), { kty, e: mine[0].e, n: mine[0].n }];

	const [otherPort, samePort] = [await world.freePort(), await world.freePort()];
	const other = await world.provider(otherPort, mine);
	const same = await world.provider(samePort, keys);

	assert.equal(await status(await signed()), 200, 'the way in which the test signs is right');
	const cases = {
		'for another resource': await token('ann', 'https://other.example/mcp'),
		'for a part of the resource': await token('ann', url.slice(0, -1)),
		'of another issuer': await world.token(otherPort, 'ann', url),
		'of another issuer with the same keys': await world.token(samePort, 'ann', url),
		expired: await signed({ iat: claims.iat - 600, nbf: claims.iat - 600, exp: claims.iat - LEEWAY - 5 }),
		'without a signature': new jose.UnsecuredJWT(claims).encode(),
		'without a signature, with the key named': `${jose.base64url.encode(JSON.stringify({ alg: 'none', kid }))}.${body}.`,
		'with the signature cut off': `${head}.${body}.`,
		'by HMAC with the public key as PEM': await hmac(pem),
		'by HMAC with the public key as PEM, trimmed': await hmac(pem.trim()),
		'by HMAC with the public key as JWK': await hmac(JSON.stringify(published)),
		'by HMAC with nothing': await sign({ alg: 'HS256', kid }, new TextEncoder().encode('\0'.repeat(32))),
		'by a key of another algorithm': await sign({ alg: 'RS256', kid: key('ES256').kid }, await jose.importJWK(key('RS256'))),
		'by an algorithm that the key is not for': await sign({ alg: 'PS256', kid }, await jose.importJWK({ ...key('RS256'), alg: 'PS256' })),
		'by a stranger with a known id': await sign({ alg: 'RS256', kid }, own),
		'by a stranger who sends the key along': await sign({ alg: 'RS256', kid, jwk: ownPublic }, own),
		'by a stranger who says where the key is': await sign({ alg: 'RS256', kid, jku: `http://127.0.0.1:${otherPort}/jwks` }, own),
		'by a stranger with an unknown id': await sign({ alg: 'RS256', kid: 'new', jku: `http://127.0.0.1:${otherPort}/jwks` }, own),
		'with other claims': `${head}.${jose.base64url.encode(JSON.stringify({ ...claims, sub: 'bob' }))}.${signature}`,
		'with a critical header': await new jose.SignJWT(claims)
			.setProtectedHeader({ alg: 'RS256', kid, crit: ['urn:x'], 'urn:x': true })
			.sign(await jose.importJWK(key('RS256')), { crit: { 'urn:x': true } }),
		'bound to a key, without a proof': await world.token(port, 'ann', url, await proof()),
		garbage: 'x.y.z',
		'a JSON object': '{"alg":"none"}',
		long: `${head}.${'A'.repeat(20_000)}.${signature}`,
	};
	tokens.push(...Object.values(cases).filter((token) => token.length > 20));
	for (const [what, token] of Object.entries(cases)) await assertRefused(what, `Bearer ${token}`);
	await assertRefused('two tokens', `Bearer ${good}, Bearer ${good}`);
	for (const none of [undefined, `Basic ${btoa(`ann:${SECRET}`)}`, `DPoP ${good}`]) await assertRefused(`${none}`, none, '');
	assert.equal(await status(good), 200);
	await Promise.all([other, same].map(world.stop));
});

test('clocks may differ by a minute', async () => {
	for (const [ahead, expected] of [
		[LEEWAY - SLACK, 200],
		[LEEWAY + SLACK, 401],
		[SLACK - LEEWAY - LIFETIME, 200],
		[-SLACK - LEEWAY - LIFETIME, 401],
	]) {
		await restarted(keys, ahead);
		assert.equal(await status(await token('ann')), expected, `the provider's clock is ${ahead} s ahead`);
	}
	await restarted(keys);
});

test('when the provider has new keys, its new tokens count, and those by removed keys do not', async () => {
	const old = await token('ann');
	assert.equal(await status(old), 200);
	await restarted(await world.newKeys('second'));
	// The gateway reads keys again for a token with an unknown one, at most every few seconds.
	const until = Date.now() + 20_000;
	while ((await status(await token('ann'))) !== 200) {
		assert.ok(Date.now() < until, gateway.log);
		await sleep(200);
	}
	await assertRefused('by a removed key', `Bearer ${old}`);
	for (const client of Object.keys(CLIENTS)) assert.equal(await status(await token(client)), 200);
});

test('no token reaches a server or the log', () => {
	assert.match(server.sent, /tools\/call/);
	for (const token of tokens) {
		assert.ok(token.length > 20);
		for (const part of [token, token.slice(0, 30), token.slice(-20)]) {
			assert.ok(!server.sent.includes(part) && !gateway.log.includes(part), token);
		}
	}
	assert.doesNotMatch(server.sent, /^authorization:/im);
});
