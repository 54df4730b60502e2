// Makes refunds of 20 at once through a guard: node limited.mjs LEDGER COUNT. Prints how many have passed.

import { limited } from '../support/limits.mjs';
import { passing, request } from '../support/memory.mjs';

const [ledger, count] = process.argv.slice(2);
const { passed, answers, say, settled } = passing(await limited(), { agent: { id: 'ann' }, ledger });
for (let id = 0; id < count; id += 1) say(request('tools/call', { name: 'process_refund', arguments: { amount: 20 } }, id));
while (passed.length + answers.length < count) await settled();
console.log(passed.length);
