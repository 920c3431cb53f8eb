import { isObject, own } from "../json.ts";
import { TaskError, type TaskErrorCode } from "../errors.ts";
import { checkNames } from "../options-check.ts";
import type { TaskHandle, TaskReference, TaskSnapshot, TaskStatus, ToolResult } from "../types.ts";
import type { FollowedTask, Outcome, RpcError } from "./followed-task.ts";

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
    if (outcome?.error !== undefined) throw await this.#error(outcome, outcome.error);
    try {
      return (await (this.#answer ?? outcome?.result)) as ToolResult;
    } catch (thrown) {
      // The SDK has refused the result; or the caller's time was over just then.
      throw fromRejection(thrown, isTimeout(thrown) ? "unreachable" : "protocol", this.taskId);
    }
  }

  async cancel(options: { readonly awaitTerminal?: boolean | undefined } = {}): Promise<TaskStatus | undefined> {
    checkNames("cancel()", options, { awaitTerminal: true });
    if (this.#task === undefined || this.#task.outcome !== undefined) return this.snapshot.status;
    return this.#controls?.cancel(options.awaitTerminal === true);
  }

  detach(): void {
    if (this.#task?.outcome === undefined) this.#controls?.detach();
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
  let wake: (() => void) | undefined;
  const stop = over
    ? undefined
    : task?.observe((snapshot) => {
        if (snapshot === undefined) over = true;
        else if (shown !== (shown = JSON.stringify(snapshot))) fresh = snapshot;
        wake?.();
      });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next(): Promise<IteratorResult<TaskSnapshot>> {
      while (fresh === undefined && !over) await new Promise<void>((resolve) => (wake = resolve));
      const value = fresh;
      fresh = undefined;
      return value === undefined ? { value: undefined, done: true } : { value, done: false };
    },
    async return(): Promise<IteratorResult<TaskSnapshot>> {
      over = true;
      stop?.();
      wake?.();
      return { value: undefined, done: true };
    },
  };
}
