import { LONGEST_TIMER, now } from "../clock.ts";

/** What is woken at its time. */
export interface Sleeper {
  wake(): void;
}

/**
 * One timer for many deadlines. It keeps no process alive. It may ring before the next deadline, because the one it was
 * set for was put off: so none of them has to be looked for when a deadline changes.
 */
export class Alarm {
  readonly #deadlines = new Map<Sleeper, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #setTo = Infinity;

  /** Sets when `sleeper` is woken, once; infinite for never. */
  set(sleeper: Sleeper, at: number): void {
    if (at !== Infinity) {
      this.#deadlines.set(sleeper, at);
      if (at < this.#setTo) this.#arm(at);
    } else if (this.#deadlines.delete(sleeper) && this.#deadlines.size === 0) {
      this.#arm(Infinity);
    }
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#setTo = at;
    if (at === Infinity) return;
    const wait = Math.min(Math.max(Math.ceil(at - now()), 1), LONGEST_TIMER);
    this.#timer = setTimeout(() => this.#ring(), wait);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #ring(): void {
    this.#setTo = Infinity;
    const due = now();
    for (const [sleeper, at] of [...this.#deadlines]) {
      if (at > due || this.#deadlines.get(sleeper) !== at) continue;
      this.#deadlines.delete(sleeper);
      sleeper.wake();
    }
    let next = Infinity;
    for (const at of this.#deadlines.values()) if (at < next) next = at;
    this.#arm(next);
  }
}
