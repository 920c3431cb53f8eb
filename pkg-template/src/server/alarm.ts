import { LONGEST_TIMER, now } from "../clock.ts";

/** Wakes the core at the time that it asked for. */
export class Alarm {
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at: number | undefined;
  #isResting = false;
  #isStopped = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** `at`: in ms since the epoch, by the clock of the process. */
  set(at: number): void {
    this.#at = at;
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    const timer = setTimeout(this.#ring, Math.min(Math.max(at - now(), 0), LONGEST_TIMER));
    (timer as { unref?: () => void }).unref?.();
    this.#timer = timer;
  }

  /** For stores that wake the server: a timer would only keep it from falling asleep while it has nothing to do. */
  restUnless(isBusy: () => boolean): void {
    // A sweep that has more pages goes on in a moment.
    const isSoon = this.#at !== undefined && this.#at < Date.now() + 100;
    const isAwake = isSoon || isBusy();
    if (!isAwake) clearTimeout(this.#timer);
    else if (this.#isResting && this.#at !== undefined) this.set(this.#at);
    this.#isResting = !isAwake;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}
