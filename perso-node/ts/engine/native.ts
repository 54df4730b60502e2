/** Runs modules in the native addon, which uses the engine of perso-core. */

import load from '../../binding/load.cjs';
import { type Decision, type DecisionRecord, decision, notJudged } from '../decision.js';
import { type Diagnostic, LoadError, PolicyError } from '../errors.js';
import type { Engine } from '../policy.js';
import { type Resolve, resolver } from '../resolve.js';
import { type Manifest, manifest } from './manifest.js';

/** Whether there is an addon for this platform. */
export const isNative = load.binding !== undefined;

function binding(): NonNullable<typeof load.binding> {
	if (load.binding) return load.binding;
	throw new PolicyError(`compiling is native, and no binary fits this machine: ${load.error?.message ?? ''}`, []);
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
	if (typeof text !== 'string') throw new TypeError("a policy's text is a string: pass JSON, not an object");
	// A lone surrogate would be replaced when the string is passed to the addon.
	if (!text.isWellFormed()) throw new PolicyError("the policy's text contains a lone surrogate", []);
	const find = resolve === undefined ? undefined : resolver(resolve);
	const { module, message, diagnostics } = binding().compile(text, find, path);
	const found = JSON.parse(diagnostics) as Diagnostic[];
	if (!module) {
		const cause = find && 'error' in find ? { cause: find.error } : undefined;
		throw new PolicyError(message ?? 'the policy does not compile', found, cause);
	}
	return { module, warnings: found };
}

/** Loads a module. */
export function open(bytes: Uint8Array): Engine {
	return new NativeEngine(bytes);
}

class NativeEngine implements Engine {
	readonly #module: InstanceType<ReturnType<typeof binding>['Module']>;
	readonly manifest: Manifest;
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

	#fetch(number: number): Decision {
		const fetched = parsed(this.#module.record(number)!);
		this.#decisions.set(number, fetched);
		return fetched;
	}
}

const parsed = (record: string): Decision => decision(JSON.parse(record) as DecisionRecord);
