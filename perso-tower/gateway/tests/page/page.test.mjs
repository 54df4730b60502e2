// The page on which people approve calls, in Chromium, with the keyboard alone.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import puppeteer from 'puppeteer-core';

const folder = mkdtempSync(join(tmpdir(), 'perso-page-'));
const log = join(folder, 'ran.log');
const policy = {
	perso: 1,
	rules: [
		{ id: 'add', allow: 'add', when: { 'args.a': { lte: 100 } } },
		{ id: 'large', ask: 'add', when: { 'args.a': { gt: 100 } }, reason: 'Large sums need <b>approval</b>.' },
		{ id: 'echo', ask: 'echo' },
	],
};

let client, browser, link;

before(async () => {
	writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy));
	writeFileSync(join(folder, 'mcp.json'), JSON.stringify({ mcpServers: { one: { command: process.env.UPSTREAM, args: [log] } } }));
	const args = ['--policy', 'policy.json', '--servers', 'mcp.json', '--user', 'ann', '--approvals', '127.0.0.1:0'];
	const transport = new StdioClientTransport({ command: process.env.GATEWAY, args, cwd: folder, stderr: 'pipe' });
	const printed = new Promise((resolve) => {
		let text = '';
		transport.stderr.on('data', (data) => {
			text += data;
			const found = /^approvals: (\S+)$/m.exec(text);
			if (found) resolve(found[1]);
		});
	});
	client = new Client({ name: 'page', version: '1' });
	await client.connect(transport);
	link = await printed;
	const flags = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'];
	browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM.includes('/') ? process.env.CHROMIUM : `/usr/bin/${process.env.CHROMIUM}`, args: flags });
});

after(async () => {
	await browser?.close();
	await client?.close();
	rmSync(folder, { recursive: true, force: true });
});

const add = (a) => client.callTool({ name: 'add', arguments: { a, b: 1 } });
const ran = () => readFileSync(log, 'utf8').split('\n').filter(Boolean).length;
const text = (result) => result.content[0].text;

/** Presses Tab until an element has the focus whose accessible name begins with these words. */
async function tabTo(page, words) {
	for (let presses = 0; presses < 20; presses += 1) {
		const name = await page.evaluate(() => {
			const at = document.activeElement;
			return at?.getAttribute('aria-label') ?? at?.labels?.[0]?.textContent ?? at?.textContent ?? '';
		});
		if (name.startsWith(words)) return;
		await page.keyboard.press('Tab');
	}
	assert.fail(`nothing that begins with "${words}" gets the focus`);
}

const shows = (page, words) =>
	page.waitForFunction((words) => document.body.innerText.includes(words), { timeout: 20_000 }, words);

test('a person approves and denies with the keyboard', async () => {
	const page = await browser.newPage();
	const failures = [];
	page.on('pageerror', (error) => failures.push(String(error)));
	await page.goto(link);
	await shows(page, 'No calls wait.');
	await tabTo(page, 'Your name');
	await page.keyboard.type('max');

	const approved = add(101);
	await shows(page, 'Large sums need <b>approval</b>.');
	const shown = await page.$eval('#calls', (list) => list.innerText);
	assert.match(shown, /"a": 101/);
	assert.match(shown, /ann/);
	await tabTo(page, 'Approve add by ann');
	await page.keyboard.press('Enter');
	assert.equal((await approved).isError ?? false, false);
	await shows(page, 'Approved.');
	assert.equal(ran(), 1);

	const denied = add(102);
	await shows(page, '"a": 102');
	await tabTo(page, 'Deny add by ann');
	await page.keyboard.press('Space');
	const result = await denied;
	assert.equal(result.isError, true);
	assert.match(text(result), /a person has denied this call/);
	assert.equal(ran(), 1);
	assert.deepEqual(failures, []);
	await page.close();
});

test('a name is needed', async () => {
	const context = await browser.createBrowserContext();
	const page = await context.newPage();
	await page.goto(link);
	const waiting = add(103);
	await shows(page, '"a": 103');
	await tabTo(page, 'Approve');
	await page.keyboard.press('Enter');
	assert.equal(await page.evaluate(() => document.activeElement.id), 'by');
	await page.keyboard.type('eve');
	await tabTo(page, 'Deny');
	await page.keyboard.press('Enter');
	assert.equal((await waiting).isError, true);
	await context.close();
});

test('what a call has in it stays text, and hides nothing', async () => {
	const page = await browser.newPage();
	await page.goto(link);
	const evil = '<img src=x onerror="document.title=1">\u202e\u200b\u0007';
	const call = client.callTool({ name: 'echo', arguments: { text: evil } });
	await shows(page, '<img src=x onerror=');
	const shown = await page.$eval('#calls pre', (element) => element.innerText);
	assert.ok(shown.includes('\\u{202e}\\u{200b}'), shown);
	assert.equal(await page.$('#calls img'), null);
	assert.equal(await page.title(), 'Approvals');
	await tabTo(page, 'Your name');
	await page.keyboard.type('max');
	await tabTo(page, 'Deny');
	await page.keyboard.press('Enter');
	assert.equal((await call).isError, true);
	await page.close();
});

test('without the secret there is nothing to see', async () => {
	const page = await browser.newPage();
	await page.goto(link.replace(/#.*/, '#0000'));
	await shows(page, 'open the link that the gateway has printed');
	await page.close();
});
