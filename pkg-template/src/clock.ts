/**
 * The clock of this process: the wall time when it was first asked, plus what a monotonic clock has counted since. A
 * wall clock that steps changes nothing here. Asked first inside a request: workerd says 0 before.
 */

/** What counts; where it is the wall clock, its steps back are left out. */
function reading(): number {
  return globalThis.performance?.now() ?? Date.now();
}

let time = 0;
let last = 0;

/** ms since the epoch, whole and never going back. Tests move it by `performance.now`. */
export function now(): number {
  const read = reading();
  if (time === 0) time = Date.now();
  else if (read > last) time += read - last;
  last = read;
  return Math.floor(time);
}

/** The longest time a timer can be set to, in ms; a longer one would fire at once (X-TTL-02). */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** Whether `done` came before so many ms were over. */
export async function comesWithin(ms: number, done: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, Math.min(ms, LONGEST_TIMER), false)));
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The time of this clock at which the wall clock, as it is set now, shows `at`; NaN stays so. */
export function fromWall(at: number): number {
  return at - Date.now() + now();
}

let name: string | undefined;

/** Names this clock to the other processes on a store: times in a record are by one clock. */
export function clockName(): string {
  return (name ??= crypto.randomUUID().replaceAll("-", "").slice(0, 16));
}
