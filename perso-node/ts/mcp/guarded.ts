/**
 * The `perso-guard` command: runs an MCP server over stdio as a child process and guards it, without changing the server.
 *
 * The client's messages are parsed and serialized again, so that the server cannot read them differently from what was
 * judged. The server's messages are passed on unchanged, except for lists of tools.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Judge } from '../guard/judge.js';
import type { Settings } from '../guard/settings.js';
import type { BaseJournal, JournalSettings } from '../journal.js';
import { Queue } from '../ledger.js';
import type { BasePolicy, Source } from '../policy.js';
import { Closed } from './closed.js';
import { error } from './denial.js';
import { Gate } from './gate.js';
import { hidingTransport } from './hiding.js';
import type { Id, Message } from './message.js';
import { printable } from './printable.js';
import { Turns } from './turns.js';

const USAGE = `Runs an MCP server over stdio with its tools guarded.

Usage: perso-guard --policy <FILE> [OPTIONS] -- <COMMAND> [ARGUMENTS]

Options:
  --policy <FILE>   the policy (JSON) or its module
  --agent <JSON>    who calls: an object of attributes
  --context <JSON>  what rules read as context: an object
  --facts <FILE>    a JavaScript module; its default export is a function that takes { tool, args, agent } and returns what
                    rules read as resource
  --ledger <ADDRESS>
                    what limits, labels and approvals need: \`file:PATH\`, \`valkey://HOST\`, \`rediss://HOST\` or \`memory:\`. Calls
                    that need an approval wait in it: see \`perso approvals\`. Without a ledger, they are denied
  --session <ID>    the session, by which labels are kept; by default a new one
  --journal <DIRECTORY>
                    record each decision in the journal in this directory; \`perso log\` reads it
  --journal-key <FILE>
                    sign checkpoints with this Ed25519 key, made by \`ssh-keygen -t ed25519 -N ''\`
  --journal-checkpoints <FILE>
                    copy checkpoints to this file
  --journal-args <WHAT>
                    what to record of the arguments: \`none\`, \`digest\` (the default), \`read\` or \`all\`
  --journal-mask <PATH>
                    never record this argument: keys with points between them (repeatable)
  --journal-agent <NAME>
                    record this attribute of the caller; by default \`id\` (repeatable)
  --journal-required
                    deny calls whose decision cannot be recorded
  --journal-durable have each decision on the disk before the call runs
  --observe         decide and report, but let everything pass
  --hide            answer a denied call as if there were no such tool
  --prompts deny    turn the server's prompts off; by default they pass
  --resources deny  turn the server's resources off; by default they pass
  --help            this text

Denials, and calls that need the approval of a person, are reported on standard error.`;

/** The maximum length of a message, in UTF-16 code units. */
const MOST = 1 << 26;

/** JSON-RPC 2.0, 5.1. */
const INVALID_REQUEST = -32600;
const PARSE_ERROR = '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}';

const options = {
	policy: { type: 'string' },
	agent: { type: 'string' },
	context: { type: 'string' },
	facts: { type: 'string' },
	ledger: { type: 'string' },
	session: { type: 'string' },
	journal: { type: 'string' },
	'journal-key': { type: 'string' },
	'journal-checkpoints': { type: 'string' },
	'journal-args': { type: 'string' },
	'journal-mask': { type: 'string', multiple: true },
	'journal-agent': { type: 'string', multiple: true },
	'journal-required': { type: 'boolean' },
	'journal-durable': { type: 'boolean' },
	observe: { type: 'boolean' },
	hide: { type: 'boolean' },
	prompts: { type: 'string' },
	resources: { type: 'string' },
	help: { type: 'boolean' },
} as const;

/** What the command opens, with the engine of the entry that it is run with. */
export interface Opens {
	policy(source: Source): Promise<BasePolicy>;
	journal(directory: string, settings: JournalSettings): BaseJournal;
}

/** Runs the command. Returns the server's exit code, or 1 after an error. */
export async function main(args: string[], opens: Opens): Promise<number> {
	let parsedArgs;
	try {
		parsedArgs = parseArgs({ args, options, allowPositionals: true });
		if (parsedArgs.values.help) {
			console.log(USAGE);
			return 0;
		}
		if (parsedArgs.values.policy === undefined) throw new Error('`--policy` is missing');
		if (parsedArgs.positionals.length === 0) throw new Error('the command of the server is missing: put it after `--`');
	} catch (wrong) {
		console.error(`error: ${messageOf(wrong)}\n\n${USAGE}`);
		return 1;
	}
	const { policy, ledger, session = ledger && crypto.randomUUID(), observe, hide = false } = parsedArgs.values;
	try {
		const closed = Closed.of(parsedArgs.values);
		const judge = new Judge<unknown>(await opens.policy(policy), {
			...attributes('agent', parsedArgs.values.agent),
			...attributes('context', parsedArgs.values.context),
			...(await facts(parsedArgs.values.facts)),
			...(ledger !== undefined && { ledger, approver: new Queue() }),
			...(session !== undefined && { session: () => session }),
			...journal(parsedArgs.values, opens),
			mode: observe ? 'observe' : 'enforce',
			onDecision(event) {
				const { tool, decision, id, failure } = event;
				if (failure !== undefined) console.error(`perso: error at ${printable(tool)}: ${printable(messageOf(failure))} (${id})`);
				if (!decision.allowed) console.error(`perso: ${decision.decision} ${printable(tool)}: ${decision.message} (${id})`);
			},
		});
		return await between(
			judge,
			{ hiding: hide ? hidingTransport(true) : undefined, closed },
			parsedArgs.values.facts === undefined ? undefined : new Turns(),
			parsedArgs.positionals as [string, ...string[]],
		);
	} catch (error) {
		console.error(`error: ${messageOf(error)}`);
		return 1;
	}
}

