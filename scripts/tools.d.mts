/** Types of `tools.mjs`, for tests. */
export function filesIn(folder: string): string[];
