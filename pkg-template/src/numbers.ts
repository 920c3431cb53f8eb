/** The core's numbers have 32 bits, and those from half of them up are its own. */
const LAST = 2 ** 31 - 1;

/** Numbers for what lives for a while. They come round, and leave out those that are still in use. */
export class Numbers {
  #last: number;
  readonly #isUsed: (number: number) => boolean;

  /** `last`: the number before the first. */
  constructor(isUsed: (number: number) => boolean, last = 0) {
    this.#isUsed = isUsed;
    this.#last = last;
  }

  next(): number {
    do this.#last = (this.#last % LAST) + 1;
    while (this.#isUsed(this.#last));
    return this.#last;
  }
}
