import { TaskError } from "../errors.ts";
import type { TaskHandle } from "../types.ts";
import { pulled } from "./pulled.ts";

/** Handles that are kept for a reader that does not come: as many as one connection follows. */
const KEPT = 10_000;

/** Who reads which tasks have ended. */
export class Settled {
  readonly #readers = new Set<(handle: TaskHandle) => void>();
  readonly #wakes = new Set<() => void>();
  #closed = false;

  tell(handle: TaskHandle): void {
    for (const reader of this.#readers) reader(handle);
  }

  /** All that end from now on. */
  read(): AsyncIterableIterator<TaskHandle> {
    const kept = new Set<TaskHandle>();
    let lost = 0;
    const reader = (handle: TaskHandle): void => {
      if (kept.size < KEPT) kept.add(handle);
      else lost++;
      wake();
    };
    const [iterator, wake] = pulled<TaskHandle>({
      take: () => {
        for (const handle of kept) {
          kept.delete(handle);
          return handle;
        }
        if (lost === 0) return undefined;
        const message = `${lost} more tasks have ended, unread: settled() keeps ${KEPT}. Read it as they end.`;
        lost = 0;
        throw new TaskError("limit", message);
      },
      isOver: () => this.#closed,
      stop: () => {
        kept.clear();
        this.#readers.delete(reader);
        this.#wakes.delete(wake);
      },
    });
    if (!this.#closed) {
      this.#readers.add(reader);
      this.#wakes.add(wake);
    }
    return iterator;
  }

  close(): void {
    this.#closed = true;
    this.#readers.clear();
    for (const wake of this.#wakes) wake();
    this.#wakes.clear();
  }
}
