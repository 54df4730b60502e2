/**
 * Headers that say what arguments do (MCP 2026-07-28, "Streamable HTTP", `x-mcp-header`): a server must refuse a call
 * whose headers say otherwise. The SDK does so before it is known who calls; where tools are hidden, that would tell of a
 * tool, so that it is done here, once the call is allowed.
 */

import type { Message } from './message.js';

/** The error of a call whose headers and body differ, as the SDK words it. */
export interface Mismatch extends Message {
	readonly code: number;
	readonly message: string;
	readonly data: { readonly mismatch: { readonly header: string; readonly body: string } };
}

const MISMATCH = -32020;
const ENCODED = /^=\?base64\?(.*)\?=$/s;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DECIMAL = /^-?\d+(\.\d+)?$/;

/** Deeper schemas than any that is written by hand. */
const DEPTH = 64;

/** The first header of a call that says otherwise than its arguments. */
export function mismatch(schema: unknown, args: unknown, headers: Headers): Mismatch | undefined {
	return below(schema, args, [], headers);
}

function below(schema: unknown, args: unknown, path: readonly string[], headers: Headers): Mismatch | undefined {
	const properties = (schema as { properties?: unknown } | null | undefined)?.properties;
	if (typeof properties !== 'object' || properties === null || path.length > DEPTH) return undefined;
	for (const [key, property] of Object.entries(properties)) {
		const value: unknown = typeof args === 'object' && args !== null && Object.hasOwn(args, key) ? (args as Message)[key] : undefined;
		const header = (property as Message | null)?.['x-mcp-header'];
		const at = [...path, key];
		const found =
			(typeof header === 'string' ? differs(`Mcp-Param-${header}`, at.join('.'), value, headers) : undefined) ??
			below(property, value, at, headers);
		if (found !== undefined) return found;
	}
	return undefined;
}

function differs(header: string, path: string, value: unknown, headers: Headers): Mismatch | undefined {
	const text = written(value);
	if (text === undefined) return undefined;
	const said = headers.get(header);
	if (said === null) return mismatched(header, `the body carries ${path}=${JSON.stringify(value)} but the ${header} header is absent`);
	const decoded = decode(said);
	if (decoded === undefined) return mismatched(header, `the ${header} header carries an invalid Base64 sentinel value`);
	const same = typeof value === 'number' && DECIMAL.test(decoded) ? Number(decoded) === value : decoded === text;
	return same
		? undefined
		: mismatched(
				header,
				`the ${header} header decodes to ${JSON.stringify(decoded)} but the body carries ${path}=${JSON.stringify(value)}`,
			);
}

function mismatched(header: string, body: string): Mismatch {
	return { code: MISMATCH, message: `Bad Request: the request headers and body disagree: ${body}`, data: { mismatch: { header, body } } };
}

/** How a header says a value; undefined for what no header says. */
function written(value: unknown): string | undefined {
	if (typeof value === 'string') return value;
	if (typeof value === 'boolean') return String(value);
	if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
	return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

function decode(said: string): string | undefined {
	const [, encoded] = ENCODED.exec(said) ?? [];
	if (encoded === undefined) return said;
	if (!BASE64.test(encoded)) return undefined;
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(atob(encoded), (byte) => byte.codePointAt(0)!));
	} catch {
		return undefined;
	}
}
