#!/usr/bin/env node
// The `perso-guard` command: runs any MCP server over stdio with its tools guarded.
// Usage: `perso-guard --policy fs.wasm -- node server.js`.

import { Journal, Policy } from 'perso';
import { main } from '../dist/mcp/guarded.js';

const opens = { policy: (source) => Policy.load(source), journal: (directory, settings) => new Journal(directory, settings) };
process.exit(await main(process.argv.slice(2), opens));
