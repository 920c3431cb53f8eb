/** In ms: the first pause, and the longest. */
const FIRST = 50;
const LONGEST = 10_000;

/** The pause before a lost connection is opened again, in ms: twice as long after each failure. */
export class Backoff {
  #pause = FIRST;

  next(): number {
    const pause = this.#pause;
    this.#pause = Math.min(2 * pause, LONGEST);
    return pause;
  }

  reset(): void {
    this.#pause = FIRST;
  }
}
