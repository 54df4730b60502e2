/** The addon; undefined if it could not be loaded. */
export const binding: typeof import('./binding.cjs') | undefined;

/** The error if the addon could not be loaded. */
export const error: Error | undefined;
