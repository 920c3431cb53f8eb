// The one place where the host's own functions are called: none of them may end the process, or leave a request without
// its answer. What the store and `payloads` throw is a failure of storage (`store-jobs.ts`, `sealed.ts`).
import { TaskError, isTaskError } from "../errors.ts";
import type { TaskStore } from "../store.ts";
import type { SettledTask, TaskEvent, TaskServerOptions } from "../types.ts";
import { isPromise } from "./facts.ts";

/** The functions among a server's options. */
export class Hooks {
  readonly #options: TaskServerOptions;

  constructor(options: TaskServerOptions) {
    this.#options = options;
  }

  /** Whether the host wants to hear what becomes of tasks. */
  get hearsEvents(): boolean {
    return this.#options.onevent !== undefined;
  }

  /** Whether the host can make a server for a task that has no connection. */
  get makesServers(): boolean {
    return this.#options.server !== undefined;
  }

  /**
   * The principal of a request: the host's word, or `otherwise` where it has no say. Throws {@link TaskError} where
   * that throws.
   */
  owner(authInfo: unknown, sessionId: string | undefined, otherwise: (authInfo: unknown) => unknown): unknown {
    const { owner } = this.#options;
    return demand("owner", (): unknown => (owner === undefined ? otherwise(authInfo) : owner(authInfo, { sessionId })));
  }

  /** The trace of a call that brings none; `""` where there is none. */
  activeTrace(): string {
    const { traceparent } = this.#options;
    const trace: unknown = traceparent && this.#ask("traceparent", () => traceparent());
    return typeof trace === "string" ? trace : "";
  }

  /** A server for a task that has no connection. Throws {@link TaskError} where the host's function throws. */
  makeServer(): unknown {
    return demand("server", (): unknown => this.#options.server?.());
  }

  /** Tells the host of a task; `tell` is asked only where it wants to hear. */
  event(tell: () => TaskEvent): void {
    const { onevent } = this.#options;
    if (onevent !== undefined) this.#tell("onevent", () => onevent(tell()));
  }

  /** Tells the host how a task ended; rejects where it was not told. */
  async settled(settled: SettledTask): Promise<void> {
    await this.#options.onsettled?.(settled);
  }

  /** Watches the store; what ends that, where the store can be watched. */
  watch(store: TaskStore, changed: (owner: unknown, id: unknown, version?: unknown) => void): () => void {
    const unwatch = this.#ask("store.watch", () => store.watch?.(changed));
    return () => {
      if (unwatch !== undefined) this.#tell("store.watch", unwatch);
    };
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

  /** What a function answers; where there is no answer, that is reported, and it is `undefined`. */
  #ask<T>(name: string, hook: () => T): T | undefined {
    try {
      return demand(name, hook);
    } catch (error) {
      this.report(error);
      return undefined;
    }
  }

  /** Calls a function whose answer does not matter. That it fails, at once or later, is reported. */
  #tell(name: string, hook: () => unknown): void {
    try {
      const value = hook();
      if (isPromise(value)) value.then(undefined, (cause: unknown) => this.report(failure(name, cause)));
    } catch (cause) {
      this.report(failure(name, cause));
    }
  }
}

/** What a function answers. Throws {@link TaskError} where it throws, or promises instead of answering. */
function demand<T>(name: string, hook: () => T): T {
  try {
    const value = hook();
    if (!isPromise(value)) return value;
    value.then(undefined, () => {});
  } catch (cause) {
    throw failure(name, cause);
  }
  throw new TaskError("invalid_argument", `TaskServer option \`${name}\` must answer at once, not with a promise.`);
}

function failure(name: string, cause: unknown): TaskError {
  return new TaskError("invalid_argument", `TaskServer option \`${name}\` threw \`cause\`.`, { cause });
}

/** The error as one of this package's. Anything can be thrown, also what cannot be made a text. */
function known(error: unknown): TaskError {
  if (isTaskError(error)) return error;
  return new TaskError("internal", "A message could not be handled.", { cause: error });
}
