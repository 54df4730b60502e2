// Servers and guarded transports over the SDK's transport in memory.

import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { guardTransport } from 'perso/mcp';

export const request = (method, params, id = 1) => ({ jsonrpc: '2.0', id, method, params });

/** A guarded transport that records the messages which get through. */
export function passing(policy, settings) {
	const [near, far] = InMemoryTransport.createLinkedPair();
	const passed = [];
	const answers = [];
	guardTransport(far, policy, settings);
	far.onmessage = (message) => passed.push(message);
	near.onmessage = (message) => answers.push(message);
	return { passed, answers, far, say: (message) => near.send(message), settled: () => new Promise(setImmediate) };
}

/** A server behind a handler that makes requests of pings: of each, the one in its params. */
export async function behindPings(Memory, server) {
	const [near, far] = Memory.createLinkedPair();
	far.onmessage = () => {};
	await server.connect(far);
	const { onmessage } = far;
	far.onmessage = (message, extra) => onmessage.call(far, message.method === 'ping' ? { ...message, ...message.params } : message, extra);
	const waiting = new Map();
	near.onmessage = (message) => waiting.get(message.id)?.(message);
	await near.start();
	const ask = ({ id, method, params }) =>
		new Promise((resolve) => {
			waiting.set(id, resolve);
			near.send(request('ping', { method, params }, id));
		});
	return { ask, close: () => server.close() };
}
