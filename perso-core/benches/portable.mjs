// What a decision by the kit for JavaScript costs in V8, beside `JSON.parse` of the same calls. Rounds take turns, so that
// a machine that slows down does so for both; medians.
//
//   node portable.mjs MODULE CALLS.jsonl RATIOS.json    adds `portable_v8_vs_parse`

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Policy } from '../../perso-node/host/perso.mjs';

const ROUNDS = 61;
const REPEATS = 400;

const [module, callsPath, ratiosPath] = process.argv.slice(2);
const policy = await Policy.load(readFileSync(module));
const calls = readFileSync(callsPath, 'utf8').trim().split('\n');

const candidates = {
	'decide from JSON text': (call) => policy.decide(call).decision === 'allow',
	'JSON.parse': (call) => JSON.parse(call).tool !== undefined,
};
const times = Object.keys(candidates).map(() => []);
let sum = 0;
for (let round = 0; round < ROUNDS; round += 1) {
	Object.values(candidates).forEach((run, candidate) => {
		const start = performance.now();
		for (let repeat = 0; repeat < REPEATS; repeat += 1) for (const call of calls) sum += run(call);
		times[candidate].push(((performance.now() - start) * 1e6) / (REPEATS * calls.length));
	});
}
// What nobody looks at might not be done.
if (sum === 0) throw new Error('no call was allowed, and none had a tool');

const medians = times.map((times) => times.sort((a, b) => a - b)[ROUNDS >> 1]);
console.log(`\nthe portable entry in V8 ${process.versions.v8}`);
Object.keys(candidates).forEach((name, at) => console.log(`  ${name.padEnd(36)} ${medians[at].toFixed(1).padStart(9)} ns`));
const ratio = Number((medians[0] / medians[1]).toFixed(4));
console.log(`  ${'portable_v8_vs_parse'.padEnd(36)} ${ratio.toFixed(3).padStart(12)}`);

const known = existsSync(ratiosPath) ? JSON.parse(readFileSync(ratiosPath)) : {};
const ratios = Object.entries({ ...known, portable_v8_vs_parse: ratio }).sort();
writeFileSync(ratiosPath, `${JSON.stringify(Object.fromEntries(ratios), null, 2)}\n`);
