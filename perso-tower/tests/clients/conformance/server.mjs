// The server that the conformance suite asks for, with the TypeScript SDK 2.x: `node server.mjs`, which prints its endpoint, or
// `node server.mjs stdio`. It serves both eras. Each scenario of the suite says which tools, resources and prompts it needs.

import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { text as read } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
	createMcpHandler,
	createRequestStateCodec,
	fromJsonSchema,
	inputRequired,
	isInitializeRequest,
	isLegacyRequest,
	McpServer,
	ProtocolError,
	ProtocolErrorCode,
	ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import {
	localhostHostValidation,
	localhostOriginValidation,
	NodeStreamableHTTPServerTransport,
	toNodeHandler,
	toWebRequest,
} from '@modelcontextprotocol/node';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=';

const text = (text) => ({ type: 'text', text });
const image = { type: 'image', data: PNG, mimeType: 'image/png' };
const embedded = (uri) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'An embedded resource.' } });
const object = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });
const string = { type: 'string' };
const states = createRequestStateCodec({ key: randomBytes(32) });

/** What a client has answered to the question `key`, if it is an object as its kind has it. */
function answered({ mcpReq }, key, field = 'content') {
	const answer = mcpReq.inputResponses?.[key];
	return typeof answer?.[field] === 'object' ? answer[field] : undefined;
}

const elicit = (message, properties) => inputRequired.elicit({ message, requestedSchema: object(properties) });
const sample = (question, maxTokens = 100) =>
	inputRequired.createMessage({ messages: [{ role: 'user', content: text(question) }], maxTokens });
const name = elicit('What is your name?', { name: string });

/** Asks a client of either era, and describes its answer. */
const asks = (requestedSchema) => async (args, context) => {
	const { action, content } = await context.mcpReq.elicitInput({ message: args.message ?? 'Please choose', requestedSchema });
	return [text(`The client's answer: ${action} ${JSON.stringify(content)}`)];
};

const titled = (word) => ['1', '2', '3'].map((number) => ({ const: `value${number}`, title: `${word} ${number}` }));
const options = ['option1', 'option2', 'option3'];
const ENUMS = {
	untitledSingle: { type: 'string', enum: options },
	titledSingle: { type: 'string', oneOf: titled('Option') },
	legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
	untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
	titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
};
const DEFAULTS = {
	name: { type: 'string', default: 'John Doe' },
	age: { type: 'integer', default: 30 },
	score: { type: 'number', default: 95.5 },
	status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
	verified: { type: 'boolean', default: true },
};

