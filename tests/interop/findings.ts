// What a check found.
import { setTimeout as sleep } from "node:timers/promises";

export interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What was seen, or what went wrong. */
  readonly detail: string;
}

/** A check that takes longer than this has failed, in ms. */
const LIMIT = 20_000;

/** Runs one check; one that fails or hangs does not end the others. */
export async function check(name: string, story: () => Promise<string>): Promise<Finding> {
  const over = new AbortController();
  const late = sleep(LIMIT, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no end within ${LIMIT / 1000} s`);
  });
  try {
    return { check: name, ok: true, detail: await Promise.race([story(), late]) };
  } catch (error) {
    return { check: name, ok: false, detail: String(error).slice(0, 600) };
  } finally {
    late.catch(() => {});
    over.abort();
  }
}
