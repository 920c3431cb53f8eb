/** Who watches a store. */
export class Watchers {
  readonly #listeners = new Set<{ readonly call: (owner: string, id: string) => void }>();

  get count(): number {
    return this.#listeners.size;
  }

  /** Returns what takes the listener out again. The same function may be added twice. */
  add(listener: (owner: string, id: string) => void): () => void {
    const registration = { call: listener };
    this.#listeners.add(registration);
    return () => void this.#listeners.delete(registration);
  }

  tell(owner: string, id: string): void {
    for (const listener of this.#listeners) {
      try {
        listener.call(owner, id);
      } catch {
        // The write stands, and who wrote has no part in what another server does about it.
      }
    }
  }
}
