/** Errors of compiling and loading policies. */

/** An error or warning about a policy, as printed by `perso compile --format json`. */
export interface Diagnostic {
	readonly severity: 'error' | 'warning';
	readonly code: string;
	readonly message: string;
	/** The name of the policy's text in messages. */
	readonly file: string;
	/** Lines and columns count from 1; columns count characters. */
	readonly line: number;
	readonly column: number;
	readonly end_line: number;
	readonly end_column: number;
	readonly help: string | null;
}

/** Thrown if a policy does not compile. `diagnostics` has every error and its position. */
export class PolicyError extends Error {
	override readonly name: string = 'PolicyError';
	readonly diagnostics: readonly Diagnostic[];

	constructor(message: string, diagnostics: readonly Diagnostic[]) {
		super(message);
		this.diagnostics = diagnostics;
	}
}

/** Thrown if a module cannot be read, is damaged, or is not a module of a supported version. */
export class LoadError extends Error {
	override readonly name: string = 'LoadError';
}
