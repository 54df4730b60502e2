/** Text for people: control and invisible characters are escaped. */
export const visible = (text: string): string => text.replace(/\p{C}/gu, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`);

/** A name or a message for printing, in quotes. */
export const printable = (name: string): string => visible(JSON.stringify(name));
