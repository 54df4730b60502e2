#!/usr/bin/env node
// Guards an MCP server over stdio that somebody else wrote: `perso-guard --policy fs.wasm -- node server.js`.

import { Policy } from 'perso';
import { main } from '../dist/mcp/guarded.js';

process.exit(await main(process.argv.slice(2), (source) => Policy.load(source)));
