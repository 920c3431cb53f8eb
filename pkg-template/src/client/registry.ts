import { Numbers, OWN_IDS } from "../numbers.ts";
import type { Message, SendOptions } from "../tap.ts";
import type { TaskStatus } from "../types.ts";
import type { Revision } from "../wire/revision.ts";
import type { TaskError } from "../errors.ts";
import type { Sleeper } from "./alarm.ts";
import type { FollowedTask } from "./followed-task.ts";
import type { Plan } from "./call-plan.ts";

/** A call on its way. Woken when the peer takes too long to answer. */
export interface Call extends Sleeper {
  readonly number: number;
  /** The SDK's id; undefined while its driver answers input, before it repeats the call. */
  id: unknown;
  readonly frame: Message;
  readonly method: string;
  /** What is called, as its `params` name it. */
  readonly tool: string;
  readonly options: SendOptions;
  /** What it speaks of tasks; undefined where that is nothing. */
  readonly revision: Revision | undefined;
  readonly version: string;
  readonly plan: Plan;
  /** The id on the wire, where it is not the SDK's. */
  wireId: unknown;
  /** The `_meta` with which it was sent, for the requests about its task. */
  envelope: unknown;
  reply: Message | undefined;
  /** Ends the exchange of a call in which its answer comes; where the transport has one for each request. */
  readonly exchange: AbortController | undefined;
  /** Whether its caller gave it up before it was answered. */
  abandoned: boolean;
  /** Whether the SDK tells its caller of progress. */
  readonly wantsProgress: boolean;
  /** The latest progress that its caller was told of. */
  progress: number;
  /** The promise of the send, as long as the SDK waits for it. */
  sent: Promise<void> | undefined;
  /** Whether the SDK has handed it over, and may be answered. */
  handed: boolean;
  task: number | undefined;
  /** The input requests that the SDK's driver is answering. */
  round: readonly string[];
  /** An answer that waits for the driver. */
  late: Partial<Message> | undefined;
}

/** A request of our own about a task, or for a page of tools. */
export interface OwnRequest {
  /** The core's number of it. */
  readonly request: number;
  readonly method: string;
  readonly task: FollowedTask | undefined;
}

/** An input request that the SDK's driver answers, and its answer. */
export interface Driven {
  readonly request: unknown;
  response?: unknown;
}

/** An answer that the SDK waits for and that tells something about the session. */
export type Introduction = "initialize" | "server/discover" | "tools/list" | "tools/list more";

/** Settles a cancellation: with the status in which the task ended, where it is known, or with why it did not. */
export type Waiter = (status: TaskStatus | undefined, error: TaskError | undefined) => void;

/** Whether an id is one of our own requests'. */
export function isOwnId(id: unknown): boolean {
  return typeof id === "number" && id >= OWN_IDS.first && id <= OWN_IDS.last;
}

/** What is open on one connection, as plain tables: nothing is decided here. */
export class Registry {
  readonly calls: Map<number, Call> = new Map();
  /** The same by the id that the SDK, or the wire, knows them by. */
  readonly callsById: Map<unknown, Call> = new Map();
  /** By the core's number. */
  readonly tasks: Map<number, FollowedTask> = new Map();
  readonly tasksById: Map<unknown, FollowedTask> = new Map();
  /** By JSON-RPC id. */
  readonly requests: Map<unknown, OwnRequest> = new Map();
  readonly awaited: Map<unknown, Introduction> = new Map();
  readonly waiters: Map<number, Waiter> = new Map();
  /** By the token in the call that is made for it. */
  readonly driven: Map<string, Driven> = new Map();
  readonly callNumbers: Numbers = new Numbers((number) => this.calls.has(number));
  readonly waiterNumbers: Numbers = new Numbers((number) => this.waiters.has(number));
  /** Ids of our own requests. A session may outlive a process, so they begin anywhere. */
  readonly ids: Numbers = new Numbers(
    (id) => this.isOpen(id),
    OWN_IDS,
    OWN_IDS.first + Math.floor(Math.random() * 2 ** 29),
  );

  /** Whether a request with this id waits for its answer. */
  isOpen(id: unknown): boolean {
    return this.requests.has(id) || this.callsById.has(id) || this.awaited.has(id);
  }

  /** The call that resumes this task and has not found it yet. */
  resuming(taskId: unknown): Call | undefined {
    return [...this.calls.values()].find((call) => call.task === undefined && call.plan.resume?.taskId === taskId);
  }

  addTask(number: number, task: FollowedTask): void {
    this.tasks.set(number, task);
    this.tasksById.set(task.id, task);
  }

  removeTask(number: number): void {
    const task = this.tasks.get(number);
    for (const id of task?.open.keys() ?? []) this.requests.delete(id);
    this.tasks.delete(number);
    if (task !== undefined && this.tasksById.get(task.id) === task) this.tasksById.delete(task.id);
  }

  removeCall(call: Call): void {
    this.calls.delete(call.number);
    for (const id of [call.id, call.wireId]) if (this.callsById.get(id) === call) this.callsById.delete(id);
    if (call.task !== undefined) this.tasks.get(call.task)?.calls.delete(call.number);
  }

  clear(): void {
    const { calls, callsById, tasks, tasksById, requests, awaited, driven } = this;
    for (const table of [calls, callsById, tasks, tasksById, requests, awaited, driven]) table.clear();
  }
}
