// An unguarded desk over stdio: node unguarded.mjs DESK FILE. Its tools write what they do to the file.

import { appendFileSync } from 'node:fs';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { DESKS, isOld } from './desk.mjs';

const [desk, file] = process.argv.slice(2);
const make = () => DESKS[desk]((what) => appendFileSync(file, `${JSON.stringify(what)}\n`));
if (isOld(desk)) await make().connect(new StdioServerTransport());
else serveStdio(make);