/** What each tool does: it returns its content, or what it asks for. */
const TOOLS = {
	test_simple_text: () => [text('This is a simple text response for testing.')],
	test_image_content: () => [image],
	test_audio_content: () => [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
	test_embedded_resource: () => [embedded('test://embedded-resource')],
	test_multiple_content_types: () => [text('Several types:'), image, embedded('test://mixed-content-resource')],
	async test_tool_with_logging(_, { mcpReq }) {
		for (const step of ['started', 'goes on', 'has ended']) {
			await mcpReq.log('info', `The tool ${step}`);
			await sleep(50);
		}
		return [text('logged')];
	},
	async test_tool_with_progress(_, { mcpReq }) {
		const { progressToken } = mcpReq._meta ?? {};
		for (const progress of [0, 50, 100]) {
			if (progressToken !== undefined)
				await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
			await sleep(50);
		}
		return [text('done')];
	},
	test_error_handling() {
		throw new Error('This tool intentionally returns an error for testing');
	},
	async test_sampling({ prompt }, { mcpReq }) {
		const { content } = await mcpReq.requestSampling({ messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 });
		return [text(`LLM response: ${content.text}`)];
	},
	test_elicitation: asks(object({ username: string, email: string })),
	test_elicitation_sep1034_defaults: asks(object(DEFAULTS, [])),
	test_elicitation_sep1330_enums: asks(object(ENUMS, [])),
	json_schema_2020_12_tool: (args) => [text(JSON.stringify(args))],
	// Clients of revision 2026-07-28 repeat its argument in the head of their request.
	test_header: ({ region }) => [text(`The region is ${region}.`)],
	async test_reconnection(_, { http }) {
		http?.closeSSE?.();
		await sleep(100);
		return [text('reconnected')];
	},
	// The SDK refuses to ask a client that has not declared that it can sample.
	test_missing_capability: () => inputRequired({ inputRequests: { greeting: sample('Generate a greeting') } }),
	async test_logging_tool(_, { mcpReq }) {
		await mcpReq.log('info', 'a line');
		return [text('logged')];
	},
	test_trigger_tool_change: () => (changed.emit('tools'), [text('changed')]),
	test_trigger_prompt_change: () => (changed.emit('prompts'), [text('changed')]),
	test_streaming_elicitation: (_, context) =>
		answered(context, 'user_name') ? [text('thanks')] : inputRequired({ inputRequests: { user_name: name } }),
	test_input_required_result_elicitation(_, context) {
		const answer = answered(context, 'user_name');
		return answer ? [text(`Hello, ${answer.name}!`)] : inputRequired({ inputRequests: { user_name: name } });
	},
	test_input_required_result_sampling(_, context) {
		const answer = answered(context, 'capital_question');
		if (answer) return [text(answer.text)];
		return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?') } });
	},
	test_input_required_result_list_roots(_, context) {
		const roots = answered(context, 'client_roots', 'roots');
		if (roots) return [text(roots.map(({ uri }) => uri).join(' '))];
		return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
	},
	async test_input_required_result_request_state(_, context) {
		if (context.mcpReq.requestState() && answered(context, 'confirm')) return [text('state-ok')];
		const inputRequests = { confirm: elicit('Please confirm', { ok: { type: 'boolean' } }) };
		return inputRequired({ inputRequests, requestState: await states.mint({ step: 1 }) });
	},
	async test_input_required_result_multiple_inputs(_, context) {
		const { user_name, greeting, client_roots } = context.mcpReq.inputResponses ?? {};
		if (user_name && greeting && client_roots) return [text('all of them')];
		const inputRequests = { user_name: name, greeting: sample('Generate a greeting', 50), client_roots: inputRequired.listRoots() };
		return inputRequired({ inputRequests, requestState: await states.mint({ step: 1 }) });
	},
	async test_input_required_result_multi_round(_, context) {
		const { step = 0 } = context.mcpReq.requestState() ?? {};
		if (step === 2 && answered(context, 'step2')) return [text('both steps')];
		const inputRequests =
			step === 1 && answered(context, 'step1')
				? { step2: elicit('Step 2: What is your favorite color?', { color: string }) }
				: { step1: elicit('Step 1: What is your name?', { name: string }) };
		return inputRequired({ inputRequests, requestState: await states.mint({ step: inputRequests.step2 ? 2 : 1 }) });
	},
	async test_input_required_result_tampered_state(_, context) {
		if (context.mcpReq.requestState() && answered(context, 'confirm')) return [text('state-ok')];
		const inputRequests = { confirm: elicit('Please confirm', { ok: { type: 'boolean' } }) };
		return inputRequired({ inputRequests, requestState: await states.mint({ step: 1 }) });
	},
	test_input_required_result_capabilities(_, context) {
		if (context.mcpReq.inputResponses) return [text('thanks')];
		const { elicitation, sampling } = context.mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};
		return inputRequired({
			inputRequests: { ...(elicitation && { user_name: name }), ...(sampling && { greeting: sample('Generate a greeting') }) },
		});
	},
};

/** The input schemas of tools that take arguments. */
const SCHEMAS = {
	test_sampling: object({ prompt: string }),
	test_elicitation: object({ message: string }),
	test_header: object({ region: { type: 'string', 'x-mcp-header': 'Region' } }),
	json_schema_2020_12_tool: {
		$schema: 'https://json-schema.org/draft/2020-12/schema',
		type: 'object',
		$defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: string, city: string } } },
		properties: {
			name: string,
			address: { $ref: '#/$defs/address' },
			contactMethod: { type: 'string', enum: ['phone', 'email'] },
			phone: string,
			email: string,
		},
		allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
		if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
		then: { required: ['phone'] },
		else: { required: ['email'] },
		additionalProperties: false,
	},
};

const RESOURCES = {
	'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
	'test://static-binary': { mimeType: 'image/png', blob: PNG },
	'test://watched-resource': { mimeType: 'text/plain', text: 'watched' },
};

function resource(uri) {
	const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
	if (id) return { mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) };
	if (Object.hasOwn(RESOURCES, uri)) return RESOURCES[uri];
	throw new ResourceNotFoundError(uri);
}

