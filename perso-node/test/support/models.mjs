// Fake models: each makes the given calls, and then ends the conversation.

import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, ToolMessage } from '@langchain/core/messages';
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing';
import { MockLanguageModelV4, convertArrayToReadableStream } from 'ai/test';

const usage = {
	inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
	outputTokens: { total: 1, text: 1, reasoning: 0 },
};
const ends = (unified) => ({ finishReason: { unified, raw: unified }, usage, warnings: [] });

/** For the AI SDK. `read` has what the model read for each call. */
export function aiModel(calls) {
	const content = calls.map(([toolName, args], at) => ({
		type: 'tool-call',
		toolCallId: `call-${at}`,
		toolName,
		input: typeof args === 'string' ? args : JSON.stringify(args),
	}));
	const results = ({ prompt }) => prompt.filter(({ role }) => role === 'tool').flatMap(({ content }) => content);
	const model = new MockLanguageModelV4({
		doGenerate: async (options) => {
			const found = results(options).filter(({ type }) => type === 'tool-result');
			model.read = found.map(({ output }) => output.value);
			return model.read.length === 0
				? { content, ...ends('tool-calls') }
				: { content: [{ type: 'text', text: 'done' }], ...ends('stop') };
		},
		doStream: async (options) => {
			model.read = results(options).map(({ output }) => output.value);
			const isFirst = model.read.length === 0;
			const { finishReason } = ends(isFirst ? 'tool-calls' : 'stop');
			return {
				stream: convertArrayToReadableStream([
					{ type: 'stream-start', warnings: [] },
					...(isFirst ? content : []),
					{ type: 'finish', finishReason, usage },
				]),
			};
		},
	});
	return model;
}

/** For LangChain. `read` has the tool messages that the model read. */
export class LangChainModel extends BaseChatModel {
	read = [];

	constructor(calls) {
		super({});
		this.calls = calls.map(([name, args], at) => ({ name, args, id: `call-${at}`, type: 'tool_call' }));
	}

	_llmType() {
		return 'played';
	}

	bindTools() {
		return this;
	}

	async _generate(messages) {
		this.read = messages.filter((message) => ToolMessage.isInstance(message));
		const calls = this.read.length === 0 ? this.calls : [];
		const message = new AIMessage({ content: 'done', tool_calls: calls });
		return { generations: [{ text: '', message }] };
	}
}

/** For the OpenAI Agents SDK. */
export function openaiModel(calls) {
	const made = calls.map(([name, args, more], at) => functionCall(name, args, { callId: `call-${at}`, ...more }));
	return new ScriptedModel([made, [assistantMessage('done')]]);
}
