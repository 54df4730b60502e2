/** Runs, compiles and analyzes policies in the native addon, which is made of perso-core. */

import load from '../../binding/load.cjs';
import { type Decision, type DecisionRecord, decision, notJudged, type Outcome } from '../decision.js';
import { type Diagnostic, JournalError, LedgerError, LoadError, PolicyError } from '../errors.js';
import type { Became, JournalCounts, OpenJournal, Recording } from '../journal.js';
import type { Answered, BaseLedger, OpenLedger, Queue } from '../ledger.js';
import type { Asking, Enforcement, Engine, Step } from '../policy.js';
import { type Resolve, type Resolver, resolver } from '../resolve.js';
import type { CheckOptions, Differences, ProveOptions, Proof, Report, TestOptions, Tools } from '../report.js';
import { filePath } from '../files.js';
import { type Manifest, manifest } from './manifest.js';

/** Whether there is an addon for this platform. */
export const isNative = load.binding !== undefined;

function binding(): NonNullable<typeof load.binding> {
	if (load.binding) return load.binding;
	throw new PolicyError(`compiling and analyzing are native, and no binary fits this machine: ${load.error?.message ?? ''}`, []);
}

const STOPPED = notJudged('the module stopped before it answered');

/** Where the documents are that a policy extends. */
export interface Extended {
	readonly resolve?: Resolve | undefined;
	/** The policy's file: documents are read from files below its folder. */
	readonly path?: string | undefined;
}

/** Returns the files that the policy in a file consists of: its own, and those that it extends. */
export const files = (path: string): readonly string[] => binding().files(path);

/** Compiles a policy's text to a module. */
export function compile(text: string, { resolve, path }: Extended = {}): { module: Uint8Array; warnings: readonly Diagnostic[] } {
	policyText(text);
	const find = resolve === undefined ? undefined : resolver(resolve);
	const { module, message, diagnostics } = binding().compile(text, find, path);
	const found = JSON.parse(diagnostics) as Diagnostic[];
	if (!module) {
		throw new PolicyError(message ?? 'the policy does not compile', found, cause(find));
	}
	return { module, warnings: found };
}

/** The first error of the user's function, as the cause of another. */
const cause = (find: Resolver | undefined) => (find && 'error' in find ? { cause: find.error } : undefined);

function policyText(text: unknown): void {
	if (typeof text !== 'string') throw new TypeError("a policy's text is a string: pass JSON, not an object");
	// A lone surrogate would be replaced when the string is passed to the addon.
	if (!text.isWellFormed()) throw new PolicyError("the policy's text contains a lone surrogate", []);
}

type Found = Awaited<ReturnType<ReturnType<typeof binding>['diff']>>;

/** Reads what has been found out about a policy, or throws the error for why nothing could be. */
function findings<T>({ json, message, diagnostics }: Found, find?: Resolver): T {
	if (json !== undefined) return JSON.parse(json) as T;
	if (diagnostics === undefined) throw new LoadError(message);
	throw new PolicyError(message ?? 'the policy does not compile', JSON.parse(diagnostics) as Diagnostic[], cause(find));
}

/** Finds out whether the policy of a module keeps its guarantees, or those of another document. */
export async function prove(module: Uint8Array, guarantees?: string, { resolve, path }: ProveOptions = {}): Promise<Proof[]> {
	if (guarantees !== undefined) policyText(guarantees);
	const find = resolve === undefined ? undefined : resolver(resolve);
	return findings(await binding().prove(module, guarantees, find, path === undefined ? undefined : filePath(path)), find);
}

/** Finds out what the policy of a new module decides differently. */
export async function diff(old: Uint8Array, newer: Uint8Array): Promise<Differences> {
	return findings(await binding().diff(old, newer));
}

/** Checks the policy of a module against the tools of a server. */
export async function check(module: Uint8Array, tools: Tools, options: CheckOptions = {}): Promise<Diagnostic[]> {
	const { server, leftOut = [], pins } = options;
	return findings(await binding().check(module, toolsText(tools), server, [...leftOut], pins));
}

/** Returns the text of a file of pins that approves tools as they are. */
export function pins(tools: Tools, server?: string): string {
	const text = toolsText(tools);
	const { pins } = binding();
	try {
		return pins(text, server);
	} catch (error) {
		throw new LoadError(error instanceof Error ? error.message : String(error), { cause: error });
	}
}

/** Runs the cases of a test file with the policy of a module. */
export async function test(module: Uint8Array, path: string | URL, options: TestOptions = {}): Promise<Report> {
	const { coverage = false, mutate = false, signal } = options;
	signal?.throwIfAborted();
	const stop = new (binding().Stop)();
	const found = binding().test(module, filePath(path), coverage, mutate, stop);
	return findings(await (signal === undefined ? found : unlessAborted(signal, found, () => stop.stop())));
}

/** Waits for what is found out. Rejects as soon as the signal is aborted, and stops. */
async function unlessAborted<T>(signal: AbortSignal, found: Promise<T>, stop: () => void): Promise<T> {
	let aborted = (): void => {};
	const stopped = new Promise<never>((_, reject) => {
		aborted = () => {
			stop();
			reject(signal.reason as Error);
		};
		signal.addEventListener('abort', aborted, { once: true });
	});
	try {
		return await Promise.race([found, stopped]);
	} finally {
		signal.removeEventListener('abort', aborted);
	}
}

function toolsText(tools: Tools): string {
	const text = typeof tools === 'string' ? tools : JSON.stringify(tools);
	if (!text?.isWellFormed()) throw new LoadError('`tools` is not a list of tools: it is not JSON');
	return text;
}