const user = (content) => ({ role: 'user', content });
const PROMPTS = {
	test_simple_prompt: [[], () => [user(text('This is a simple prompt for testing.'))]],
	test_prompt_with_arguments: [
		['arg1', 'arg2'],
		({ arg1, arg2 }) => [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
	],
	test_prompt_with_embedded_resource: [['resourceUri'], ({ resourceUri }) => [user(embedded(resourceUri)), user(text('Read it.'))]],
	test_prompt_with_image: [[], () => [user(image), user(text('Look at it.'))]],
	test_input_required_result_prompt: [
		[],
		(_, context) => {
			const answer = answered(context, 'user_context');
			if (answer) return [user(text(`The context is ${answer.context}.`))];
			const user_context = elicit('What context should the prompt use?', { context: string });
			return inputRequired({ inputRequests: { user_context } });
		},
	],
};

/** A list has changed. */
const changed = new EventEmitter();

const changes = { listChanged: true };
const capabilities = { tools: changes, prompts: changes, resources: { subscribe: true }, logging: {}, completions: {} };

function build() {
	const mcp = new McpServer({ name: 'conformance', version: '1' }, { capabilities, requestState: { verify: states.verify } });
	for (const [name, run] of Object.entries(TOOLS)) {
		mcp.registerTool(name, { description: name, inputSchema: fromJsonSchema(SCHEMAS[name] ?? object({})) }, async (args, context) => {
			const done = await run(args, context);
			return Array.isArray(done) ? { content: done } : done;
		});
	}
	const { server } = mcp;
	server.setRequestHandler('resources/list', () => ({
		resources: Object.entries(RESOURCES).map(([uri, { mimeType }]) => ({ uri, name: uri, mimeType })),
	}));
	server.setRequestHandler('resources/templates/list', () => ({
		resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
	}));
	server.setRequestHandler('resources/read', ({ params: { uri } }) => ({ contents: [{ uri, ...resource(uri) }] }));
	server.setRequestHandler('resources/subscribe', () => ({}));
	server.setRequestHandler('resources/unsubscribe', () => ({}));
	server.setRequestHandler('prompts/list', () => ({
		prompts: Object.entries(PROMPTS).map(([name, [args]]) => ({
			name,
			description: name,
			arguments: args.map((name) => ({ name, description: name, required: true })),
		})),
	}));
	server.setRequestHandler('prompts/get', async ({ params }, context) => {
		if (!Object.hasOwn(PROMPTS, params.name)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'there is no such prompt');
		const done = await PROMPTS[params.name][1](params.arguments ?? {}, context);
		return Array.isArray(done) ? { messages: done } : done;
	});
	server.setRequestHandler('completion/complete', ({ params: { argument } }) => ({
		completion: { values: ['paris', 'park', 'party'].filter((word) => word.startsWith(argument.value)), total: 3, hasMore: false },
	}));
	return mcp;
}

const modern = createMcpHandler(build, { legacy: 'reject' });
changed.on('tools', () => modern.notify.toolsChanged());
changed.on('prompts', () => modern.notify.promptsChanged());
const serveModern = toNodeHandler(modern);
const sessions = new Map();

/** Older clients begin a session, and a server can ask them. */
async function serveLegacy(request, response, body) {
	let transport = sessions.get(request.headers['mcp-session-id']);
	if (!transport && isInitializeRequest(body)) {
		transport = new NodeStreamableHTTPServerTransport({
			sessionIdGenerator: randomUUID,
			onsessioninitialized: (id) => void sessions.set(id, transport),
			onsessionclosed: (id) => void sessions.delete(id),
		});
		await build().connect(transport);
	}
	if (transport) await transport.handleRequest(request, response, body);
	else response.writeHead(request.headers['mcp-session-id'] ? 404 : 400).end();
}

const isHost = localhostHostValidation();
const isOrigin = localhostOriginValidation();
const server = createServer(async (request, response) => {
	if (!isHost(request, response) || !isOrigin(request, response)) return;
	const whole = await read(request);
	let body;
	try {
		body = whole ? JSON.parse(whole) : undefined;
	} catch {
		response.writeHead(400).end();
		return;
	}
	const isLegacy = await isLegacyRequest(await toWebRequest(request, body), body);
	await (isLegacy ? serveLegacy : serveModern)(request, response, body);
});

if (process.argv[2] === 'stdio') {
	serveStdio(() => {
		const mcp = build();
		changed.on('tools', () => mcp.sendToolListChanged()).on('prompts', () => mcp.sendPromptListChanged());
		return mcp;
	});
} else {
	server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/mcp`));
}
