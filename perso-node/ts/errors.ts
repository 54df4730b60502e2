/** Why a policy does not compile or load. */

/** A finding about a policy, as `perso compile --format json` prints it. */
export interface Diagnostic {
	readonly severity: 'error' | 'warning';
	readonly code: string;
	readonly message: string;
	/** What the text is called in messages. */
	readonly file: string;
	/** Lines and columns count from 1; columns are characters. */
	readonly line: number;
	readonly column: number;
	readonly end_line: number;
	readonly end_column: number;
	readonly help: string | null;
}

/** A policy that does not compile: every error of it, with its place. */
export class PolicyError extends Error {
	override readonly name: string = 'PolicyError';
	readonly diagnostics: readonly Diagnostic[];

	constructor(message: string, diagnostics: readonly Diagnostic[]) {
		super(message);
		this.diagnostics = diagnostics;
	}
}

/** Bytes that are no module which can be trusted to judge. */
export class LoadError extends Error {
	override readonly name: string = 'LoadError';
}
