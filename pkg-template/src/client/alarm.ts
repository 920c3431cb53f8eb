/** The longest time a timer can be set to; a longer one would fire at once (X-TTL-02). */
export const LONGEST = 2_147_483_647;

/** ms on a clock that never steps back. */
export function now(): number {
  return globalThis.performance?.now() ?? Date.now();
}

/** What is woken at its time. */
export interface Sleeper {
  wake(): void;
}

/** One timer for many deadlines. It keeps no process alive. */
export class Alarm {
  readonly #deadlines = new Map<Sleeper, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #setTo = Infinity;

  /** Sets when `sleeper` is woken, once; infinite for never. */
  set(sleeper: Sleeper, at: number): void {
    if (at === Infinity) this.#deadlines.delete(sleeper);
    else this.#deadlines.set(sleeper, at);
    this.#arm();
  }

  #arm(): void {
    let next = Infinity;
    for (const at of this.#deadlines.values()) if (at < next) next = at;
    if (next === this.#setTo) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#setTo = next;
    if (next === Infinity) return;
    const wait = Math.min(Math.max(Math.ceil(next - now()), 1), LONGEST);
    this.#timer = setTimeout(() => this.#ring(), wait);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #ring(): void {
    this.#setTo = Infinity;
    this.#timer = undefined;
    const due = now();
    for (const [sleeper, at] of [...this.#deadlines]) {
      if (at > due || this.#deadlines.get(sleeper) !== at) continue;
      this.#deadlines.delete(sleeper);
      sleeper.wake();
    }
    this.#arm();
  }
}
