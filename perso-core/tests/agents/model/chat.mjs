/** OpenAI's Chat Completions (Copilot CLI, OpenCode). */

import { stream, textOf, whole } from './stream.mjs';

export const path = /\/chat\/completions$/;

export const tools = (asked) => (asked.tools ?? []).map((tool) => tool.function?.name ?? tool.custom?.name);

export const results = (asked) => asked.messages.filter(({ role }) => role === 'tool').map(({ content }) => textOf(content));

export function reply(call, id, asked) {
	const called = call && { id, type: 'function', function: { name: call.name, arguments: JSON.stringify(call.input) } };
	const message = call ? { role: 'assistant', content: null, tool_calls: [called] } : { role: 'assistant', content: 'Done.' };
	const finish_reason = call ? 'tool_calls' : 'stop';
	const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
	const completion = { id: `chatcmpl_${id}`, created: 1, model: asked.model };
	if (!asked.stream) {
		return whole({ ...completion, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage });
	}
	const delta = call ? { ...message, tool_calls: [{ index: 0, ...called }] } : message;
	const chunk = (choice) => ['', { ...completion, object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }], usage }];
	const [type, events] = stream(chunk({ delta, finish_reason: null }), chunk({ delta: {}, finish_reason }));
	return [type, `${events}data: [DONE]\n\n`];
}
