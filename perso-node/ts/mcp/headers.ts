/**
 * Checks headers that repeat arguments (MCP 2026-07-28, "Streamable HTTP", `x-mcp-header`). A server must refuse a call
 * whose headers and arguments differ. The SDK does so before the call is judged, which would reveal the existence of a hidden
 * tool. With `hide`, the check is therefore done here, after the call is allowed.
 */

import type { Message } from './message.js';

/** The error for a call whose headers and body differ, with the SDK's wording. */
export interface Mismatch extends Message {
	readonly code: number;
	readonly message: string;
	readonly data: { readonly mismatch: { readonly header: string; readonly body: string } };
}

const MISMATCH = -32020;
const ENCODED = /^=\?base64\?(.*)\?=$/s;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DECIMAL = /^-?\d+(\.\d+)?$/;

/** The maximum depth of schemas that are checked. */
const DEPTH = 64;

/** The error for the first header that differs from its argument; undefined if none does. */
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
	const encoded = headers.get(header);
	if (encoded === null) return mismatched(header, `the body carries ${path}=${JSON.stringify(value)} but the ${header} header is absent`);
	const decoded = decode(encoded);
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

/** A value as a header has it; undefined for values that are not sent in headers. */
function written(value: unknown): string | undefined {
	if (typeof value === 'string') return value;
	if (typeof value === 'boolean') return String(value);
	if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
	return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

function decode(header: string): string | undefined {
	const [, encoded] = ENCODED.exec(header) ?? [];
	if (encoded === undefined) return header;
	if (!BASE64.test(encoded)) return undefined;
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(atob(encoded), (byte) => byte.codePointAt(0)!));
	} catch {
		return undefined;
	}
}
