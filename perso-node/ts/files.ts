/** Reads the source of a policy. */

import type * as fs from 'node:fs/promises';
import type * as url from 'node:url';
import { LoadError } from './errors.js';
import { builtin, type CompiledModule } from './platform.js';
import type { Source } from './policy.js';

/** The maximum size of a file, in bytes. */
const MOST = 1 << 28;

/** A source that was read: the bytes of a module or of a policy's text, or a compiled `WebAssembly.Module`. */
export type Got = { readonly bytes: Uint8Array; readonly path?: string } | { readonly compiled: CompiledModule };

/** Reads a source. Paths and `file:` URLs are read from disk, other URLs with `fetch`; bytes are copied. */
export async function get(source: Source): Promise<Got> {
	if (source instanceof WebAssembly.Module) return { compiled: source };
	// Copy: the caller may change the bytes while they are loaded.
	if (source instanceof Uint8Array) return { bytes: new Uint8Array(source) };
	if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source.slice()) };
	if (typeof source !== 'string' && !(source instanceof URL)) {
		throw new TypeError('a policy is loaded from a path, a URL, bytes or a WebAssembly.Module');
	}
	const url = source instanceof URL ? source : /^https?:\/\//.test(source) ? new URL(source) : undefined;
	if (url && url.protocol !== 'file:') return { bytes: bounded(url, await fetched(url)) };
	const files = builtin<typeof fs>('node:fs/promises');
	if (!files) throw new LoadError(`\`${String(source)}\`: this platform has no files: pass the module's bytes`);
	return { bytes: bounded(source, await files.readFile(source)), path: filePath(source) };
}

/** Returns the path of a file that is given as a path or a `file:` URL. */
export function filePath(source: string | URL): string {
	if (typeof source === 'string') return source;
	return builtin<typeof url>('node:url')?.fileURLToPath(source) ?? source.pathname;
}

async function fetched(url: URL): Promise<Uint8Array> {
	const response = await fetch(url);
	if (!response.ok) throw new LoadError(`\`${url}\` responded with status ${response.status}`);
	return new Uint8Array(await response.arrayBuffer());
}

function bounded(source: string | URL, bytes: Uint8Array): Uint8Array {
	if (bytes.length > MOST) throw new LoadError(`\`${String(source)}\` has more than ${MOST} bytes`);
	return bytes;
}

/** Whether these bytes start with WebAssembly's magic number. No policy's text does. */
export const isModule = (bytes: Uint8Array): boolean => bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
