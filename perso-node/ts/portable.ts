/**
 * The package for platforms without native code: browsers, edge workers and Deno. It neither compiles nor analyzes policies:
 * `prove`, `diff`, `check`, `test` and `pins` are not there.
 */

import { noCompiler, open } from './engine/portable.js';
import { get } from './files.js';
import { BaseJournal, type JournalSettings, noJournal, type OpenJournal, recording } from './journal.js';
import { BaseLedger, noLedger } from './ledger.js';
import { BasePolicy, type Engine, type Source } from './policy.js';
import type { CompileOptions } from './resolve.js';

export * from './exports.js';

/**
 * A policy that is ready to judge calls.
 *
 * @example
 * const policy = await Policy.load(await (await fetch('/support.wasm')).arrayBuffer());
 * policy.decide({ tool: 'process_refund', args: { amount: 800 } }).reason;
 */
export class Policy extends BasePolicy {
	/**
	 * Always throws: the compiler needs native code. Compile policies ahead of time with `npx perso compile`.
	 *
	 * @throws PolicyError that says how to compile the policy ahead of time
	 */
	static compile(_text: string, _options?: CompileOptions): Policy {
		throw noCompiler();
	}

	/**
	 * Loads a compiled module from bytes, a URL, a `WebAssembly.Module`, or a file if the platform has files.
	 *
	 * @throws LoadError if the source is not a valid module, or is a path and the platform has no files
	 * @throws PolicyError if the source is a policy's text, which cannot be compiled here
	 */
	static async load(source: Source): Promise<Policy> {
		return new Policy(await open(await get(source)));
	}

	/** @internal */
	override ledgerAt(): never {
		throw noLedger();
	}

	protected override async open(source: Source): Promise<Engine> {
		return open(await get(source));
	}
}

/** A ledger, which needs native code: without it, calls that need a ledger are denied. */
export class Ledger extends BaseLedger {
	/**
	 * Always throws.
	 *
	 * @throws LedgerError that says so
	 */
	static open(_address: string): Ledger {
		throw noLedger();
	}
}

/** A journal, which needs native code. */
export class Journal extends BaseJournal {
	/**
	 * Always throws.
	 *
	 * @throws JournalError that says so
	 */
	constructor(_directory: string | URL, settings: JournalSettings = {}) {
		super(notOpened(), recording(settings));
	}
}

function notOpened(): OpenJournal {
	throw noJournal();
}
