/** The longest time a timer can be set to; a longer one would fire at once (X-TTL-02). */
export const LONGEST = 2_147_483_647;

/** ms on a clock that never steps back. */
export function now(): number {
  return globalThis.performance?.now() ?? Date.now();
}

/** One timer for many deadlines. It keeps no process alive. */
export class Alarm<Key extends { wake(): void }> {
  readonly #deadlines = new Map<Key, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #setTo = Infinity;

  /** Sets when `key` is woken; infinite for never. */
  set(key: Key, at: number): void {
    if (at === Infinity) this.#deadlines.delete(key);
    else this.#deadlines.set(key, at);
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
    for (const [key, at] of [...this.#deadlines]) if (at <= due) key.wake();
    this.#arm();
  }
}
