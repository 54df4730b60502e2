/** The addon, where one fits this machine. */
export const binding: typeof import('./binding.cjs') | undefined;

/** Why there is none. */
export const error: Error | undefined;
