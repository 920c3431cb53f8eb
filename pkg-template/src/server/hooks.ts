// Where the host's own functions are called: none of them may end the process, or leave a request without its answer.
import { TaskError, isTaskError } from "../errors.ts";
import type { TaskServerOptions } from "../types.ts";

/** The functions among a server's options. */
export class Hooks {
  readonly #options: TaskServerOptions;

  constructor(options: TaskServerOptions) {
    this.#options = options;
  }

  /** What a hook answers; `undefined` where it throws, or promises instead of answering. Either is reported. */
  ask<T>(name: string, hook: () => T): T | undefined {
    try {
      const value = hook();
      if (!isPromise(value)) return value;
      value.then(undefined, () => {});
      this.report(new TaskError("invalid_argument", `TaskServer option \`${name}\` must answer at once, not with a promise.`));
    } catch (cause) {
      this.#failed(name, cause);
    }
    return undefined;
  }

  /** Tells a hook something. That it fails, at once or later, is reported. */
  tell(name: string, hook: () => unknown): void {
    try {
      const value = hook();
      if (isPromise(value)) value.then(undefined, (cause: unknown) => this.#failed(name, cause));
    } catch (cause) {
      this.#failed(name, cause);
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

  #failed(name: string, cause: unknown): void {
    this.report(new TaskError("invalid_argument", `TaskServer option \`${name}\` threw \`cause\`.`, { cause }));
  }
}

/** The error as one of this package's. Anything can be thrown, also what cannot be made a text. */
function known(error: unknown): TaskError {
  if (isTaskError(error)) return error;
  return new TaskError("internal", "A message could not be handled.", { cause: error });
}

/** Whether it is a promise, or looks like one. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | undefined)?.then === "function";
}
