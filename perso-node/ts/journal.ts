/** Journals, independent of the engine that opens them. */

import type { Decision } from './decision.js';
import { JournalError } from './errors.js';
import type { Engine } from './policy.js';
import { Json } from './value/json.js';
import { exactText } from './value/shown.js';
import { named, quote } from './value/write.js';

/** Options of `Journal`. */
export interface JournalSettings {
	/**
	 * The file of an Ed25519 key, made by `ssh-keygen -t ed25519 -N ''`, which signs checkpoints. Without it, the journal shows
	 * accidents only.
	 */
	readonly key?: string | URL | undefined;
	/** A file that gets a copy of each checkpoint. On another disk, it shows that the end of the journal was cut off. */
	readonly checkpoints?: string | URL | undefined;
	/**
	 * What is recorded of the arguments: nothing, their SHA-256 (the default), those that the policy reads, or all. The SHA-256 is
	 * that of JSON with keys in the order of their bytes, without spaces.
	 */
	readonly args?: Kept | undefined;
	/**
	 * Arguments that are replaced by `"[masked]"` before anything is recorded, also before their SHA-256 is made: keys with points
	 * between them, such as `card.number`. In lists, the path goes on in each element.
	 */
	readonly mask?: readonly string[] | undefined;
	/** The attributes of the caller that are recorded. The default is `['id']`. */
	readonly agent?: readonly string[] | undefined;
	/** Whether a call is denied whose decision cannot be recorded. Otherwise it is counted, and goes on (the default). */
	readonly required?: boolean | undefined;
	/** Whether a line is on the disk before it counts as written, so that it is not lost if the machine stops. */
	readonly durable?: boolean | undefined;
}

/** What is recorded of the arguments. */
export type Kept = 'none' | 'digest' | 'read' | 'all';

/** How many lines a journal has got from this process. */
export interface JournalCounts {
	/** Lines that have been written. */
	readonly written: number;
	/** Lines that could not be written. The journal says so too, as soon as it can be written again. */
	readonly lost: number;
	/** Checkpoints whose copy could not be written. A later one is about the same lines, and more. */
	readonly uncopied: number;
}

/** What became of a call that was let through. `unknown`: it is not known whether the tool ran. */
export type Became = 'ok' | 'error' | 'unknown';

/** Records what became of a call, once. */
export type Ran = (became: Became) => void;

/** An open journal of the native addon. */
export interface OpenJournal {
	record(module: never, decided: string, wait: boolean): Promise<void> | undefined;
	ran(id: string, ran: Became, duration: number): void;
	counts(): JournalCounts;
	close(): Promise<void>;
}

/** A decision to record. */
export interface Decided {
	readonly id: string;
	readonly tool: string;
	readonly decision: Decision;
	/** The guard's copy of the arguments; undefined if there are none, or they could not be copied. */
	readonly args: unknown;
	readonly agent: unknown;
	readonly session: string | undefined;
	readonly approvedBy: string | undefined;
	/** Whether a denied call does not run. */
	readonly enforced: boolean;
	/** How long the decision took, in milliseconds. */
	readonly duration: number;
}

const KEPT: readonly unknown[] = ['none', 'digest', 'read', 'all'] satisfies Kept[];

/** Settings with their defaults. */
export interface Recording {
	readonly key: string | URL | undefined;
	readonly checkpoints: string | URL | undefined;
	readonly args: Kept;
	readonly mask: string[];
	readonly agent: string[];
	readonly required: boolean;
	readonly durable: boolean;
}

/** Returns a copy of the settings, with defaults. Throws TypeError if they are not valid. */
export function recording(settings: JournalSettings): Recording {
	// Own properties only: a polluted `Object.prototype` must not set anything.
	const own: JournalSettings = Object.assign(Object.create(null) as object, settings);
	const { key, checkpoints, args = 'digest', mask = [], agent = ['id'], required = false, durable = false, ...rest } = own;
	const [unknown] = Object.keys(rest);
	if (unknown !== undefined) throw new TypeError(`\`${unknown}\` is not an option of a journal`);
	for (const [name, file] of Object.entries({ key, checkpoints })) {
		if (file !== undefined && typeof file !== 'string' && !(file instanceof URL)) {
			throw new TypeError(`\`${name}\` must be the path of a file`);
		}
	}
	if (checkpoints !== undefined && key === undefined) throw new TypeError('`checkpoints` are signed: set `key`, too');
	if (!KEPT.includes(args)) throw new TypeError(`\`args\` is \`${String(args)}\`: use ${KEPT.map((kept) => `\`${kept}\``).join(', ')}`);
	for (const [name, list] of Object.entries({ mask, agent })) {
		if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) {
			throw new TypeError(`\`${name}\` must be an array of strings`);
		}
	}
	for (const [name, flag] of Object.entries({ required, durable })) {
		if (typeof flag !== 'boolean') throw new TypeError(`\`${name}\` must be of type boolean`);
	}
	return { key, checkpoints, args, mask: [...mask], agent: [...agent], required, durable };
}

