/** The core's numbers have 32 bits, and those from half of them up are its own. */
const FOR_THE_CORE: Range = { first: 1, last: 2 ** 31 - 1 };
/**
 * JSON-RPC ids of a requestor's own requests: numbers that every peer can keep in 32 bits, far from the SDKs', which
 * count from 0. Those of a receiver on the same connection begin above them.
 */
export const OWN_IDS: Range = { first: 2 ** 29, last: 2 ** 30 - 1 };

interface Range {
  readonly first: number;
  readonly last: number;
}

/** Numbers for what lives for a while. They come round, and leave out those that are still in use. */
export class Numbers {
  readonly #isUsed: (number: number) => boolean;
  readonly #range: Range;
  #latest: number;

  /** `before`: the number before the first that is given. */
  constructor(isUsed: (number: number) => boolean, range: Range = FOR_THE_CORE, before: number = range.last) {
    this.#isUsed = isUsed;
    this.#range = range;
    this.#latest = before;
  }

  next(): number {
    const { first, last } = this.#range;
    do this.#latest = this.#latest < last ? this.#latest + 1 : first;
    while (this.#isUsed(this.#latest));
    return this.#latest;
  }
}
