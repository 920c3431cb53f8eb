// How much of what a peer sends is looked at (X-LIM-02, X-LIM-04). The core has the limits that peers are told of;
// these are never below them, and keep what is beyond out of its memory, which grows and is never given back.

/** Task ids, creation keys and methods, in characters, like all texts here. */
export const LONGEST_ID = 128;
/** What a call names. */
export const LONGEST_NAME = 1024;
/** Names of input requests. */
export const LONGEST_KEY = 512;
export const LONGEST_CURSOR = 1024;
/** What an outcome says of itself, for the status message of its task. */
export const LONGEST_MESSAGE = 4096;
/** Answers in one `tasks/update`. */
export const MOST_ANSWERS = 10_000;
/** Tasks that one subscription names. */
export const MOST_TASK_IDS = 1024;
/** How deep stored values nest; `JSON.stringify` and `JSON.parse` are recursive. */
export const DEEPEST = 512;

/**
 * A text on its way into the core: one that is longer than anything the core takes is cut, and is still too long for
 * it.
 */
export function bounded(text: string, longest: number): string {
  return text.length > longest ? text.slice(0, longest + 1) : text;
}

/** Whether a value nests deeper than `limit`; looks with a stack of its own, so depth costs no recursion (X-LIM-04). */
export function isDeeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      for (const child of Array.isArray(item) ? item : Object.values(item)) {
        if (typeof child === "object" && child !== null) next.push(child);
      }
    }
    level = next;
  }
  return false;
}
