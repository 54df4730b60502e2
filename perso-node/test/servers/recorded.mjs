// Makes calls through a guard that records them: node recorded.mjs DIRECTORY COUNT HOW. Ends as HOW says: `close` closes the journal,
// `exit` exits at once.

import { Journal } from 'perso';
import { passing, request } from '../support/memory.mjs';
import { AGENT, compiled, DESK } from '../support/policies.mjs';

const [directory, count, how] = process.argv.slice(2);
const journal = new Journal(directory);
const { passed, far, say, settled } = passing(await compiled(DESK), { agent: AGENT, journal });
for (let id = 0; id < count; id += 1) {
	say(request('tools/call', { name: 'process_refund', arguments: { amount: 20 } }, id));
	say(request('tools/call', { name: 'process_refund', arguments: { amount: 800 } }, `${id}`));
	await settled();
	if (how === 'close') await far.send({ jsonrpc: '2.0', id, result: { content: [] } });
}
console.log(passed.length);
if (how === 'exit') process.exit();
await journal.close();
