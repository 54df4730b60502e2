// An unguarded server over stdio with prompts and resources: node plain.mjs LINE NAME FILE. It writes what it runs for them to
// the file.

import { appendFileSync } from 'node:fs';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { SERVERS } from '../support/closed.mjs';

const [line, name, file] = process.argv.slice(2);
const done = { push: (what) => appendFileSync(file, `${what}\n`) };
const make = () => SERVERS[line][name](done);
if (line === '1.x') await make().connect(new StdioServerTransport());
else serveStdio(make);
