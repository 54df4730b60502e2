// The lists of a server with the tools, notes and prompts that `policies/README.md` documents for messages, by their methods.

const both = (key, text) => ['public', 'private'].map((kind) => ({ [key]: `note://${kind}/${text}`, name: kind }));

export const LISTS = {
	__proto__: null,
	'tools/list': { tools: ['pay', 'look', 'wipe'].map((name) => ({ name })) },
	'resources/list': { resources: both('uri', '1') },
	'resources/templates/list': { resourceTemplates: both('uriTemplate', '{id}') },
	'skills/list': { skills: ['public/look', 'private/pay'].map((path) => ({ uri: `note://${path}/SKILL.md` })) },
	'prompts/list': { prompts: ['greet', 'report', 'payroll'].map((name) => ({ name })) },
};
