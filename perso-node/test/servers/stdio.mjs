// A guarded desk over stdio: node stdio.mjs DESK ENTRY MODULE ROLES FILE [hide]. Its tools write what they do to the file.

import { appendFileSync } from 'node:fs';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { guard } from 'perso/mcp';
import { DESKS, isOld } from './desk.mjs';

const [desk, entry, module, roles, file, hide] = process.argv.slice(2);
const { Policy } = await import(entry);
const policy = await Policy.load(module);
const agent = { id: 'agt-099', roles: JSON.parse(roles) };
const make = () =>
	guard(
		DESKS[desk]((what) => appendFileSync(file, `${JSON.stringify(what)}\n`)),
		policy,
		{ agent, hide: hide === 'hide' },
	);
if (isOld(desk)) await make().connect(new StdioServerTransport());
else serveStdio(make);
