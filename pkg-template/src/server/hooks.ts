// Where the host's own functions are called: none of them may end the process, or leave a request without its answer.
// What the store and `payloads` throw is a failure of storage (`store-jobs.ts`, `sealed.ts`).
import { TaskError, isTaskError } from "../errors.ts";
import type { TaskServerOptions } from "../types.ts";
import { isPromise } from "./facts.ts";

/** The functions among a server's options. */
export class Hooks {
  readonly #options: TaskServerOptions;

  constructor(options: TaskServerOptions) {
    this.#options = options;
  }

  /** What a hook answers. Throws {@link TaskError} where it throws, or promises instead of answering. */
  demand<T>(name: string, hook: () => T): T {
    try {
      const value = hook();
      if (!isPromise(value)) return value;
      value.then(undefined, () => {});
    } catch (cause) {
      throw failure(name, cause);
    }
    throw new TaskError("invalid_argument", `TaskServer option \`${name}\` must answer at once, not with a promise.`);
  }

  /** As {@link Hooks.demand}; where there is no answer, that is reported, and it is `undefined`. */
  ask<T>(name: string, hook: () => T): T | undefined {
    try {
      return this.demand(name, hook);
    } catch (error) {
      this.report(error);
      return undefined;
    }
  }

  /** Tells a hook something. That it fails, at once or later, is reported. */
  tell(name: string, hook: () => unknown): void {
    try {
      const value = hook();
      if (isPromise(value)) value.then(undefined, (cause: unknown) => this.report(failure(name, cause)));
    } catch (cause) {
      this.report(failure(name, cause));
    }
  }

  /** Tells `onerror`. Nothing is left to tell where that fails. */
  report(error: unknown): void {
    try {
      const told = this.#options.onerror?.(known(error)) as unknown;
      if (isPromise(told)) told.then(undefined, () => {});
    } catch {
      // A broken listener must not break the server.
    }
  }
}

function failure(name: string, cause: unknown): TaskError {
  return new TaskError("invalid_argument", `TaskServer option \`${name}\` threw \`cause\`.`, { cause });
}

/** The error as one of this package's. Anything can be thrown, also what cannot be made a text. */
function known(error: unknown): TaskError {
  if (isTaskError(error)) return error;
  return new TaskError("internal", "A message could not be handled.", { cause: error });
}
