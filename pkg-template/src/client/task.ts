import { TaskError, type TaskErrorCode } from "../errors.ts";
import type { TaskHandle, TaskReference, TaskSnapshot, TaskStatus, ToolResult } from "../types.ts";
import { isObject, type Json, own } from "./message.ts";

/** How a followed task ended; twin of `Ending` in `src/requestor/types.rs`. */
const CODES: readonly (TaskErrorCode | "completed")[] = [
  "completed",
  "failed",
  "cancelled",
  "expired",
  "not_found",
  "unsupported",
  "unreachable",
  "protocol",
  "connection",
  "detached",
  "limit",
  "internal",
  "protocol",
];
/** Twin of `Status` in `src/wire/request.rs`. */
const STATUSES: readonly TaskStatus[] = ["working", "input_required", "completed", "failed", "cancelled"];

export const codeOf = (ending: number): TaskErrorCode | undefined =>
  CODES[ending] === "completed" ? undefined : (CODES[ending] as TaskErrorCode | undefined);
export const statusOf = (status: number): TaskStatus | undefined => STATUSES[status];

/** A JSON-RPC error object. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What a task ended with: a result, or an error and why. */
export interface Outcome {
  readonly result?: Json;
  readonly error?: RpcError;
  readonly code?: TaskErrorCode | undefined;
  /** What the server or the transport said, where the task ended for us because of it. */
  readonly cause?: unknown;
}

/** A followed task: what the core does not hold. */
export class FollowedTask {
  readonly id: string;
  readonly generation: number;
  readonly tool: string;
  /** The `_meta` of the call, for the requests about its task. */
  readonly envelope: unknown;
  snapshot: TaskSnapshot;
  /** The input requests of the snapshot that is being handled. */
  listed: Json = {};
  readonly answers: Map<string, unknown> = new Map();
  readonly prompts: Map<string, AbortController> = new Map();
  /** Keys that wait for a call which can carry them to the SDK. */
  readonly queue: string[] = [];
  readonly calls: Set<number> = new Set();
  /** JSON-RPC ids of requests under way. */
  readonly open: Map<number, string> = new Map();
  held: RpcError | undefined;
  /** With what the server refused the latest answer to an input request. */
  refusal: RpcError | undefined;
  /** The latest refusal or failure of a request about it, since a snapshot came. */
  trouble: unknown;
  outcome: Outcome | undefined;
  /** Settled with the outcome; never rejects. */
  readonly ended: Promise<Outcome>;
  #settle!: (outcome: Outcome) => void;
  readonly #observers = new Set<(snapshot: TaskSnapshot | undefined) => void>();
  /** Told how many want every snapshot. */
  readonly #onobservers: (observers: number) => void;

  constructor(
    about: { id: string; generation: number; tool: string; envelope: unknown },
    onobservers: (observers: number) => void,
  ) {
    this.id = about.id;
    this.generation = about.generation;
    this.tool = about.tool;
    this.envelope = about.envelope;
    this.snapshot = { taskId: about.id, status: "working", ttl: null };
    this.ended = new Promise((resolve) => (this.#settle = resolve));
    this.#onobservers = onobservers;
  }

  show(snapshot: TaskSnapshot): void {
    this.snapshot = snapshot;
    for (const observer of [...this.#observers]) observer(snapshot);
  }

  settle(outcome: Outcome): void {
    this.outcome = outcome;
    this.#settle(outcome);
    for (const observer of [...this.#observers]) observer(undefined);
    this.#observers.clear();
  }

  /** Calls `observer` with each snapshot, and with `undefined` at the end; returns a function that stops it. */
  observe(observer: (snapshot: TaskSnapshot | undefined) => void): () => void {
    this.#observers.add(observer);
    this.#onobservers(this.#observers.size);
    return () => {
      if (this.#observers.delete(observer) && this.outcome === undefined) this.#onobservers(this.#observers.size);
    };
  }
}

/** As much of a server's words as an error's message repeats. */
const WORDS = 500;

/** What the server said when it refused an answer: for the end of a sentence, and as the cause of an error. */
export function refusalOf(task: FollowedTask | undefined): { readonly text: string; readonly cause: object } {
  const refusal = task?.refusal;
  if (refusal === undefined) return { text: "", cause: {} };
  return { text: `: ${refusal.message.slice(0, WORDS)}`, cause: { cause: refusal } };
}

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

  async cancel(options?: { readonly awaitTerminal?: boolean | undefined }): Promise<TaskStatus | undefined> {
    if (this.#task === undefined || this.#task.outcome !== undefined) return this.snapshot.status;
    return this.#controls?.cancel(options?.awaitTerminal === true);
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
export function taskError(
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
 * Snapshots from now to the end, where something has changed: a poll that finds nothing new is no update. Who reads
 * slowly gets the latest and the last, not each of them.
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
