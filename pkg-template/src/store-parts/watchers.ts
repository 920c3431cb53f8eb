import type { TaskListener } from "../store.ts";

/** The listeners of a store. */
export class Watchers {
  readonly #listeners = new Set<{ readonly call: TaskListener }>();

  get count(): number {
    return this.#listeners.size;
  }

  /** Returns what takes the listener out again. The same function may be added twice. */
  add(listener: TaskListener): () => void {
    const registration = { call: listener };
    this.#listeners.add(registration);
    return () => void this.#listeners.delete(registration);
  }

  /** `version`: the one that the change made, 0 for a delete. */
  tell(owner: string, id: string, version: number): void {
    for (const listener of this.#listeners) {
      try {
        listener.call(owner, id, version);
      } catch {
        // The write stands, and the writer has no part in what another server does about it.
      }
    }
  }
}
