/** Gets what a policy comes from. */

import type * as fs from 'node:fs/promises';
import { LoadError } from './errors.js';
import { builtin, type CompiledModule } from './platform.js';
import type { Source } from './policy.js';

/** The most bytes of a file that is read. */
const MOST = 1 << 28;

/** What was got: a module's bytes or a policy's text (`bytes`), or a module that the platform has compiled. */
export type Got = { readonly bytes: Uint8Array } | { readonly compiled: CompiledModule };

/** Gets a source: a file by its path or URL, by `fetch` where the URL is one of http, else what is given. */
export async function get(source: Source): Promise<Got> {
	if (source instanceof WebAssembly.Module) return { compiled: source };
	// A copy: what becomes of the bytes while they are loaded changes nothing.
	if (source instanceof Uint8Array) return { bytes: new Uint8Array(source) };
	if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source.slice()) };
	if (typeof source !== 'string' && !(source instanceof URL)) {
		throw new TypeError('a policy is loaded from a path, a URL, bytes or a WebAssembly.Module');
	}
	const url = source instanceof URL ? source : /^https?:\/\//.test(source) ? new URL(source) : undefined;
	if (url && url.protocol !== 'file:') return { bytes: bounded(url, await fetched(url)) };
	const files = builtin<typeof fs>('node:fs/promises');
	if (!files) throw new LoadError(`\`${String(source)}\`: there are no files here; pass the module's bytes`);
	return { bytes: bounded(source, await files.readFile(source)) };
}

async function fetched(url: URL): Promise<Uint8Array> {
	const response = await fetch(url);
	if (!response.ok) throw new LoadError(`\`${url}\` answers ${response.status}`);
	return new Uint8Array(await response.arrayBuffer());
}

function bounded(source: string | URL, bytes: Uint8Array): Uint8Array {
	if (bytes.length > MOST) throw new LoadError(`\`${String(source)}\` has more than ${MOST} bytes`);
	return bytes;
}

/** Whether these are a module: no policy's text begins like it. */
export const isModule = (bytes: Uint8Array): boolean => bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
