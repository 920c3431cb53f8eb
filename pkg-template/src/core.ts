import { TaskError } from "./errors.ts";

/** What both halves of the core have. */
export interface Core {
  /** The names on the wire, by number. */
  readonly names: readonly string[];
  /** The number of the generation that a protocol version speaks; 0 for none. */
  generation(version: string): number;
}

/** Holds one half of the core: the one wasm instance that is in use. */
export class CoreHolder<Half extends Core> {
  readonly #make: () => Half;
  readonly #reset: () => void;
  #core: Half | undefined;

  /** `make` loads an instance where there is none, `reset` forgets it. */
  constructor(make: () => Half, reset: () => void) {
    this.#make = make;
    this.#reset = reset;
  }

  /** The core; the first call loads it. Throws a {@link TaskError} with code `wasm` where the platform forbids it. */
  load(): Half {
    return (this.#core ??= this.#make());
  }

  /**
   * What to do with an error that came out of the core `from`. A trap leaves its instance unusable: it is thrown away, and
   * the next {@link CoreHolder.load} makes another.
   */
  poison(from: Half, cause: unknown): TaskError {
    if (this.#core === from) {
      this.#core = undefined;
      this.#reset();
    }
    return new TaskError("internal", "The core of mcp-tasks failed and is started anew from the store; please report this.", { cause });
  }
}
