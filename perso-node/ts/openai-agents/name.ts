/** The properties of a model's call that name the tool. */
interface NamedCall {
	readonly name: string;
	readonly namespace?: string | undefined;
}

/** The tool's name for rules. A deferred tool has its own name as its namespace, which is left out. */
export const called = ({ name, namespace }: NamedCall): string => (namespace && namespace !== name ? `${namespace}.${name}` : name);
