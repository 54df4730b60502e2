/**
 * A model that plays a list of tool calls, one a turn, and then ends its turn. It speaks the protocol of the agent that asks:
 * a module each, with `path` (the requests that it answers), `tools` (the tools that a request offers), `results` (what it
 * gives for the calls so far) and `reply` (the answer: its content type and its body).
 */

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import * as anthropic from './anthropic.mjs';
import * as chat from './chat.mjs';
import * as gemini from './gemini.mjs';
import * as responses from './responses.mjs';

const PROTOCOLS = [anthropic, chat, gemini, responses];

/**
 * Plays these calls on a free port of the loopback. `played` counts those that the agent has got, `results` is what the model
 * has got for them, and `heard` all that it was asked. `asked` runs at each request.
 */
export async function play(calls, asked) {
	const server = createServer(async (request, response) => {
		asked();
		const body = await text(request);
		const path = new URL(request.url, 'http://model').pathname;
		const protocol = PROTOCOLS.find((protocol) => protocol.path.test(path));
		if (request.method !== 'POST' || !protocol) {
			response.writeHead(404).end();
			return;
		}
		const question = { ...JSON.parse(body), path };
		const results = protocol.results(question);
		model.heard += body;
		if (results.length > model.results.length) model.results = results;
		// Agents also ask for titles and summaries, and then offer no tools.
		const call = protocol.tools(question).length > 0 ? calls[results.length] : undefined;
		if (call) model.played = Math.max(model.played, results.length + 1);
		const [type, reply] = protocol.reply(call, `call_${results.length}`, question);
		response.writeHead(200, { 'content-type': type }).end(reply);
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	const close = () => server.close().closeAllConnections();
	const model = { url: `http://127.0.0.1:${server.address().port}`, played: 0, results: [], heard: '', close };
	return model;
}