/** Loads a module. */
export function open(bytes: Uint8Array): Engine {
	return new NativeEngine(bytes);
}

/** Opens the ledger at an address. */
export function openLedger(address: string): OpenLedger {
	if (typeof address !== 'string') throw new TypeError("a ledger's address is a string");
	if (!load.binding) throw new LedgerError(`a ledger needs native code, and no binary fits this machine: ${load.error?.message ?? ''}`);
	const { Ledger } = load.binding;
	try {
		return new Ledger(address);
	} catch (error) {
		throw new LedgerError(`the ledger cannot be opened: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
	}
}

class NativeJournal implements OpenJournal {
	/** The journals that are closed when the process exits. */
	static readonly #open = new Set<NativeJournal>();

	static {
		process.on('exit', () => NativeJournal.#open.forEach((journal) => journal.#native.closeNow()));
	}

	readonly #native: InstanceType<Binding['Journal']>;

	constructor(native: InstanceType<Binding['Journal']>) {
		this.#native = native;
		NativeJournal.#open.add(this);
	}

	record(module: Module, decided: string, wait: boolean): Promise<void> | undefined {
		return this.#native.record(module, decided, wait) ?? undefined;
	}

	ran(id: string, became: Became, duration: number): void {
		this.#native.ran(id, became, duration);
	}

	counts(): JournalCounts {
		return this.#native.counts();
	}

	async close(): Promise<void> {
		await this.#native.close();
		NativeJournal.#open.delete(this);
	}
}

/** Opens the journal in a directory. */
export function openJournal(folder: string | URL, { key, checkpoints, required, ...settings }: Recording): OpenJournal {
	if (typeof folder !== 'string' && !(folder instanceof URL)) throw new TypeError("a journal's directory is a path or a URL");
	if (!load.binding) throw new JournalError(`a journal needs native code, and no binary fits this machine: ${load.error?.message ?? ''}`);
	const { Journal } = load.binding;
	try {
		const journal = new Journal(filePath(folder), {
			...settings,
			...(key !== undefined && { key: filePath(key) }),
			...(checkpoints !== undefined && { checkpoints: filePath(checkpoints) }),
		});
		return new NativeJournal(journal);
	} catch (error) {
		throw new JournalError(`the journal cannot be opened: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
	}
}

type Binding = NonNullable<typeof load.binding>;
type Module = InstanceType<Binding['Module']>;

/** The outcomes in the order of the addon's numbers. */
const OUTCOMES: readonly Outcome[] = ['allow', 'ask', 'deny'];

class NativeEngine implements Engine {
	readonly #module: Module;
	readonly manifest: Manifest;
	readonly hasLedgers = true;
	/** The decisions that have been fetched, by the addon's numbers. */
	readonly #decisions = new Map<number, Decision>();

	constructor(bytes: Uint8Array) {
		const { Module } = binding();
		try {
			this.#module = new Module(bytes);
		} catch (error) {
			throw new LoadError(error instanceof Error ? error.message : String(error), { cause: error });
		}
		this.manifest = manifest(this.#module.bytes);
	}

	get module(): Uint8Array {
		return this.#module.bytes;
	}

	decide(text: string | Uint8Array, unknown: number): Decision {
		try {
			const answer = typeof text === 'string' ? this.#module.decide(text, unknown) : this.#module.decideBytes(text, unknown);
			return typeof answer === 'string' ? parsed(answer) : (this.#decisions.get(answer) ?? this.#fetch(answer));
		} catch {
			return STOPPED;
		}
	}

	outcome(text: string, unknown: number): Outcome {
		try {
			return OUTCOMES[this.#module.outcome(text, unknown)] ?? 'deny';
		} catch {
			return 'deny';
		}
	}

	enforce(tool: string, ledger?: BaseLedger): Enforcement {
		return new NativeEnforcement(this.#module, tool, ledger);
	}

	readonly record = (journal: OpenJournal, decided: string, wait: boolean): Promise<void> | undefined =>
		journal.record(this.#module as never, decided, wait);

	#fetch(number: number): Decision {
		const fetched = parsed(this.#module.record(number)!);
		this.#decisions.set(number, fetched);
		return fetched;
	}
}

const parsed = (record: string): Decision => decision(JSON.parse(record) as DecisionRecord);

class NativeEnforcement implements Enforcement {
	readonly #native: InstanceType<Binding['Enforcement']>;
	readonly #tool: string;

	constructor(module: Module, tool: string, ledger: BaseLedger | undefined) {
		const { Enforcement, Ledger } = binding();
		this.#native = new Enforcement(module, ledger?.open as InstanceType<typeof Ledger> | undefined);
		this.#tool = tool;
	}

	async step(text: string, unknown: number, shown?: string): Promise<Step> {
		const { decision, approvedBy, charged, question } = await this.#native.step(this.#tool, text, unknown, shown);
		return {
			decision: parsed(decision),
			approvedBy,
			charged,
			question: question === undefined ? undefined : (JSON.parse(question) as Asking),
		};
	}

	approve(by: string): void {
		this.#native.approve(by);
	}

	async ask({ wait, expiresIn }: Queue): Promise<Answered> {
		return (await this.#native.ask(wait, expiresIn)) as Answered;
	}

	denial(answer: Answered): Decision {
		const record = this.#native.denial(answer);
		return record === null ? STOPPED : parsed(record);
	}

	undo(): Promise<void> {
		return this.#native.undo();
	}
}
