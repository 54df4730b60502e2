/** Server-sent events: each as its name, if it has one, and its data. */
export const stream = (...events) => [
	'text/event-stream',
	events.map(([name, data]) => `${name ? `event: ${name}\n` : ''}data: ${JSON.stringify(data)}\n\n`).join(''),
];

/** One answer, for requests that do not ask for a stream. */
export const whole = (body) => ['application/json', JSON.stringify(body)];

/** The text of what may be a text, or a list of parts with a text each. */
export const textOf = (content) => (typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join(''));
