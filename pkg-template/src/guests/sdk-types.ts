import type { TaskStatus } from "../types.ts";

// The shapes of SDK v1's experimental tasks, as far as they are used: the package has no types of the SDK in its own.

/** A task as SDK v1 has it. */
export interface SdkTask {
  /** Its id. */
  taskId: string;
  /** Its status. */
  status: TaskStatus;
  /** Its time to live in ms, from creation and again from its end; `null` for no end. */
  ttl: number | null;
  /** When it was made, as ISO 8601. */
  createdAt: string;
  /** When it changed last, as ISO 8601. */
  lastUpdatedAt: string;
  /** The interval in ms that it suggests. */
  pollInterval?: number;
  /** What its server says of it. */
  statusMessage?: string;
}

/** A result of any request. */
// biome-ignore lint/suspicious/noExplicitAny: each SDK has members of its own in it, which these need not name.
export type SdkResult = { [member: string]: any };

/** A message that waits for `tasks/result`. */
export type SdkQueuedMessage = {
  /** Which kind of JSON-RPC message it is. */
  // biome-ignore lint/suspicious/noExplicitAny: the SDK has a union of shapes by this member.
  type: any;
  /** When it was queued, in ms since the epoch. */
  timestamp: number;
  /** The JSON-RPC message. */
  // biome-ignore lint/suspicious/noExplicitAny: the same.
  message: any;
};

/** `TaskStore` of SDK v1's experimental tasks, which says more of each method. */
export interface SdkTaskStore {
  /** Makes a task. */
  createTask(
    taskParams: { ttl?: number | null | undefined; pollInterval?: number | undefined },
    requestId: string | number,
    request: { method: string; params?: unknown },
    sessionId?: string,
  ): Promise<SdkTask>;
  /** The task, or `null`. */
  getTask(taskId: string, sessionId?: string): Promise<SdkTask | null>;
  /** Ends a task with a result. */
  storeTaskResult(taskId: string, status: "completed" | "failed", result: SdkResult, sessionId?: string): Promise<void>;
  /** The result of a task. */
  getTaskResult(taskId: string, sessionId?: string): Promise<SdkResult>;
  /** Changes a task's status. */
  updateTaskStatus(taskId: string, status: TaskStatus, statusMessage?: string, sessionId?: string): Promise<void>;
  /** A page of tasks. */
  listTasks(cursor?: string, sessionId?: string): Promise<{ tasks: SdkTask[]; nextCursor?: string }>;
  /**
   * Deletes what is over and due, of all adapters in the store. It happens by itself, at most every 30 s, while the
   * store is in use; a host that is idle for long may call it.
   */
  sweep(): Promise<void>;
}

/** `TaskMessageQueue` of SDK v1's experimental tasks, which says more of each method. */
export interface SdkTaskMessageQueue {
  /** Adds a message at the end, unless there are `maxSize` already. */
  enqueue(taskId: string, message: SdkQueuedMessage, sessionId?: string, maxSize?: number): Promise<void>;
  /** Takes the first message. */
  dequeue(taskId: string, sessionId?: string): Promise<SdkQueuedMessage | undefined>;
  /** Takes all messages. */
  dequeueAll(taskId: string, sessionId?: string): Promise<SdkQueuedMessage[]>;
  /** As {@link SdkTaskStore.sweep}. */
  sweep(): Promise<void>;
}
