// What the core tells of tasks, as listeners get it.
import { now } from "../clock.ts";
import type { TaskEvent } from "../types.ts";
import type { Call } from "./call.ts";
import { own } from "../wire/message.ts";
import type { Hooks } from "./hooks.ts";

/** Twin of `Happening` in `src/receiver/event.rs`. */
const TYPES = [
  "created",
  "started",
  "stopped",
  "status",
  "input_required",
  "input_answered",
  "input_withdrawn",
  "cancel_requested",
  "extended",
  "completed",
  "failed",
  "cancelled",
  "expired",
  "lost",
  "restarted",
  "retrieved",
  "late_outcome",
] as const satisfies TaskEvent["type"][];
const LATE: number = TYPES.indexOf("late_outcome");

const STATUSES = ["working", "input_required", "completed", "completed", "failed", "cancelled"] as const;
const TOOL_FAILED = 3;

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
  phase: number,
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
    ...(STATUSES[phase] && { status: STATUSES[phase] }),
    ...(phase === TOOL_FAILED && { isError: true }),
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
  lateOutcome({ number, owner, taskId, message }: Call): void {
    if (taskId === undefined) return;
    const tool = String(own(message.params, "name"));
    this.happened(LATE, owner, taskId, tool, 255, now(), Number.NaN, Number.NaN, number, 0, "");
  }
}
