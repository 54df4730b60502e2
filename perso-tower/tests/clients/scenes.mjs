// The scenes, for the 1.x and 2.x lines of the TypeScript SDK.

import { isDeepStrictEqual } from 'node:util';

let passed = 0;
let failed = 0;

export function check(what, seen, expected) {
	if (isDeepStrictEqual(seen, expected)) {
		passed += 1;
	} else {
		failed += 1;
		console.error(`${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`);
	}
}

/** What the person at the client was asked to approve. */
const asked = [];

/** What the person at the client says: they approve refunds of $600. */
export function approves({ message }) {
	asked.push(message);
	return { action: 'accept', content: { approve: message.includes('"amount":600') } };
}

const tools = async (client) => (await client.listTools()).tools.map((tool) => tool.name).sort();

/** Calls a tool. Returns whether it succeeded, and the text. */
async function call(client, name, args = {}) {
	const result = await client.callTool({ name, arguments: args });
	return [!result.isError, result.content[0].text];
}

const view = async (client) => JSON.parse((await call(client, 'view_customer'))[1]);

async function agent(client) {
	check('tools of an agent', await tools(client), ['process_refund', 'send_email', 'view_customer']);
	check('a small refund', await call(client, 'process_refund', { order_id: '1', amount: 100 }), [true, 'refunded $100 for 1']);
	const before = await view(client);
	check('a large refund', await call(client, 'process_refund', { order_id: '1', amount: 800 }), [false, 'Agents may refund up to $500.']);
	const mail = { to: ['a@acme.com', 'b@evil.example'], text: 'x' };
	check('a mail', await call(client, 'send_email', mail), [false, 'Agents may write to addresses at acme.com.']);
	check('a hidden tool', await call(client, 'delete_record', { record_id: 'rec-1' }), [false, 'Managers may delete records they own.']);
	check('another one', await call(client, 'access_pii'), [false, 'Verify MFA before opening personal data.']);
	check('what was done', await view(client), before);
	check('what was refunded', before.refunded, 100);
}

async function manager(client) {
	check('tools of a manager', (await tools(client)).includes('delete_record'), true);
	const other = await call(client, 'delete_record', { record_id: 'rec-2' });
	check("somebody else's record", other, [false, 'Managers may delete records they own.']);
	check("one's own record", await call(client, 'delete_record', { record_id: 'rec-1' }), [true, 'deleted rec-1']);
	check('the records', (await view(client)).records, ['rec-2']);
}

async function verified(client) {
	check('tools with MFA', (await tools(client)).includes('access_pii'), true);
	check('personal data', await call(client, 'access_pii'), [true, 'born 1 January 1970']);
}

async function person(client) {
	const refund = (amount) => call(client, 'process_refund', { order_id: '1', amount });
	check('a refund that is approved', await refund(600), [true, 'refunded $600 for 1']);
	const refused = 'Refunds over $500 are reviewed. Hint: a person has denied this call: do not repeat it.';
	check('one that is not', await refund(601), [false, refused]);
	const reasons = asked.map((message) => message.split('\n\n')[0]);
	check('what the person was asked', reasons, ['Refunds over $500 are reviewed.', 'Refunds over $500 are reviewed.']);
	check('what was refunded', (await view(client)).refunded, 600);
}

async function everything(client) {
	check('tools', await tools(client), ['echo', 'get-sum', 'gzip-file-as-resource', 'simulate-research-query']);
	check('echo', await call(client, 'echo', { message: 'hello' }), [true, 'Echo: hello']);
	check('a small sum', (await call(client, 'get-sum', { a: 1, b: 2 }))[0], true);
	check('a large sum', await call(client, 'get-sum', { a: 1, b: 200 }), [false, 'Agents may add numbers up to 100.']);
	check('a text', (await call(client, 'gzip-file-as-resource', { name: 'a.txt.gz', data: 'data:,a' }))[0], true);
	const binary = { name: 'b.exe.gz', data: 'data:,b' };
	check('no text', await call(client, 'gzip-file-as-resource', binary), [false, 'Agents may pack texts.']);
	const names = (await client.listResources()).resources.map((resource) => resource.name);
	check('what was packed', names.filter((name) => name.endsWith('.gz')), ['a.txt.gz']);
	check('a hidden tool', (await call(client, 'get-env'))[0], false);
}

/**
 * Runs the scene that the command line names. `connect` creates a client, from `{ url, token }` over HTTP or
 * `{ command, args }` over stdio. `more` also runs with a client behind the proxy.
 */
export async function play(name, connect, more = async () => {}) {
	const [scene, era, url] = process.argv.slice(2);
	const { DESK_STDIO, DESK_MODULE } = process.env;
	const http = (token) => ({ url: new URL(url), token: process.env[token] });
	const stdio = (...agent) => ({ command: DESK_STDIO, args: [DESK_MODULE, ...agent] });
	const scenes = {
		desk: () => [[http('AGENT'), agent], [http('MANAGER'), manager], [http('VERIFIED'), verified]],
		stdio: () => [[stdio('agt-099', 'agent'), agent], [stdio('mgr-001', 'manager'), manager]],
		gateway: () => [[stdio('agt-099', 'agent'), agent]],
		person: () => [[stdio('agt-099', 'agent'), person]],
		'person-http': () => [[http('AGENT'), person]],
		'gateway-http': () => [[http('AGENT'), everything]],
		everything: () => [[http('AGENT'), everything], [http('AGENT'), more]],
	};
	for (const [where, act] of scenes[scene]()) {
		const client = await connect(era, where);
		await act(client);
		await client.close();
	}
	console.log(`${name}, ${scene}, ${era}: ${passed} passed, ${failed} failed`);
	process.exit(failed || !passed ? 1 : 0);
}
