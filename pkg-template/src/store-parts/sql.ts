// What the stores on SQL databases have in common: names, columns, rows.
import { NAME } from "../name.ts";
import { TaskError } from "../errors.ts";
import type { OwnerPosition, StoredTask } from "../store.ts";

/** The columns of a task without `owner`, which is in the question, and `payload`, which is read where it is wanted. */
export const HEAD = "id, version, created_at, due_at, state";

/** Comes before every task: no time is earlier. */
export const BEFORE_ALL: OwnerPosition = { owner: "", createdAt: -8.64e15, id: "" };

/** What a store on SQL asks its database. */
export interface Statements<Statement> {
  readonly getWhole: Statement;
  readonly getHead: Statement;
  readonly insert: Statement;
  /** Keeps the payload as it is. */
  readonly swap: Statement;
  readonly swapPayload: Statement;
  readonly remove: Statement;
  readonly listAll: Statement;
  readonly listAfter: Statement;
  readonly dueBefore: Statement;
  readonly dueAfter: Statement;
  readonly usage: Statement;
}

/** A number as drivers return it: `pg` hands out `bigint` as text, SQLite's drivers as `bigint` if told to. */
type Whole = string | number | bigint;

/** A row of {@link HEAD}, and what else was asked for. */
export interface TaskRow {
  readonly owner?: string;
  readonly id: string;
  readonly version: Whole;
  readonly created_at: Whole;
  readonly due_at: Whole | null;
  readonly state: string;
  readonly payload?: string | null;
}

/** `owner`: where the row does not have it. */
export function taskOf(row: TaskRow, owner: string = row.owner!): StoredTask {
  return {
    owner,
    id: row.id,
    version: Number(row.version),
    createdAt: Number(row.created_at),
    dueAt: row.due_at === null ? null : Number(row.due_at),
    state: row.state,
    payload: row.payload ?? null,
  };
}

/** What `LIMIT` takes: to SQLite a negative one is none, and an infinite one is an error to all. */
export function rowLimit(limit: number): number {
  return Math.max(0, Math.min(limit, Number.MAX_SAFE_INTEGER));
}

/** The name of the table of tasks. The prefix becomes part of the SQL, where nothing can be bound in its place. */
export function tableName(store: string, prefix = "mcp_"): string {
  if (!/^[A-Za-z_]\w{0,40}$/.test(prefix))
    throw new TaskError(
      "invalid_argument",
      `\`tablePrefix\` of ${store} must be 1 to 41 letters, digits and \`_\`, not a digit first.`,
    );
  return `${prefix}tasks`;
}

/** Throws {@link TaskError} `storage` where the tables were migrated further than this package knows. */
export function requireKnownSchema(table: string, version: number, known: number): void {
  if (version > known)
    throw new TaskError(
      "storage",
      `Table ${table} has schema version ${version}, made by a newer ${NAME}. Update this one.`,
    );
}
