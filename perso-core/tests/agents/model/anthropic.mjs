/** Anthropic's Messages (Claude Code). */

import { stream, textOf, whole } from './stream.mjs';

export const path = /\/v1\/messages$/;

export const tools = (asked) => (asked.tools ?? []).map((tool) => tool.name);

export const results = (asked) =>
	asked.messages
		.flatMap((message) => (Array.isArray(message.content) ? message.content : []))
		.filter((part) => part.type === 'tool_result')
		.map((part) => textOf(part.content));

export function reply(call, id, asked) {
	const block = call ? { type: 'tool_use', id: `toolu_${id}`, name: call.name, input: call.input } : { type: 'text', text: 'Done.' };
	const stop_reason = call ? 'tool_use' : 'end_turn';
	const usage = { input_tokens: 1, output_tokens: 1 };
	const message = { id: `msg_${id}`, type: 'message', role: 'assistant', model: asked.model, stop_sequence: null, usage };
	if (!asked.stream) return whole({ ...message, content: [block], stop_reason });
	const [start, delta] = call
		? [
				{ ...block, input: {} },
				{ type: 'input_json_delta', partial_json: JSON.stringify(call.input) },
			]
		: [
				{ ...block, text: '' },
				{ type: 'text_delta', text: block.text },
			];
	const event = (type, data) => [type, { type, ...data }];
	return stream(
		event('message_start', { message: { ...message, content: [], stop_reason: null } }),
		event('content_block_start', { index: 0, content_block: start }),
		event('content_block_delta', { index: 0, delta }),
		event('content_block_stop', { index: 0 }),
		event('message_delta', { delta: { stop_reason, stop_sequence: null }, usage }),
		event('message_stop', {}),
	);
}
