import type { TaskStatus } from "../types.ts";

// The shapes of the store that the drafted tasks extension of SDK v2 asks for (typescript-sdk, pull request 2782).

/** A task of 2026-07-28. */
export interface ExtensionTask {
  /** Its id. */
  taskId: string;
  /** Its status. */
  status: TaskStatus;
  /** What its server says of it. */
  statusMessage?: string;
  /** When it was made, as ISO 8601. */
  createdAt: string;
  /** When it changed last, as ISO 8601. */
  lastUpdatedAt: string;
  /** Its time to live in ms from creation; `null` for no end. */
  ttlMs: number | null;
  /** The interval in ms that it suggests. */
  pollIntervalMs?: number;
}

/** Input requests or answers, by key. */
// biome-ignore lint/suspicious/noExplicitAny: each SDK has unions of its own for them.
export type ExtensionInputs = { [key: string]: any };

/** A task with what its status brings. */
export type ExtensionDetailedTask =
  | (ExtensionTask & { status: "working" | "cancelled" })
  | (ExtensionTask & { status: "input_required"; inputRequests: ExtensionInputs })
  | (ExtensionTask & { status: "completed"; result: { [member: string]: unknown } })
  | (ExtensionTask & { status: "failed"; error: { [member: string]: unknown } });

/** What makes a task. */
export interface ExtensionCreateParams {
  /** Time to live in ms from creation, at least 1,000; `null` for no end. */
  ttlMs: number | null;
  /** The interval in ms to suggest. */
  pollIntervalMs?: number | undefined;
  /** Whose task it is, where that is known. Nobody else finds it. */
  principal?: string | undefined;
  /** JSON that is kept with the task, for what runs it. */
  context?: Record<string, unknown> | undefined;
}

/** Who asks. */
export interface ExtensionAccess {
  /** As whom the request was authenticated. */
  principal?: string | undefined;
}

/** The writing side of a task, for the code that does its work, in whichever process. */
export interface ExtensionTaskHandle {
  /** The task's id. */
  readonly taskId: string;
  /**
   * Aborted when the task is cancelled, in whichever process, or its time is over; `reason` is a {@link TaskError}. The
   * store is watched from the first time that this is read until the task has ended.
   */
  readonly signal: AbortSignal;
  /** Sets the status message. Ignored once the task has ended. */
  status(message: string): Promise<void>;
  /**
   * Asks the client and resolves with the answers when each key has one. A key stands for one question in the whole
   * life of a task: what was answered already, maybe to a process that is gone, is answered at once.
   *
   * Rejects with {@link TaskError}: `invalid_argument` for what is no JSON, and a key that stood for another question;
   * `cancelled`, `not_found`, or `detached` (it has another end) where the task ends.
   */
  requireInput(requests: ExtensionInputs): Promise<ExtensionInputs>;
  /** Ends the task with a result. Ignored once it has ended. */
  complete(result: { [member: string]: unknown }): Promise<void>;
  /** Ends the task with a JSON-RPC error. Ignored once it has ended. */
  fail(error: { code: number; message: string; data?: unknown }): Promise<void>;
}

/** A store as the drafted extension asks for it, and the writing side of its tasks. */
export interface ExtensionTaskStore {
  /** Makes a task; it is stored when this resolves. */
  create(params: ExtensionCreateParams): Promise<ExtensionTask>;
  /** The task; `undefined` for one that is not there, has expired, or is another principal's. */
  get(taskId: string, access?: ExtensionAccess): Promise<ExtensionDetailedTask | undefined>;
  /** Takes answers to what is asked; whether there is such a task. Other keys, and second answers, are ignored. */
  update(taskId: string, inputResponses: ExtensionInputs, access?: ExtensionAccess): Promise<boolean>;
  /** Cancels the task, unless it has ended; whether there is such a task. */
  cancel(taskId: string, access?: ExtensionAccess): Promise<boolean>;
  /** What `create` was given as `context`; `undefined` where there is none, or no such task. */
  context(taskId: string): Promise<Record<string, unknown> | undefined>;
  /** The writing side of a task. It may be another process that has made it. */
  handle(taskId: string): ExtensionTaskHandle;
  /** Deletes what is over and due, of all adapters in the store, as it happens by itself while the store is in use. */
  sweep(): Promise<void>;
}
