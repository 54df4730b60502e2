/** Gemini's generateContent (Gemini CLI). */

import { stream, whole } from './stream.mjs';

export const path = /:(streamG|g)enerateContent$/;

const parts = (asked) => asked.contents.flatMap((content) => content.parts ?? []);

export const tools = (asked) => (asked.tools ?? []).flatMap((tool) => (tool.functionDeclarations ?? []).map(({ name }) => name));

export const results = (asked) =>
	parts(asked)
		.filter((part) => part.functionResponse)
		.map(({ functionResponse: { response } }) => String(response.error ?? response.output));

/** What the CLI asks its router and its loop check for. */
const ROUTES = { reasoning: '-', model_choice: 'flash', complexity_reasoning: '-', complexity_score: 1, next_speaker: 'user' };

export function reply(call, id, asked) {
	const isJson = asked.generationConfig?.responseMimeType === 'application/json';
	const part = call ? { functionCall: { name: call.name, args: call.input } } : { text: isJson ? JSON.stringify(ROUTES) : 'Done.' };
	const answer = {
		candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }],
		usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
	};
	return asked.path.endsWith(':generateContent') ? whole(answer) : stream(['', answer]);
}
