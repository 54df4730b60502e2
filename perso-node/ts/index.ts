/** The package in Node and Bun. Policies run in the native addon if there is one for this platform, else in WebAssembly. */

import { type Diagnostic, LoadError } from './errors.js';
import * as native from './engine/native.js';
import { open as openPortable } from './engine/portable.js';
import { filePath, get, isModule } from './files.js';
import { BaseJournal, type JournalSettings, recording } from './journal.js';
import { BaseLedger } from './ledger.js';
import { BasePolicy, type Engine, type Source } from './policy.js';
import { warn } from './platform.js';
import type { CheckOptions, Differences, Proof, ProveOptions, Report, TestOptions, Tools } from './report.js';
import type { CompileOptions } from './resolve.js';

export * from './exports.js';
export type {
	Case,
	Change,
	CheckOptions,
	Coverage,
	Decided,
	Differences,
	Mutation,
	Proof,
	ProveOptions,
	Report,
	TestOptions,
	Tools,
	UndecidedTool,
	Unnoticed,
} from './report.js';

/**
 * A policy that is ready to judge calls.
 *
 * @example
 * const policy = await Policy.load('support.wasm');
 * policy.decide({ tool: 'process_refund', args: { amount: 800 }, agent: { roles: ['agent'] } }).reason;
 */
export class Policy extends BasePolicy {
	/**
	 * Compiles a policy's JSON text. The compiler's warnings are emitted as process warnings named `PolicyWarning`.
	 *
	 * @throws PolicyError with all errors in the policy, or if there is no native addon for this platform. If `resolve` threw an
	 * error, that is the `cause`
	 * @throws TypeError if `text` is not a string
	 * @example
	 * Policy.compile('{ "perso": 1, "rules": [{ "id": "view", "allow": "view_customer" }] }');
	 */
	static compile(text: string, options: CompileOptions = {}): Policy {
		return new Policy(native.open(compiled(text, { resolve: options.resolve })));
	}

	/**
	 * Loads a compiled module or a policy's JSON text from a file, a URL or bytes. The first bytes tell which of the two it is.
	 * Documents that a file's text extends are read from the file's folder and the folders below it.
	 *
	 * @throws LoadError if the source is not a valid module
	 * @throws PolicyError if the policy does not compile
	 * @throws Error of the system if a file cannot be read
	 * @example
	 * const policy = await Policy.load(new URL('./support.wasm', import.meta.url));
	 */
	static async load(source: Source): Promise<Policy> {
		return new Policy(await open(source));
	}

	/**
	 * Finds out whether the policy keeps its guarantees, for every call that there can be. With a text, those of that policy.
	 * Empty if there are no guarantees.
	 *
	 * A policy that compiles breaks none of its own. Those of another document, such as an organization's, can be broken.
	 *
	 * @throws PolicyError if the text is not a valid policy, or if there is no native addon for this platform
	 * @throws LoadError if the policy's text cannot be read from its module
	 * @example
	 * const proofs = await policy.prove(await readFile('org.json', 'utf8'), { path: 'org.json' });
	 * assert.ok(proofs.every(({ outcome }) => outcome === 'holds'));
	 */
	async prove(guarantees?: string, options?: ProveOptions): Promise<Proof[]> {
		return native.prove(bytes(this), guarantees, options);
	}

	/**
	 * Finds out what a new version of the policy decides differently, for every call that there can be.
	 *
	 * @throws PolicyError if there is no native addon for this platform
	 * @throws LoadError if the text of one of the policies cannot be read from its module
	 * @example
	 * const { changes } = await policy.diff(await Policy.load('support-v2.json'));
	 * for (const { tool, wider, call } of changes) console.log(tool, wider ? 'wider' : 'narrower', call);
	 */
	async diff(newer: BasePolicy): Promise<Differences> {
		return native.diff(bytes(this), bytes(newer));
	}

	/**
	 * Checks the policy against the tools of a server: finds rules about tools and arguments that the server does not have, tools
	 * that no rule is about, and arguments that rules should test. The policy fits if no finding is an error.
	 *
	 * @throws PolicyError if there is no native addon for this platform
	 * @throws LoadError if `tools` or `pins` is something else, or if the policy's text cannot be read from its module
	 * @example
	 * const findings = await policy.check(await client.listTools());
	 * assert.deepEqual(findings.filter(({ severity }) => severity === 'error'), []);
	 */
	async check(tools: Tools, options?: CheckOptions): Promise<Diagnostic[]> {
		return native.check(bytes(this), tools, options);
	}

