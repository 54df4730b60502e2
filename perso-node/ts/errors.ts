/** Errors of compiling and loading policies. */

/** An error, warning or note about a policy, as printed by `perso compile --format json`. */
export interface Diagnostic {
	readonly severity: 'error' | 'warning' | 'note';
	readonly code: string;
	readonly message: string;
	/** The path of a document that the policy extends, relative to the policy; `policy` for the policy's own text. */
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

	constructor(message: string, diagnostics: readonly Diagnostic[], options?: { readonly cause?: unknown }) {
		super(message, options);
		this.diagnostics = diagnostics;
	}
}

/** Thrown if a ledger cannot be opened, or does not answer. */
export class LedgerError extends Error {
	override readonly name: string = 'LedgerError';
}

/** Thrown if a journal cannot be opened. The `failure` of a decision that could not be recorded. */
export class JournalError extends Error {
	override readonly name: string = 'JournalError';
}

/**
 * Thrown if a module cannot be read, is damaged, or is not a module of a supported version, and if what should be a test file, a
 * list of tools or pins is not.
 */
export class LoadError extends Error {
	override readonly name: string = 'LoadError';
}
