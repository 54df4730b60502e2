/** OpenAI's Responses (Codex). A call with a text as its input is one of a custom tool. */

import { stream, textOf } from './stream.mjs';

export const path = /\/responses$/;

export const tools = (asked) => (asked.tools ?? []).map((tool) => tool.name ?? tool.type);

export const results = (asked) =>
	asked.input.filter((item) => /^(custom_tool|function)_call_output$/.test(item.type)).map((item) => textOf(item.output));

export function reply(call, id) {
	const item = itemOf(call, id);
	const response = { id: `resp_${id}`, object: 'response', status: 'completed', output: [item] };
	const details = { input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } };
	const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2, ...details };
	const event = (type, data) => [type, { type, ...data }];
	return stream(
		event('response.created', { response: { ...response, status: 'in_progress', output: [] } }),
		event('response.output_item.added', { output_index: 0, item }),
		event('response.output_item.done', { output_index: 0, item }),
		event('response.completed', { response: { ...response, usage } }),
	);
}

function itemOf(call, id) {
	if (!call) {
		const content = [{ type: 'output_text', text: 'Done.', annotations: [] }];
		return { type: 'message', id: `msg_${id}`, role: 'assistant', status: 'completed', content };
	}
	const { name, namespace, input } = call;
	const item = { call_id: id, name, namespace, status: 'completed' };
	return typeof input === 'string'
		? { type: 'custom_tool_call', id: `ctc_${id}`, ...item, input }
		: { type: 'function_call', id: `fc_${id}`, ...item, arguments: JSON.stringify(input) };
}
