/** What an iterator gives, one value at a time. */
export interface Source<Value> {
  /** The next value that is there; throws what the iterator is to reject with. */
  take(): Value | undefined;
  /** Whether no more come. */
  isOver(): boolean;
  /** Nobody wants more. */
  stop(): void;
}

/** An iterator of what a source has, and a function that wakes who waits for it. */
export function pulled<Value>(source: Source<Value>): [AsyncIterableIterator<Value>, () => void] {
  let waiting: (() => void)[] = [];
  let stopped = false;
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resume of woken) resume();
  };
  const stop = async (): Promise<IteratorResult<Value>> => {
    stopped = true;
    source.stop();
    wake();
    return { value: undefined, done: true };
  };
  const iterator: AsyncIterableIterator<Value> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      while (!stopped) {
        const value = source.take();
        if (value !== undefined) return { value, done: false };
        if (source.isOver()) break;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      return { value: undefined, done: true };
    },
    return: stop,
  };
  return [iterator, wake];
}
