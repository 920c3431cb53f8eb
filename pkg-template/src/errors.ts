/** Every reason for which this package throws. */
export type TaskErrorCode =
  /** An option or argument is wrong; the message names it. */
  | "invalid_argument"
  /** The peer did not declare what the call needs. */
  | "unsupported"
  /** The peer sent something the protocol forbids. */
  | "protocol"
  /** The peer does not know the task: it never existed, has expired, or belongs to somebody else. */
  | "not_found"
  /** The task was cancelled. */
  | "cancelled"
  /** To a handler: this process closes, and the task goes on in another one. */
  | "handed_over"
  /** To a handler: this process may not go on with the task. */
  | "lost"
  /** The task ended with a JSON-RPC error; `cause` holds it. */
  | "failed"
  /** To a handler that runs again: its steps are not those of the run before. */
  | "changed"
  /** The task's time to live is over. */
  | "expired"
  /** The connection was lost or closed before an answer. */
  | "connection"
  /** Polling failed too often, or for too long. */
  | "unreachable"
  /** The caller detached from the task. */
  | "detached"
  /** A reference is of another endpoint or principal; the message says which. */
  | "mismatch"
  /** A limit of the store or of the server was reached. */
  | "limit"
  /** The store failed; `cause` holds its error. */
  | "storage"
  /** WebAssembly cannot be loaded here; the message says what to allow. */
  | "wasm"
  /** A fault of this package. The core is rebuilt from the store. */
  | "internal";

/** What every error of this package is. `code` is closed, `cause` is kept, `message` says what to do. */
export class TaskError extends Error {
  /** `"TaskError"`, or the name of a class that extends it. */
  override readonly name: string = "TaskError";
  /** Why it was thrown. */
  readonly code: TaskErrorCode;
  /** The task the error is about, where there is one. No log that prints an error's members has it (X-SEC-09). */
  declare readonly taskId: string | undefined;
  /** The `data` of the peer's JSON-RPC error, where there is one; like `taskId` in no log. */
  declare readonly data: unknown;
  /** For stores and other extensions; this package throws its own. */
  constructor(
    code: TaskErrorCode,
    message: string,
    options: { cause?: unknown; readonly taskId?: string | undefined; readonly data?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    // An id can be the key to its task, and what peers and drivers say can hold owners and results: loggers print what
    // is enumerable.
    Object.defineProperties(this, {
      taskId: { value: options.taskId },
      data: { value: options.data },
      [INSPECT]: { value: shown },
    });
  }
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** What `console.log` of Node, Deno and Bun prints: of `cause`, the stack alone. */
function shown(this: TaskError): string {
  const { cause, code, stack } = this;
  return `${stack}\n  code: ${code}${cause instanceof Error ? `\n  cause: ${cause.stack}` : ""}`;
}

/** Thrown by a store whose limit forbids a write. Nothing was written. */
export class TaskStoreFullError extends TaskError {
  /** Always the same. */
  override readonly name = "TaskStoreFullError";
  /** Which kind of limit: the number of tasks, or their bytes. */
  readonly reason: "task_limit" | "payload_limit";
  /** For stores: `message` says which limit is reached, and how to raise it. */
  constructor(reason: "task_limit" | "payload_limit", message: string) {
    super("limit", message);
    this.reason = reason;
  }
}

/** Whether `error` comes from this package, in whichever copy of it. */
export function isTaskError(error: unknown): error is TaskError {
  try {
    return (
      error instanceof Error && (error.name === "TaskError" || error.name === "TaskStoreFullError") && "code" in error
    );
  } catch {
    // It does not even let itself be looked at.
    return false;
  }
}
