import type { TaskHandle } from "../types.ts";

/** Beside the errors, so that no log prints a handle, and no error of an SDK is changed. */
const TASKS = new WeakMap<object, TaskHandle | undefined>();

/** Notes which task an error is about; one that is thrown for several tasks is about none of them. */
export function concerning<Thrown>(error: Thrown, task: TaskHandle | undefined): Thrown {
  if (task === undefined || !(error instanceof Error)) return error;
  TASKS.set(error, TASKS.has(error) && TASKS.get(error) !== task ? undefined : task);
  return error;
}

/**
 * The handle of the task that an error is about: to resume it, to cancel it, or to read it. Also of an error with which
 * an SDK rejects a call of an attached client. `undefined` where there is no task, or where an SDK has rejected several
 * calls with one and the same error.
 */
export function taskOf(error: unknown): TaskHandle | undefined {
  return TASKS.get(error as object);
}
