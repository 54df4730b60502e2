/**
 * JSON text as a part of a call. The engine judges the text itself, so that duplicate keys are detected and numbers keep
 * all their digits.
 *
 * @example
 * policy.decide({ tool: 'process_refund', args: new Json(toolCall.arguments) });
 */
export class Json {
	readonly text: string;

	/** @throws TypeError if `text` is not a string */
	constructor(text: string) {
		if (typeof text !== 'string') throw new TypeError('JSON text must be a string');
		this.text = text;
	}

	/** The value by `JSON.parse`; undefined if the text is not valid JSON. */
	value(): unknown {
		try {
			return JSON.parse(this.text);
		} catch {
			return undefined;
		}
	}
}
