import { TaskError } from "../../errors.ts";

/** What to do about an error, by the code of PostgreSQL or of the system. */
const ADVICE: Readonly<Record<string, string>> = {
  "42501": "Let this role create tables once, or name with `schema` a schema where it may.",
  "42P01": "The tables were there and are gone; a new store makes them again.",
  "26000": "A pooler gave the prepared statement's connection away: use `postgresStore(pool, { prepare: false })`.",
  "42P05": "A pooler gave the prepared statement's connection away: use `postgresStore(pool, { prepare: false })`.",
  "25006": "This server is a read-only replica; the pool must lead to the primary.",
  "53300": "The server has no connection left: lower `max` of the pools, or raise `max_connections`.",
  ECONNREFUSED: "Is the server running, and the address right?",
};

export function failure(what: string, cause: unknown, taskId?: string): TaskError {
  if (cause instanceof TaskError) return cause;
  const message = (cause instanceof Error && cause.message) || codeOf(cause) || String(cause);
  const advice = ADVICE[codeOf(cause)];
  return new TaskError("storage", `The PostgreSQL store could not ${what}: ${message}.${advice ? ` ${advice}` : ""}`, {
    cause,
    taskId,
  });
}

/** A serialization failure or a deadlock: the statement was undone, because of others that were not. */
export function wasRolledBack(error: unknown): boolean {
  return error instanceof TaskError && ["40001", "40P01"].includes(codeOf(error.cause));
}

function codeOf(error: unknown): string {
  return String((Object(error) as { readonly code?: unknown }).code ?? "");
}
