// A host in Node: V8 runs the module, and nothing of perso is needed.
//
//   node node.mjs support.wasm call.json    one decision
//   node node.mjs FOLDER                    every case of the corpus that `make hosts` writes

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

const names = JSON.parse(readFileSync(new URL('names.json', import.meta.url)));

class Policy {
	constructor(bytes) {
		this.module = new WebAssembly.Module(bytes);
		const [manifest] = WebAssembly.Module.customSections(this.module, 'perso');
		this.manifest = JSON.parse(new TextDecoder().decode(manifest));
	}

	// `call` is bytes. `unknown` has bits for the parts that are open (from 1) and withheld (from 16).
	decide(call, unknown = 0) {
		try {
			this.instance ??= new WebAssembly.Instance(this.module);
			const { memory, perso_input, perso_evaluate_partial } = this.instance.exports;
			const at = perso_input(call.length);
			if (at !== 0) new Uint8Array(memory.buffer, at).set(call);
			const record = perso_evaluate_partial(at, call.length, unknown);
			const [decision, rule, cause, slot, reason, length, offset] = new Uint32Array(memory.buffer, record, 7);
			const kind = names.kinds[cause & 0xff];
			const id = this.manifest.rules[rule]?.id;
			const attribute = this.manifest.attributes[slot];
			const problem = names.problems[(cause >> 8) & 0xff];
			return {
				decision: names.decisions[decision],
				rule: kind === 'rule' ? id : null,
				reason: Buffer.from(memory.buffer, reason, length).toString(),
				hint: decision === 1 ? null : hint(attribute, problem, cause >>> 24),
				cause: present({
					kind,
					rule: kind === 'rule' ? undefined : id,
					attribute,
					problem,
					detail: names.details[(cause >> 16) & 0xff],
					offset: offset === 0xffffffff ? undefined : offset,
				}),
			};
		} catch {
			// A trap: whatever it was doing, this instance does not go on.
			this.instance = undefined;
			const cause = { kind: 'engine', detail: 'the module stopped before it answered' };
			return { decision: 'deny', rule: null, reason: 'the call cannot be judged', hint: null, cause };
		}
	}
}

// What the caller can correct about an argument. `expected` has a bit for each type that the rule's test takes.
function hint(attribute, problem, expected) {
	const [, facets, argument] = /^(?:([^.[]+) of )?(args.*)$/s.exec(attribute) ?? [];
	if (!argument) return null;
	const facet = facets?.split(' of ').pop();
	const words = names.hints[`${facet} ${problem}`] ?? names.hints[problem];
	if (words) return argument + words;
	// What is read off the argument is there: it is what it was compared with that has another type.
	if (problem !== 'type' || (facet && !expected)) return null;
	const types = names.types.filter(([bits]) => bits & expected).map(([, name]) => name);
	const what = facet ? names.facets[facet] : types.join(' or ');
	return argument + (what ? ` must be ${what}` : ' has the wrong type');
}

// A key that does not apply is absent.
const present = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value != null));

const [path, callPath] = process.argv.slice(2);
if (statSync(path).isDirectory()) {
	let [passed, failed] = [0, 0];
	for (const { module, cases } of JSON.parse(readFileSync(join(path, 'corpus.json'))).modules) {
		const policy = new Policy(readFileSync(join(path, module)));
		for (const { name, text, hex, unknown, decision } of cases) {
			const call = text === undefined ? Buffer.from(hex, 'hex') : Buffer.from(text);
			const got = policy.decide(call, unknown);
			if (isDeepStrictEqual(got, decision)) {
				passed += 1;
			} else {
				failed += 1;
				console.error(`${module}: ${name}\n  expected ${JSON.stringify(decision)}\n  got      ${JSON.stringify(got)}`);
			}
		}
	}
	console.log(`node: ${passed} passed, ${failed} failed`);
	process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
} else {
	console.log(JSON.stringify(new Policy(readFileSync(path)).decide(readFileSync(callPath)), null, 2));
}
