// A lenient server over stdio that accepts any message and runs everything that could be a tool call. It answers `seen` with
// what it has received since the last `seen`.

import { createInterface } from 'node:readline';
import { LISTS } from './lists.mjs';

let seen = [];
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
	const message = JSON.parse(line);
	if (message.method === 'seen') {
		console.log(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: seen }));
		seen = [];
		continue;
	}
	seen.push(message);
	if (message.id !== undefined && message.method !== undefined)
		console.log(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: LISTS[message.method] ?? {} }));
}
