/** Runs modules in the native addon, on perso-core's own engine. */

import load from '../../binding/load.cjs';
import { type Decision, decision, notJudged } from '../decision.js';
import { type Diagnostic, LoadError, PolicyError } from '../errors.js';
import type { Engine } from '../policy.js';
import { type Manifest, manifest } from './manifest.js';

/** Whether an addon fits this machine. */
export const isNative = load.binding !== undefined;

function binding(): NonNullable<typeof load.binding> {
	if (load.binding) return load.binding;
	throw new PolicyError(`compiling is native, and no binary fits this machine: ${load.error?.message ?? ''}`, []);
}

const STOPPED = notJudged('the module stopped before it answered');

/** Compiles a policy's text to a module. */
export function compile(text: string): { module: Uint8Array; warnings: readonly Diagnostic[] } {
	if (typeof text !== 'string') throw new TypeError("a policy's text is a string: pass JSON, not an object");
	// It must not turn into another character on its way.
	if (!text.isWellFormed()) throw new PolicyError("the policy's text has half of a surrogate pair in it", []);
	const { module, message, diagnostics } = binding().compile(text);
	const found = JSON.parse(diagnostics) as Diagnostic[];
	if (!module) throw new PolicyError(message ?? 'the policy does not compile', found);
	return { module, warnings: found };
}

/** Gets a module to run. */
export function open(bytes: Uint8Array): Engine {
	return new NativeEngine(bytes);
}

class NativeEngine implements Engine {
	readonly #module: InstanceType<ReturnType<typeof binding>['Module']>;
	readonly manifest: Manifest;
	/** The decisions by the addon's numbers, as far as they have been asked for. */
	readonly #told = new Map<number, Decision>();

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
			return typeof answer === 'string' ? parsed(answer) : (this.#told.get(answer) ?? this.#learn(answer));
		} catch {
			return STOPPED;
		}
	}

	#learn(number: number): Decision {
		const told = parsed(this.#module.record(number)!);
		this.#told.set(number, told);
		return told;
	}
}

const parsed = (record: string): Decision => decision(JSON.parse(record) as Omit<Decision, 'allowed'>);
