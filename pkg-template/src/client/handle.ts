import { isObject, own } from "../json.ts";
import { TaskError, type TaskErrorCode } from "../errors.ts";
import { checkNames } from "../options-check.ts";
import type { TaskHandle, TaskReference, TaskSnapshot, TaskStatus, ToolResult } from "../types.ts";
import { type FollowedTask, hasEnded, type Outcome, type RpcError } from "./followed-task.ts";
import { pulled } from "./pulled.ts";
import { concerning } from "./task-of.ts";

/** What a handle can do about its task. */
export interface Controls {
  cancel(awaitTerminal: boolean): Promise<TaskStatus | undefined>;
  detach(): void;
}

export class Handle implements TaskHandle {
  readonly taskId: string | undefined;
  readonly reference: TaskReference | undefined;
  readonly #task: FollowedTask | undefined;
  readonly #controls: Controls | undefined;
  readonly #snapshot: TaskSnapshot | undefined;
  /** The SDK's own answer, which is parsed and checked. */
  readonly #answer: Promise<unknown> | undefined;

  constructor(parts: {
    task?: FollowedTask | undefined;
    reference?: TaskReference | undefined;
    controls?: Controls | undefined;
    answer?: Promise<unknown> | undefined;
    snapshot?: TaskSnapshot;
  }) {
    this.taskId = parts.task?.id;
    this.reference = parts.reference;
    this.#task = parts.task;
    this.#controls = parts.controls;
    this.#answer = parts.answer;
    this.#snapshot = parts.snapshot;
    this.#answer?.catch(() => {});
  }

  get snapshot(): TaskSnapshot {
    return this.#task?.snapshot ?? (this.#snapshot as TaskSnapshot);
  }

  updates(): AsyncIterableIterator<TaskSnapshot> {
    return observe(this.#task);
  }

  async result(): Promise<ToolResult> {
    const outcome = await this.#task?.ended;
    if (outcome?.error !== undefined) throw concerning(await this.#error(outcome, outcome.error), this.#self);
    try {
      return (await (this.#answer ?? outcome?.result)) as ToolResult;
    } catch (thrown) {
      // The SDK has refused the result; or the caller's time was over just then.
      throw concerning(fromRejection(thrown, isTimeout(thrown) ? "unreachable" : "protocol", this.taskId), this.#self);
    }
  }

  async cancel(options: { readonly awaitTerminal?: boolean | undefined } = {}): Promise<TaskStatus | undefined> {
    checkNames("cancel()", options, { awaitTerminal: true });
    const outcome = this.#task?.outcome;
    if (this.#task === undefined || (outcome !== undefined && hasEnded(outcome))) return this.snapshot.status;
    if (outcome !== undefined) throw concerning(notCancelled(outcome.code, this.taskId), this.#self);
    try {
      return await this.#controls?.cancel(options.awaitTerminal === true);
    } catch (thrown) {
      throw concerning(thrown, this.#self);
    }
  }

  detach(): void {
    if (this.#task?.outcome === undefined) this.#controls?.detach();
  }

  /** Where there is a task. */
  get #self(): TaskHandle | undefined {
    return this.#task === undefined ? undefined : this;
  }

  async #error(outcome: Outcome, error: RpcError): Promise<TaskError> {
    if (outcome.cause !== undefined)
      return taskError(outcome.code ?? "failed", error, { cause: outcome.cause, taskId: this.taskId });
    const cause: unknown = await Promise.race([this.#answer, Promise.resolve(error)]).catch(
      (thrown: unknown) => thrown,
    );
    return taskError(outcome.code ?? "failed", error, {
      cause: cause instanceof Error ? cause : error,
      taskId: this.taskId,
    });
  }
}

/** A JSON-RPC error as one of this package. */
function taskError(
  code: TaskErrorCode,
  error: RpcError,
  options: { cause?: unknown; taskId?: string | undefined } = {},
): TaskError {
  return new TaskError(code, error.message, {
    cause: options.cause ?? error,
    taskId: options.taskId,
    data: error.data,
  });
}

/** Why a task was not cancelled. */
export function notCancelled(code: TaskErrorCode = "internal", taskId?: string): TaskError {
  return new TaskError(code, `The task was not cancelled: ${CANCEL_ERRORS[code] ?? code}`, { taskId });
}

const CANCEL_ERRORS: Readonly<Partial<Record<TaskErrorCode, string>>> = {
  unsupported: "the server does not offer to cancel tasks",
  protocol: "the server refused",
  unreachable: "the server did not answer",
  connection: "the connection is closed",
  detached: "it is not followed any more; resume it first",
  not_found: "it has ended",
};

/** What an SDK rejected a call with, as one of this package. */
export function fromRejection(reason: unknown, code: TaskErrorCode | undefined, taskId?: string): TaskError {
  const message = reason instanceof Error ? reason.message : String(reason);
  const data = isObject(reason) || reason instanceof Error ? own({ ...reason }, "data") : undefined;
  return new TaskError(code ?? "failed", message, { cause: reason, taskId, data });
}

/** The SDKs' own errors of a call that took too long. */
export function isTimeout(reason: unknown): boolean {
  const code = reason instanceof Error ? (reason as { code?: unknown }).code : undefined;
  return code === -32001 || code === "REQUEST_TIMEOUT";
}

/**
 * Snapshots from now to the end, where something has changed: a poll that finds nothing new is no update. A slow
 * reader gets the latest and the last, not each of them.
 */
function observe(task: FollowedTask | undefined): AsyncIterableIterator<TaskSnapshot> {
  let fresh: TaskSnapshot | undefined = task?.snapshot;
  let shown = JSON.stringify(fresh);
  let over = task === undefined || task.outcome !== undefined;
  let stop: (() => void) | undefined;
  const [iterator, wake] = pulled<TaskSnapshot>({
    take() {
      const value = fresh;
      fresh = undefined;
      return value;
    },
    isOver: () => over,
    stop: () => stop?.(),
  });
  if (!over)
    stop = task?.observe((snapshot) => {
      if (snapshot === undefined) over = true;
      else if (shown !== (shown = JSON.stringify(snapshot))) fresh = snapshot;
      wake();
    });
  return iterator;
}