	/**
	 * Runs the cases of a test file with this policy, whichever policy the file names.
	 *
	 * @throws PolicyError if there is no native addon for this platform
	 * @throws LoadError if the file cannot be read or is not a test file, or if the policy's text cannot be read from its module
	 * @throws The reason of `signal` if it is aborted
	 * @example
	 * const { cases, coverage } = await policy.test('support.tests.json', { coverage: true });
	 * assert.deepEqual(cases.filter(({ got }) => got), []);
	 */
	async test(path: string | URL, options?: TestOptions): Promise<Report> {
		return native.test(bytes(this), path, options);
	}

	/** @internal */
	override ledgerAt(address: string): Ledger {
		const known = ledgers.get(address) ?? Ledger.open(address);
		ledgers.set(address, known);
		return known;
	}

	protected override open(source: Source): Promise<Engine> {
		return open(source);
	}

	protected override files(path: string | URL): readonly (string | URL)[] {
		return native.isNative ? native.files(filePath(path)) : [path];
	}
}

/** The ledgers that guards were given the addresses of. Guards are often made per request, and have to share them. */
const ledgers = new Map<string, Ledger>();

/**
 * Remembers what has happened before: what limits, labels and approvals need. Pass it to guards as `ledger`.
 *
 * @example
 * const ledger = Ledger.open('file:/var/lib/perso/ledger');
 * guard(server, policy, { agent, ledger });
 */
export class Ledger extends BaseLedger {
	/**
	 * Opens a ledger: `memory:` for this process, until it ends; `file:PATH` for the processes of one machine, which makes the file
	 * if there is none; `valkey://HOST` or, over TLS, `rediss://HOST` for many machines. A server is connected to by the first
	 * operation. See docs/ledger.md.
	 *
	 * @throws LedgerError if the address is none of these, the file cannot be used, or there is no native addon for this platform
	 * @throws TypeError if `address` is not a string
	 */
	static open(address: string): Ledger {
		return new Ledger(native.openLedger(address));
	}
}

/**
 * Records decisions, so that it can be seen if the record was changed. Pass it to guards as `journal`; `perso log` reads it. Several
 * guards can share it, and several processes can write to the same directory. See docs/journal.md.
 *
 * @example
 * const journal = new Journal('/var/lib/perso/journal', { key: '/etc/perso/journal-key', args: 'read', required: true });
 * guard(server, policy, { agent, journal });
 */
export class Journal extends BaseJournal {
	/**
	 * Opens the journal in a directory, and makes both if they are not there.
	 *
	 * @throws JournalError if the directory, the key or the file for checkpoints cannot be used, or there is no native addon for this
	 * platform
	 * @throws TypeError if an option is not valid
	 */
	constructor(directory: string | URL, settings: JournalSettings = {}) {
		const own = recording(settings);
		super(native.openJournal(directory, own), own);
	}
}

/**
 * Returns the text of a file of pins, which approves these tools as they are: for `Policy.check`, `perso check --pin` and
 * `perso-gateway --pins`.
 *
 * @throws LoadError if `tools` is no list of tools
 * @throws PolicyError if there is no native addon for this platform
 * @example
 * await writeFile('tools.lock', pins(await client.listTools()));
 */
export function pins(tools: Tools, options: Pick<CheckOptions, 'server'> = {}): string {
	return native.pins(tools, options.server);
}

/** The bytes of a policy's module, in which its text is. */
function bytes({ module }: BasePolicy): Uint8Array {
	if (module) return module;
	throw new LoadError('the text of a policy that was loaded from a WebAssembly.Module is not known: load it from bytes or a file');
}

async function open(source: Source): Promise<Engine> {
	const got = await get(source);
	if ('compiled' in got || !native.isNative) return openPortable(got);
	return native.open(isModule(got.bytes) ? got.bytes : compiled(text(got.bytes), { path: got.path }));
}

/** Decodes a policy's text. A byte order mark is kept, so that the compiler reports it. */
function text(bytes: Uint8Array): string {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch (error) {
		throw new LoadError("this is neither a module nor a policy's text in UTF-8", { cause: error });
	}
}

function compiled(text: string, extended: native.Extended): Uint8Array {
	const { module, warnings } = native.compile(text, extended);
	for (const warning of warnings) warn(warned(warning));
	return module;
}

function warned({ file, line, column, message }: Diagnostic): Error {
	const warning = new Error(`${file === 'policy' ? 'the policy' : `\`${file}\``}, at line ${line}, column ${column}: ${message}`);
	warning.name = 'PolicyWarning';
	return warning;
}
