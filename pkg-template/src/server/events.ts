// What the core tells of tasks, as listeners get it.
import { HAPPENINGS, Phase } from "../core/codes.ts";
import { now } from "../clock.ts";
import type { TaskEvent } from "../types.ts";
import type { Call } from "./call.ts";
import { calledIn } from "../wire/methods.ts";
import type { Hooks } from "./hooks.ts";

const TYPES: readonly TaskEvent["type"][] = HAPPENINGS;
const LATE = TYPES.indexOf("late_outcome");

/** What a task in a phase is called; a tool's own error completes its task (G26-ERR-02). */
const STATUSES: Readonly<Record<Phase, NonNullable<TaskEvent["status"]>>> = {
  [Phase.Working]: "working",
  [Phase.InputRequired]: "input_required",
  [Phase.Completed]: "completed",
  [Phase.ToolFailed]: "completed",
  [Phase.Failed]: "failed",
  [Phase.Cancelled]: "cancelled",
};

/** Enough to tell tasks apart in a log, too little to read one (X-SEC-09). */
function short(id: string): string {
  return `${id.slice(0, 6)}…`;
}

/** `NaN`, 0 and the empty text stand for what is not known; such members are left out. */
function eventOf(
  happening: number,
  owner: string,
  id: string,
  tool: string,
  phase: Phase | undefined,
  at: number,
  createdAt: number,
  waitedSince: number,
  run: number,
  epoch: number,
  trace: string,
): TaskEvent {
  return {
    type: TYPES[happening] ?? "status",
    taskId: short(id),
    owner,
    at,
    ...(tool !== "" && { name: tool }),
    ...(phase !== undefined && { status: STATUSES[phase] }),
    ...(phase === Phase.ToolFailed && { isError: true }),
    ...(!Number.isNaN(createdAt) && { createdAt }),
    ...(!Number.isNaN(waitedSince) && { waitedSince }),
    ...(run !== 0 && { run }),
    ...(epoch !== 0 && { epoch }),
    ...(trace !== "" && { traceparent: trace }),
  };
}

/** Tells the host what becomes of tasks. */
export class Events {
  readonly #hooks: Hooks;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  /** Something happened to a task, as the core says it. */
  happened(...told: Parameters<typeof eventOf>): void {
    this.#hooks.event(() => eventOf(...told));
  }

  /** A handler has ended after its task: what it ended with reaches no client (H04). */
  lateOutcome({ number, owner, taskId, message, method }: Call): void {
    if (taskId === undefined) return;
    const tool = calledIn(message.params, method) ?? "";
    this.happened(LATE, owner, taskId, tool, undefined, now(), Number.NaN, Number.NaN, number, 0, "");
  }
}
