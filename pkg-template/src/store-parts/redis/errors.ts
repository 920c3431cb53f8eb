import { TaskError } from "../../errors.ts";

/** What to do about a server that is full; it begins with a space. */
export const ROOM = " Raise `maxmemory`, or shorten the tasks' time to live.";

export function failure(what: string, cause: unknown, taskId?: string): TaskError {
  if (cause instanceof TaskError) return cause;
  return new TaskError("storage", `The Redis store could not ${what}: ${message(cause)}.${advice(cause)}`, {
    cause,
    taskId,
  });
}

function advice(error: unknown): string {
  const text = message(error);
  if (isFull(error)) return ROOM;
  if (/\bREADONLY\b/.test(text)) return " The client is connected to a replica: connect it to the primary.";
  if (/\bNOPERM\b|can't (run|access|publish)/.test(text))
    return " The Redis user needs EVAL, EVALSHA and what the scripts call, on the keys and the channel of the prefix.";
  return "";
}

export function isFull(error: unknown): boolean {
  return /\bOOM\b/.test(message(error));
}

export function message(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
}
