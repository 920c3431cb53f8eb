import { digest, random } from "./records.ts";

/** Characters of an id's random part (132 bits), and of the hash before it. */
const RANDOM = 22;
const HASH = 16;

/**
 * The shelf of what belongs to a key: a hash of it, or the empty shelf where there is none. Each id begins with the
 * hash of its shelf, so that a task is one read away with and without its key, and never found by another one.
 */
export async function shelfOf(key: string | undefined): Promise<string> {
  return key === undefined ? "" : digest(key, 12);
}

/** A new id on a shelf. Nobody can guess it. */
export function idOn(shelf: string): string {
  return shelf + random(17).slice(0, RANDOM);
}

/** The shelf that an id names; `undefined` for what is no id from here. */
export function shelfIn(id: unknown): string | undefined {
  if (typeof id !== "string" || !/^[\w-]+$/.test(id)) return undefined;
  if (id.length === RANDOM) return "";
  return id.length === HASH + RANDOM ? id.slice(0, HASH) : undefined;
}
