// The suite imports `globSync` from `fs`, which Node 20 does not have, for a command that is not used here.

import { register } from 'node:module';

const hooks = `export const resolve = (name, context, next) => name === 'fs' && context.parentURL?.includes('/@modelcontextprotocol/conformance/')
	? { url: 'data:text/javascript,export * from "node:fs"; export const globSync = undefined;', shortCircuit: true }
	: next(name, context);`;
if (!('globSync' in process.getBuiltinModule('fs'))) register(`data:text/javascript,${encodeURIComponent(hooks)}`);
