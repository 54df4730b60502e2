// Judges the corpus and the values in a browser, and reports the results.

import { Policy } from 'perso';
import { check } from '/support/check.mjs';
import { RULES, values } from '/support/values.mjs';

/** The part of `node:assert/strict` that the tests use. */
const canonical = (value) =>
	JSON.stringify(value, (_, found) =>
		typeof found === 'object' && found !== null && !Array.isArray(found) ? Object.fromEntries(Object.entries(found).sort()) : found,
	);
const fail = (message) => {
	throw new Error(message);
};
const assert = {
	ok: (got, message) => got || fail(`${message}: ${String(got)}`),
	equal: (got, expected, message) => Object.is(got, expected) || fail(`${message}: ${String(got)}, not ${String(expected)}`),
	deepEqual: (got, expected, message) =>
		canonical(got) === canonical(expected) || fail(`${message}: ${canonical(got)}, not ${canonical(expected)}`),
	throws(run, kind) {
		try {
			run();
		} catch (error) {
			return error instanceof kind || fail(`threw ${error}`);
		}
		return fail('nothing was thrown');
	},
};

const said = { passed: 0, failed: [] };

function test(name, run) {
	try {
		run();
		said.passed += 1;
	} catch (error) {
		said.failed.push(`${name}: ${error}`);
	}
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

try {
	values(test, assert, await Policy.load(fromBase64(await (await fetch('/values')).text())));
	let asValues = 0;
	for (const { file, module, cases } of await (await fetch('/corpus')).json()) {
		const policy = await Policy.load(fromBase64(module));
		for (const { bytes, ...found } of cases) {
			test(`${file}: ${found.name}`, () => {
				if (check(assert, policy, { ...found, bytes: fromBase64(bytes) })) asValues += 1;
			});
		}
	}
	said.asValues = asValues;
} catch (error) {
	said.failed.push(String(error?.stack ?? error));
}
document.body.textContent = `${said.passed} passed, ${said.failed.length} failed`;
await fetch('/said', { method: 'POST', body: JSON.stringify(said) });
