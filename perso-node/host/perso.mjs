// Judges calls with compiled policies: see `perso.d.mts`.

const KINDS = ['rule', 'default', 'no_rule', 'unknown_tool', 'malformed', 'limit', 'engine', 'ledger'];
const PROBLEMS = ['', 'missing', 'null', 'type', 'out_of_range', 'value', 'withheld'];
const DETAILS = `
not UTF-8
not JSON
the text ends before the call does
a control character in a string
an invalid escape in a string
a lone surrogate in a string
an invalid number
text after the call
a call must be an object
a top-level key other than tool, args, agent, resource, context and session
duplicate key in an object
a key differs only by case from one that the policy reads
the tool is missing
the tool must be a string
args, agent, resource, context and session must be objects
more than 1048576 bytes
nested deeper than 64 levels
a tool name of more than 256 bytes
more than 16777216 bytes of memory to read it
the module's table is damaged
the host refers to unknown parts`.split('\n');
const HINTS = {
	missing: ' is missing',
	'limit missing': ' must have a LIMIT',
	'a command withheld': ' must be shell commands with every word spelled out, without `$`, `*` and `~`',
	null: ' must not be null',
	out_of_range: ' is out of range',
};
// The bits of types: `false` and `true` have one each.
const TYPES = { 'a boolean': 3, 'a number': 4, 'a string': 8, 'a list': 16 };
const FACETS = {
	length: 'a string',
	count: 'a list',
	domain: 'an e-mail address',
	location: 'an absolute path without `.` and `..`',
	'Windows location': 'an absolute Windows path without `.` and `..`',
	address: 'an IP address',
	words: 'one simple command',
	program: 'one simple command',
	'word list': 'words separated by single spaces',
	age: 'a time in the past, in RFC 3339 with an offset',
	sum: 'a list of numbers, or of objects with the numbers to add up',
	text: 'a string',
	segment: 'a single segment of a path',
	place: 'a path without `..`',
	strings: 'an object',
	commands: 'plain shell commands, without `eval`, `[[` and `$((`',
};
for (const facet of ['scheme', 'host', 'port', 'path', 'privateness', 'query']) FACETS[facet] = 'a URL';
for (const facet of ['statement', 'tables', 'functions', 'columns', 'limit'])
	FACETS[facet] = 'a single plain SQL statement without comments';
for (const facet of ['time', 'weekday', 'clock time', 'date'])
	FACETS[facet] = 'a time in RFC 3339 with an offset, such as 2026-12-01T09:00:00Z';
const PARTS = { __proto__: null, args: 1, agent: 2, resource: 4, context: 8, session: 16, 'context.now': 1 << 16 };
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const scratch = new Uint8Array(4096);

// An unknown part gets a bit that the module refuses.
const bits = (parts = []) => parts.reduce((all, part) => all | (PARTS[part] ?? 1 << 17), 0);

// What the caller can correct in an argument. `expected` has a bit for each type that the test takes.
function hintOf(attribute, problem, expected) {
	const [, facets, argument] = /^(?:([^.[]+) of )?(args.*)$/s.exec(attribute) ?? [];
	if (!argument) return null;
	const facet = facets?.split(' of ').pop();
	const words = HINTS[`${facet} ${problem}`] ?? HINTS[problem];
	if (words) return argument + words;
	if (problem !== 'type' || (facets && !expected)) return null;
	const types = Object.keys(TYPES)
		.filter((type) => expected & TYPES[type])
		.join(' or ');
	const what = facet ? FACETS[facet] : types;
	return argument + (what ? ` must be ${what}` : ' has the wrong type');
}

function bytesOf(call) {
	if (call instanceof Uint8Array) return call;
	// Encoding would replace a lone surrogate.
	if (typeof call !== 'string' || !call.isWellFormed()) return Uint8Array.of(123, 34, 255);
	const { read, written } = encoder.encodeInto(call, scratch);
	return read < call.length ? encoder.encode(call) : scratch.subarray(0, written);
}

async function load(source) {
	const bytes = source instanceof WebAssembly.Module ? undefined : new Uint8Array(source).slice();
	const module = bytes ? await WebAssembly.compile(bytes) : source;
	const section = (name) => new Uint8Array(WebAssembly.Module.customSections(module, name)[0]);
	// The last section has the SHA-256 of all bytes before it.
	const hash = bytes && new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.subarray(0, -47)));
	if (hash && `${hash}` !== `${section('perso.sha256')}`) throw Error('the module is damaged');
	const { abi, rules, attributes, covers = ['tools'], obligations = [] } = JSON.parse(decoder.decode(section('perso')));
	let perso = (await WebAssembly.instantiate(module)).exports;
	if (!/^(,?(tools|resources|prompts))+$/.test(covers)) throw Error('the module is too new for this kit');
	const known = 4 + (covers.length > 1) + 2 * (obligations.length > 0);
	if (abi !== known || perso.perso_abi() !== known) throw Error(`the module has ABI ${abi}, not ${known}: compile the policy again`);
	const most = perso.memory.buffer.byteLength + (1 << 20);

	function read(buffer, record) {
		const [outcome, at, what, slot, text, length, offset] = new Uint32Array(buffer, record, 7);
		const kind = KINDS[what & 255];
		const cause = { kind };
		const note = (key, value) => value && (cause[key] = value);
		const id = rules[at]?.id ?? null;
		const rule = kind === 'rule' ? id : null;
		if (!rule) note('rule', id);
		note('attribute', attributes[slot]);
		note('problem', PROBLEMS[(what >> 8) & 255]);
		note('detail', DETAILS[(what >> 16) & 255]);
		if (~offset) cause.offset = offset;
		let decision = 'deny';
		if (outcome === 1 && (rule || kind === 'default')) decision = 'allow';
		if (outcome === 2 && rule) decision = 'ask';
		const hint = decision === 'allow' ? null : hintOf(cause.attribute, cause.problem, what >>> 24);
		return { decision, rule, reason: decoder.decode(new Uint8Array(buffer, text, length)), hint, cause };
	}

	function decide(call, unknown) {
		try {
			const open = bits(unknown?.open) | (bits(unknown?.withheld) << 8);
			const bytes = bytesOf(call);
			perso ??= new WebAssembly.Instance(module).exports;
			const at = perso.perso_input(bytes.length);
			if (at) new Uint8Array(perso.memory.buffer).set(bytes, at);
			const record = perso.perso_evaluate_partial(at, bytes.length, open);
			const { buffer } = perso.memory;
			// Free the memory that a large call has taken.
			if (buffer.byteLength > most) perso = undefined;
			return read(buffer, record);
		} catch {
			// After a trap, start with a new instance.
			perso = undefined;
			const cause = { kind: 'engine', detail: 'the module stopped before it answered' };
			return { decision: 'deny', rule: null, reason: 'the call cannot be judged', hint: null, cause };
		}
	}
	return { decide, covers, readsTime: attributes.some((attribute) => /^(.* of )?context\.now$/s.test(attribute)) };
}

export const Policy = { load };