/** The base class of `Journal` in both entries: a record of decisions that shows whether it was changed. */
export abstract class BaseJournal {
	readonly #open: OpenJournal;
	readonly #settings: Recording;
	/** Lines that the addon does not know of. */
	#lost = 0;

	/** @internal */
	protected constructor(open: OpenJournal, settings: Recording) {
		this.#open = open;
		this.#settings = settings;
	}

	/** Whether a call is denied whose decision cannot be recorded. */
	get required(): boolean {
		return this.#settings.required;
	}

	/** How many lines have been written and lost. */
	counts(): JournalCounts {
		const { written, lost, uncopied } = this.#open.counts();
		return { written, lost: lost + this.#lost, uncopied };
	}

	/**
	 * Closes the journal once its lines are written, with a checkpoint at the end if it has a key, and returns how many lines have
	 * been written and lost. This also happens when the process exits, unless a signal ends it. What is decided later cannot be
	 * recorded.
	 *
	 * @example
	 * const { lost } = await journal.close();
	 */
	async close(): Promise<JournalCounts> {
		await this.#open.close();
		return this.counts();
	}

	/**
	 * Records a decision. With `wait`, returns a promise for when it is written.
	 *
	 * @throws JournalError if it cannot be recorded
	 * @internal
	 */
	record({ record }: Pick<Engine, 'record'>, decided: Decided, wait: boolean): Promise<void> | undefined {
		let text: string;
		try {
			if (record === undefined) throw noJournal();
			text = lineText(decided, this.#settings);
		} catch (error) {
			this.#lost += 1;
			throw failed(error);
		}
		try {
			return record(this.#open, text, wait)?.catch((error: unknown) => {
				throw failed(error);
			});
		} catch (error) {
			throw failed(error);
		}
	}

	/** Begins a call that is let through. @internal */
	began(id: string): Ran {
		const begin = performance.now();
		let isOpen = true;
		return (became) => {
			if (isOpen) this.#open.ran(id, became, performance.now() - begin);
			isOpen = false;
		};
	}
}

function failed(error: unknown): JournalError {
	return error instanceof JournalError
		? error
		: new JournalError(error instanceof Error ? error.message : String(error), { cause: error });
}

/** The decisions as JSON text. Many calls share a decision. */
const texts = new WeakMap<Decision, string>();

function decisionText(made: Decision): string {
	let text = texts.get(made);
	if (text === undefined) {
		const { decision, rule, reason, hint, cause } = made;
		text = JSON.stringify({ decision, rule, reason, hint, cause });
		texts.set(made, text);
	}
	return text;
}

/** What the addon gets of a decision. */
function lineText(decided: Decided, settings: Recording): string {
	const { id, tool, decision, args, agent, session, approvedBy, enforced, duration } = decided;
	const recorded = settings.args === 'none' ? undefined : argsText(args, settings.required);
	const members = [
		`"id":"${id}"`,
		`"tool":${quote(tool.toWellFormed())}`,
		...(recorded === undefined ? [] : [`"args":${recorded}`]),
		`"agent":${agentText(agent, settings.agent)}`,
		...(session === undefined ? [] : [`"session":${quote(session)}`]),
		...(approvedBy === undefined ? [] : [`"approvedBy":${quote(approvedBy.toWellFormed())}`]),
		`"enforced":${enforced}`,
		`"duration":${duration}`,
		`"decision":${decisionText(decision)}`,
	];
	return `{${members.join(',')}}`;
}

/** The maximum length of arguments, in UTF-16 code units. Only their SHA-256 has a place in a line if they are that long. */
const MOST = 1 << 26;

/** The arguments as JSON text; undefined if there are none, or they are no JSON and need not be recorded. */
function argsText(args: unknown, isRequired: boolean): string | undefined {
	try {
		return args === undefined ? undefined : exactText(args instanceof Json ? args.value() : args, MOST);
	} catch (error) {
		if (isRequired) throw error;
		return undefined;
	}
}

/** Those attributes of the caller that are recorded, as JSON text. */
function agentText(agent: unknown, names: readonly string[]): string {
	const given = agent instanceof Json ? agent.value() : agent;
	if (typeof given !== 'object' || given === null) return '{}';
	const attributes = (given instanceof Map ? named(given) : given) as { readonly [name: string]: unknown };
	const found = names.filter((name) => Object.hasOwn(attributes, name));
	return `{${found.map((name) => `${quote(name)}:${exactText(attributes[name])}`).join(',')}}`;
}

/** The error for a journal, which an engine without native code does not have. */
export function noJournal(): JournalError {
	return new JournalError('a journal needs the native package, which this engine does not run');
}
