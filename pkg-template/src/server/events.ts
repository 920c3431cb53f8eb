// What the core tells of tasks, as listeners get it.
import { now } from "../clock.ts";
import type { Happening } from "../core/codes.ts";
import type { TaskEvent } from "../types.ts";
import type { Call } from "./pending-call.ts";
import { calledIn } from "../wire/message.ts";
import type { Hooks } from "./hooks.ts";

/** Enough to tell tasks apart in a log, too little to read one (X-SEC-09). */
function short(id: string): string {
  return `${id.slice(0, 6)}…`;
}

/** As the core tells it: with the whole id. */
interface CoreEvent extends TaskEvent {
  readonly type: Happening;
}

/** Tells the host what becomes of tasks. */
export class Events {
  readonly #hooks: Hooks;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  /** Something happened to a task: the core's event, as JSON. */
  happened(json: string): void {
    this.#hooks.event(() => {
      const event = JSON.parse(json) as CoreEvent;
      return { ...event, taskId: short(event.taskId) };
    });
  }

  /** A handler has ended after its task: what it ended with reaches no client (H04). */
  lateOutcome({ number, owner, taskId, message, method }: Call): void {
    if (taskId === undefined) return;
    const name = calledIn(message.params, method) ?? "";
    this.#hooks.event(() => ({
      type: "late_outcome",
      taskId: short(taskId),
      owner,
      at: now(),
      method: method.name,
      name,
      run: number,
    }));
  }
}
