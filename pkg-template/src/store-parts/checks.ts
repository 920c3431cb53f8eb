import { TaskError } from "../errors.ts";

/** Whether a text can be the id of a task. No store has a task under any other. */
export function isTaskId(id: string): boolean {
  return /^[\w-]{1,128}$/.test(id);
}

/** Throws {@link TaskError} `invalid_argument` where no task may be stored under this id. */
export function requireTaskId(id: string): void {
  if (!isTaskId(id))
    throw new TaskError("invalid_argument", "A task id must be 1 to 128 characters of `A-Z a-z 0-9 _ -`.");
}

/**
 * Throws {@link TaskError} `invalid_argument` for an owner that UTF-8 cannot carry. A database would keep U+FFFD in
 * place of half a surrogate pair, and two owners could become one.
 */
export function requireOwner(owner: string): void {
  if (/\p{Surrogate}/u.test(owner))
    throw new TaskError("invalid_argument", "A task's owner must not contain a lone surrogate.");
}
