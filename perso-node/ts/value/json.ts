/** JSON text in the place of a part of a call: judged to the letter, keys that stand twice and all. */
export class Json {
	readonly text: string;

	constructor(text: string) {
		if (typeof text !== 'string') throw new TypeError('JSON text must be a string');
		this.text = text;
	}

	/** What a lax reader makes of it; undefined where it is no JSON. */
	value(): unknown {
		try {
			return JSON.parse(this.text);
		} catch {
			return undefined;
		}
	}
}
