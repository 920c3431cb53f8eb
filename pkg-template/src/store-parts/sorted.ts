/** How many items a chunk holds. */
const CHUNK = 128;

/**
 * Items in order, in short chunks: adding and removing move at most one chunk's worth of pointers, wherever they
 * happen, nothing stale is kept, and reading on from any place costs two binary searches. No chunk is ever empty.
 */
export class Sorted<Key, Item extends Key> {
  #chunks: Item[][] = [];
  readonly #compare: (a: Key, b: Key) => number;

  constructor(compare: (a: Key, b: Key) => number) {
    this.#compare = compare;
  }

  add(item: Item): void {
    const at = this.#chunkOf(item);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      // Behind everything: nearly every task comes in order, so chunks are filled to the brim before a new one starts.
      const last = this.#chunks[at - 1];
      if (last === undefined)
        this.#chunks = [[item]]; // an array that was pushed to has room for 17: too much for most owners
      else if (last.length < CHUNK) last.push(item);
      else this.#chunks.push([item]);
      return;
    }
    chunk.splice(this.#indexOf(chunk, item), 0, item);
    if (chunk.length <= CHUNK) return;
    // The last chunk stays full, for nearly every item that is to come belongs behind it.
    const last = at === this.#chunks.length - 1;
    this.#chunks.splice(at + 1, 0, chunk.splice(last ? CHUNK : CHUNK >> 1));
  }

  remove(item: Item): void {
    const at = this.#chunkOf(item);
    const chunk = this.#chunks[at]!;
    chunk.splice(this.#indexOf(chunk, item), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** The items behind `key`, or all of them. Not to be continued after a change. */
  *after(key: Key | undefined): Generator<Item, void> {
    let at = 0;
    let index = 0;
    if (key !== undefined) {
      at = this.#chunkOf(key);
      const chunk = this.#chunks[at];
      if (chunk === undefined) return;
      index = this.#indexOf(chunk, key);
      if (this.#compare(chunk[index]!, key) === 0) index += 1;
    }
    for (; at < this.#chunks.length; at += 1, index = 0) {
      const chunk = this.#chunks[at]!;
      for (; index < chunk.length; index += 1) yield chunk[index]!;
    }
  }

  /** The first chunk whose last item is not before `key`, or the number of chunks. */
  #chunkOf(key: Key): number {
    let low = 0;
    let high = this.#chunks.length;
    const last = this.#chunks[high - 1];
    if (last === undefined || this.#compare(last[last.length - 1]!, key) < 0) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = this.#chunks[middle]!;
      if (this.#compare(chunk[chunk.length - 1]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first place in `chunk` whose item is not before `key`. */
  #indexOf(chunk: readonly Item[], key: Key): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(chunk[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
