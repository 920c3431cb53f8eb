// Somebody is told how tasks end: that it is to be done is in a task's record; here it is done, and the core hears how.
import { isTaskError, TaskError } from "../errors.ts";
import type { SettledTask } from "../types.ts";
import * as core from "../wasm/generated/server.js";
import type { Hooks } from "./hooks.ts";
import type { Port } from "./port.ts";

export class Posts {
  readonly #port: Port;
  readonly #hooks: Hooks;
  /** Those that are being told, each with a mark: a core that is started anew numbers its own from the beginning. */
  readonly #open = new Map<number, object>();

  constructor(port: Port, hooks: Hooks) {
    this.#port = port;
    this.#hooks = hooks;
  }

  /** A task has ended: the core's event of that, as JSON. */
  post(number: number, attempt: number, json: string): void {
    const end = JSON.parse(json) as Omit<SettledTask, "attempt">;
    const mark = {};
    this.#open.set(number, mark);
    const over = (done: boolean): void => {
      if (this.#open.get(number) !== mark) return;
      this.#open.delete(number);
      this.#port.enterReporting(core.posted, number, done);
    };
    this.#hooks.settled({ ...end, attempt }).then(
      () => over(true),
      (cause: unknown) => {
        const text = `\`onsettled\` of TaskServer failed (attempt ${attempt}); it is called again later.`;
        this.#port.report(isTaskError(cause) ? cause : new TaskError("failed", text, { cause, taskId: end.taskId }));
        over(false);
      },
    );
  }

  /** The core that gave them is no more: they are told again by whoever finds them. */
  clear(): void {
    this.#open.clear();
  }
}
