import { NAME } from "../name.ts";
import { TaskError, isTaskError } from "../errors.ts";

/** One wasm instance of a half of the core, to be told from others. */
export type Instance = symbol;

/** What both generated modules have. */
interface Generated {
  initSync(options: { module: WebAssembly.Module }): unknown;
  __wbg_reset_state(): void;
}

/** Makes instances of a half: the first of its module, each further one in the place of one that has trapped. */
export function instantiation(half: Generated, module: () => WebAssembly.Module): () => Instance {
  let made = false;
  return () => {
    if (made) half.__wbg_reset_state();
    else half.initSync({ module: module() });
    made = true;
    return Symbol();
  };
}

/** Holds the instance of a half that is in use, and numbers what is made in it. */
export class Core {
  readonly #make: () => Instance;
  readonly #unused: FinalizationRegistry<number> | undefined;
  #instance: Instance | undefined;
  #last = 0;

  /** `make` makes an instance, in the place of the one there was; `free` lets go of what has this number. */
  constructor(make: () => Instance, free: (number: number) => void) {
    this.#make = make;
    if (free !== undefined && typeof FinalizationRegistry !== "undefined")
      this.#unused = new FinalizationRegistry(free);
  }

  /** The instance; the first call loads it. Throws a {@link TaskError} with code `wasm` where it cannot. */
  load(): Instance {
    try {
      return (this.#instance ??= this.#make());
    } catch (cause) {
      if (isTaskError(cause)) throw cause;
      throw new TaskError(
        "wasm",
        `The WebAssembly of ${NAME} does not start. ` +
          "If provideWasm() was called: with the modules of this very version?",
        { cause },
      );
    }
  }

  /**
   * A number for what `user` makes in the instance; it is let go of when nobody holds `user` any longer. No number is
   * given twice, so that what an earlier instance had is not found in a later one.
   */
  number(user: object): number {
    this.#last++;
    this.#unused?.register(user, this.#last);
    return this.#last;
  }

  /** Whether `instance` is in use. What was made in an earlier one is gone, and no other is to be entered for it. */
  isCurrent(instance: Instance): boolean {
    return instance === this.#instance;
  }

  /**
   * What to do with an error that came out of the instance `from`. A trap leaves it unusable: it is thrown away, and
   * there is another from then on.
   */
  poison(from: Instance, cause: unknown): TaskError {
    if (this.#instance === from) this.#instance = this.#make();
    return new TaskError(
      "internal",
      `The core of ${NAME} failed and is started anew from the store; please report this.`,
      { cause },
    );
  }
}
