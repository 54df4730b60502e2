/**
 * What each agent does with an answer of a hook. answers.json says it, an answer a line: what the hook does, and for each agent
 * whether the call then
 *
 * - `runs`;
 * - `explains`: it does not run, and the model gets the reason;
 * - `blocks`: it does not run, and the model gets something else;
 * - `stops`: it does not run, and the agent ends or waits for ever.
 *
 * A new version of an agent that takes an answer for something else fails here, by the name of the answer.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { AGENTS } from './agents/index.mjs';
import { World } from './world.mjs';

const ANSWERS = JSON.parse(readFileSync(new URL('answers.json', import.meta.url), 'utf8'));
const REASON = 'The policy says no.';
/** How long an agent may wait for a person, in seconds. */
const PATIENCE = 5;

/** Makes a hook that answers each call in its own way, by the name of the file that the call makes. */
function hook(world, answers) {
	const cases = answers.map(({ out = '', err = '', exit = 0, kill = false, sleep }, at) => {
		const says = world.write(`answers/${at}.out`, out);
		const complains = world.write(`answers/${at}.err`, err);
		return `*ran-${at}.txt*) ${sleep ? `sleep ${sleep}; ` : ''}cat ${says}; cat ${complains} >&2; ${kill ? 'kill -9 $$' : `exit ${exit}`} ;;`;
	});
	return world.write('hook.sh', ['#!/bin/sh', 'case $(cat) in', ...cases, 'esac', ''].join('\n'), 0o755);
}

/** Has an agent make a call for each of the answers. Returns what became of each, and what the model got. */
async function become(test, agent, answers) {
	const world = new World(test);
	const [{ alone, command, event, flags, settings }] = answers;
	world.write(agent.settings, agent.hook(command ?? hook(world, answers), settings?.[agent.name], event));
	const calls = answers.map((_, at) => agent.calls.shell(`touch ran-${at}.txt`));
	const { results } = await world.run(agent, calls, { args: flags?.[agent.name], patience: alone ? PATIENCE : undefined });
	return answers.map((_, at) => {
		const got = results[at];
		if (world.has(`project/ran-${at}.txt`)) return ['runs', got];
		if (got === undefined) return ['stops', got];
		return [got.includes(REASON) ? 'explains' : 'blocks', got];
	});
}

/** Answers under the same settings take turns in one run, except those that end it. */
function runs(agent) {
	const groups = new Map();
	for (const row of ANSWERS.filter(({ call }) => call[agent.name])) {
		const { settings = {}, flags = {}, event, command, alone, answer } = row;
		const key = JSON.stringify([settings[agent.name], flags[agent.name], event, command, alone && answer]);
		groups.set(key, [...(groups.get(key) ?? []), row]);
	}
	return [...groups.values()];
}

describe('answers of a hook', { concurrency: availableParallelism() }, () => {
	for (const agent of AGENTS) {
		for (const answers of runs(agent)) {
			test(`${agent.name} ${agent.version}: ${answers.length} from "${answers[0].answer}" on`, async (t) => {
				const became = await become(t, agent, answers);
				for (const [at, { answer, call }] of answers.entries()) {
					await t.test(`${agent.name}: ${answer}`, () => {
						const [is, got] = became[at];
						assert.equal(is, call[agent.name], `the model got: ${got}`);
					});
				}
			});
		}
	}
});
