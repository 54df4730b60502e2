#!/usr/bin/env node
// The `perso-guard` command: runs any MCP server over stdio with its tools guarded.
// Usage: `perso-guard --policy fs.wasm -- node server.js`.

import { Policy } from 'perso';
import { main } from '../dist/mcp/guarded.js';

process.exit(await main(process.argv.slice(2), (source) => Policy.load(source)));