const isId = (id: unknown): id is Id => typeof id === 'string' || typeof id === 'number';

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Parses an option that is a JSON object. */
function attributes(name: 'agent' | 'context', text: string | undefined): { [name in 'agent' | 'context']?: object } {
	if (text === undefined) return {};
	const value: unknown = JSON.parse(text);
	if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`\`--${name}\` must be a JSON object`);
	return { [name]: value };
}

/** Opens the journal. */
function journal(values: { readonly [name: string]: unknown }, opens: Opens): Pick<Settings, 'journal'> {
	const given = Object.entries(values).filter(([name]) => name.startsWith('journal-'));
	if (values['journal'] === undefined) {
		if (given[0] !== undefined) throw new Error(`\`--${given[0][0]}\` needs \`--journal\``);
		return {};
	}
	const settings = Object.fromEntries(given.map(([name, value]) => [name.slice('journal-'.length), value]));
	return { journal: opens.journal(values['journal'] as string, settings as JournalSettings) };
}

/** Imports the function that looks up what a call is about. */
async function facts(file: string | undefined): Promise<Pick<Settings, 'resource'>> {
	if (file === undefined) return {};
	const { default: resource } = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
	if (typeof resource !== 'function') throw new Error(`the default export of \`--facts ${file}\` must be a function`);
	return { resource: resource as NonNullable<Settings['resource']> };
}

/** Runs the server and passes messages between it and the client. Returns its exit code. */
async function between(
	judge: Judge<unknown>,
	how: ConstructorParameters<typeof Gate>[1],
	turns: Turns | undefined,
	[command, ...args]: [string, ...string[]],
): Promise<number> {
	const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
	const ended = once(server, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
	await once(server, 'spawn');
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => server.kill(signal));
	// Ignore EPIPE: the server may have exited.
	server.stdin.on('error', () => {});
	const lines = new WeakMap<object, string>();
	const toClient = (message: unknown): Promise<unknown> => {
		const { id, method } = { ...(message as Partial<Message> | null) };
		if (method === undefined) turns?.end(id);
		return write(process.stdout, lines.get(message as object) ?? JSON.stringify(message));
	};
	const gate = new Gate<unknown>(
		judge,
		how,
		() => undefined,
		toClient,
		(error) => console.error(`perso: ${messageOf(error)}`),
	);
	const refuse = async (message: unknown, why: string): Promise<void> => {
		console.error(`perso: a message is refused: ${why}`);
		const { id } = message as { id?: unknown };
		if (isId(id)) await toClient(error(id, INVALID_REQUEST, why));
	};
	const receive = async (message: unknown): Promise<void> => {
		try {
			gate.receive(message, undefined, (message) => void write(server.stdin, JSON.stringify(message)));
		} catch {
			await refuse(message, 'the message is nested too deep');
		}
	};
	const receiveInTurn = async (message: unknown, turns: Turns): Promise<void> => {
		const { id, method, params } = { ...(message as Partial<Message> | null) };
		if (method === 'tools/call' && isId(id)) {
			if (!turns.take(id, () => void receive(message))) await refuse(message, 'too many calls are waiting');
			return;
		}
		await receive(message);
		if (method === 'notifications/cancelled') turns.end((params as Partial<Message> | undefined)?.['requestId']);
	};
	const up = async (): Promise<void> => {
		for await (const line of messages(process.stdin)) {
			const message = parsed(line);
			if (message === undefined) await write(process.stdout, PARSE_ERROR);
			else if (!isExact(message)) await refuse(message, 'a number is larger than can be passed on exactly');
			else await (turns === undefined ? receive(message) : receiveInTurn(message, turns));
			if (server.stdin.writableNeedDrain) await Promise.race([once(server.stdin, 'drain'), ended]);
		}
		server.stdin.end();
	};
	const down = async (): Promise<void> => {
		for await (const line of messages(server.stdout)) {
			const message = parsed(line);
			if (typeof message === 'object' && message !== null) lines.set(message, line);
			// Lines that are not messages are passed on: the client decides what to do with them.
			await (message === undefined ? write(process.stdout, line) : gate.send(message));
		}
	};
	up().catch((error: unknown) => {
		console.error(`perso: ${messageOf(error)}`);
		server.kill();
	});
	await down();
	const [code, signal] = await ended;
	gate.close();
	process.stdin.destroy();
	return code ?? (signal === 'SIGINT' ? 130 : 143);
}

/** Yields the lines of a stream that are not blank. */
async function* messages(stream: Readable): AsyncGenerator<string> {
	const decoder = new StringDecoder('utf8');
	let rest = '';
	for await (const chunk of stream) {
		const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
		rest = lines.pop()!;
		if (rest.length > MOST) throw new Error(`a message has more than ${MOST} characters`);
		for (const line of lines) if (line.trim() !== '') yield line;
	}
	if (rest.trim() !== '') yield rest;
}

function parsed(line: string): unknown {
	try {
		return JSON.parse(line) as unknown;
	} catch {
		return undefined;
	}
}

/** Whether all numbers in a message are exact. JavaScript rounds larger ones, and the server would get another number. */
function isExact(message: unknown): boolean {
	const left = [message];
	while (left.length > 0) {
		const value = left.pop();
		if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) return false;
		if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) left.push(part);
	}
	return true;
}

async function write(stream: Writable, line: string): Promise<void> {
	if (!stream.write(`${line}\n`)) await new Promise((resolve) => stream.once('drain', resolve).once('close', resolve));
}
