/** What `run.sh` has installed and built. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MODULES = join(ROOT, 'target/agents/node_modules');

export const PERSO = join(ROOT, 'target/checked/perso');
export const GATEWAY = join(ROOT, 'target/checked/perso-gateway');

/** A file of an installed package. */
export const installed = (path) => join(MODULES, path);

export const version = (name) => JSON.parse(readFileSync(installed(`${name}/package.json`), 'utf8')).version;

/** A file of the repository. */
export const source = (path) => readFileSync(join(ROOT, path), 'utf8');

/** How to start the reference MCP server. Its tool `echo` answers with its message. */
export const EVERYTHING = { command: process.execPath, args: [installed('@modelcontextprotocol/server-everything/dist/index.js')] };

/** How to start the MCP server that reads and writes the files of a folder. */
export const files = (folder) => ({
	command: process.execPath,
	args: [installed('@modelcontextprotocol/server-filesystem/dist/index.js'), folder],
});
