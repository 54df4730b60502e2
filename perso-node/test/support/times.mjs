// The time of a call, which rules read as `context.now`: the guard's, unless the host's own context has it. Every adapter is
// tested with these cases.

export const OLD = '2020-01-01T00:00:00.000Z';

/** What a client says about the time, in arguments and elsewhere. */
export const LIES = { now: OLD, context: { now: OLD }, 'context.now': OLD };

/** The condition that a call is judged in this second or in one of the next 60, or in `count` seconds. */
export function soon(count = 61) {
	const begin = Date.now();
	const second = (ahead) => new Date(begin + 1000 * ahead).toISOString().slice(0, 20);
	return { any: Array.from({ length: count }, (_, ahead) => ({ 'context.now': { starts_with: second(ahead) } })) };
}

/** Rules that allow the tool `current` soon, and the tool `old` long ago. */
const reading = (current, old) => ({
	rules: [
		{ id: 'soon', allow: current, when: soon(), reason: 'Soon.' },
		{ id: 'old', allow: old, when: { 'context.now': OLD }, reason: 'Long ago.' },
	],
});

/** Rules that do not read the time, and that allow nothing if the context has other keys than the host's. */
const timeless = (current, old) => ({
	rules: [
		{ id: 'soon', allow: current, when: { context: { only: ['server'] }, 'context.server': 'crm' } },
		{ id: 'old', deny: old, reason: 'Long ago.' },
	],
});

/**
 * The cases: `rules(current, old)` makes a policy for two tools, and the guard gets `context`. Which of the tools run, and which
 * are listed: a list is made for any time, unless the host tells it.
 */
export const CASES = {
	'the current time': { rules: reading, context: undefined, runs: [true, false], lists: [true, true] },
	'the current time, in a context': { rules: reading, context: { server: 'crm' }, runs: [true, false], lists: [true, true] },
	"the host's own time": { rules: reading, context: { server: 'crm', now: OLD }, runs: [false, true], lists: [false, true] },
	'a policy that does not read it': { rules: timeless, context: { server: 'crm' }, runs: [true, false], lists: [true, false] },
};

/** What the model reads of the calls that do not run. */
export const REASONS = ['Soon.', 'Long ago.'];
