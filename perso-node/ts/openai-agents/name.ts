/** What of a call by the model its name is made of. */
interface NamedCall {
	readonly name: string;
	readonly namespace?: string | undefined;
}

/** The name by which the model calls a tool. A tool that is loaded late is in a namespace of its own name. */
export const called = ({ name, namespace }: NamedCall): string => (namespace && namespace !== name ? `${namespace}.${name}` : name);
