// The tasks in a SQLite database, a file's or a Durable Object's: what `stores/sqlite.ts` and
// `stores/durable-object.ts` have in common.
import { TaskError } from "../../errors.ts";
import type {
  DuePosition,
  OwnerPosition,
  StoredTask,
  TaskListener,
  TaskPosition,
  TaskStore,
  TaskUsage,
  TaskWrite,
} from "../../store.ts";
import { requireOwner, requireTaskId } from "../checks.ts";
import { BEFORE_ALL, rowLimit, taskOf, type TaskRow } from "../sql.ts";
import { Watchers } from "../watchers.ts";
import type { SqliteEngine, SqliteStatement } from "./engine.ts";
import { migrate } from "./schema.ts";
import { allStatement, statements, usageStatement } from "./statements.ts";

export class SqliteTasks implements TaskStore {
  protected readonly table: string;
  readonly #engine: SqliteEngine;
  readonly #prepared: SqliteStatement[] = [];
  readonly #statements: ReturnType<typeof statements>;
  #usage: SqliteStatement | undefined;
  #all: SqliteStatement | undefined;
  protected readonly watchers: Watchers = new Watchers();

  /** `configure` runs before the tables are looked for. */
  constructor(engine: SqliteEngine, table: string, configure?: () => void) {
    this.#engine = engine;
    this.table = table;
    try {
      configure?.();
      const prepare = (sql: string): SqliteStatement => this.prepare(sql);
      migrate(engine, prepare, table);
      this.#statements = statements(prepare, table);
    } catch (error) {
      throw this.failure("open", error);
    }
  }

  all(options: { readonly after?: OwnerPosition | undefined; readonly limit: number }): StoredTask[] {
    const { owner, createdAt, id } = options.after ?? BEFORE_ALL;
    try {
      this.#all ??= allStatement((sql) => this.prepare(sql), this.table);
      return (this.#all.all(owner, createdAt, id, rowLimit(options.limit)) as TaskRow[]).map((row) => taskOf(row));
    } catch (error) {
      throw this.failure("list", error);
    }
  }

  get(owner: string, id: string, options?: { readonly payload?: boolean }): StoredTask | undefined {
    requireOwner(owner);
    try {
      const { getHead, getWhole } = this.#statements;
      const row = (options?.payload === false ? getHead : getWhole).get(owner, id);
      return row ? taskOf(row as TaskRow, owner) : undefined; // a miss is `undefined` or `null`, by driver
    } catch (error) {
      throw this.failure("read", error);
    }
  }

  put(write: TaskWrite): boolean {
    const { owner, id, version, createdAt, dueAt, state, payload } = write;
    requireOwner(owner);
    requireTaskId(id);
    const { insert, swap, swapPayload } = this.#statements;
    let result: unknown;
    try {
      if (version === 1) result = insert.run(owner, id, 1, createdAt, dueAt, state, payload ?? null);
      else if (payload === undefined) result = swap.run(version, dueAt, state, owner, id, version - 1);
      else result = swapPayload.run(version, dueAt, state, payload, owner, id, version - 1);
    } catch (error) {
      throw this.failure("write", error, id);
    }
    return this.tell(result, owner, id, version);
  }

  delete(owner: string, id: string, version: number): boolean {
    requireOwner(owner);
    const { remove, getHead } = this.#statements;
    try {
      return this.tell(remove.run(owner, id, version), owner, id, 0) || !getHead.get(owner, id);
    } catch (error) {
      throw this.failure("delete", error);
    }
  }

  list(owner: string, options: { readonly after?: TaskPosition | undefined; readonly limit: number }): StoredTask[] {
    requireOwner(owner);
    const { after } = options;
    const limit = rowLimit(options.limit);
    try {
      const found = after
        ? this.#statements.listAfter.all(owner, after.createdAt, after.id, limit)
        : this.#statements.listAll.all(owner, limit);
      return (found as TaskRow[]).map((row) => taskOf(row, owner));
    } catch (error) {
      throw this.failure("list", error);
    }
  }

  due(before: number, limit: number, after?: DuePosition): StoredTask[] {
    try {
      const found = after
        ? this.#statements.dueAfter.all(before, after.dueAt, after.owner, after.id, rowLimit(limit))
        : this.#statements.dueBefore.all(before, rowLimit(limit));
      return (found as TaskRow[]).map((row) => taskOf(row));
    } catch (error) {
      throw this.failure("list", error);
    }
  }

  usage(owner: string): TaskUsage {
    requireOwner(owner);
    try {
      const usage = (this.#usage ??= usageStatement((sql) => this.prepare(sql), this.table));
      const { tasks, bytes } = usage.get(owner) as Record<keyof TaskUsage, number | bigint>;
      return { tasks: Number(tasks), bytes: Number(bytes) };
    } catch (error) {
      throw this.failure("count", error);
    }
  }

  watch(listener: TaskListener): () => void {
    return this.watchers.add(listener);
  }

  close(): void {
    // Only bun:sqlite has it, and there a handle with open statements cannot be closed with `close(true)`.
    for (const statement of this.#prepared) (statement as { finalize?(): void }).finalize?.();
  }

  protected prepare(sql: string): SqliteStatement {
    const statement = this.#engine.prepare(sql);
    this.#prepared.push(statement);
    return statement;
  }

  protected failure(what: string, cause: unknown, taskId?: string): TaskError {
    if (cause instanceof TaskError) return cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    return new TaskError("storage", `The SQLite store could not ${what}: ${message}.${this.#engine.advice(cause)}`, {
      cause,
      taskId,
    });
  }

  /** Whether a write took place; if so, the listeners hear of it. */
  private tell(result: unknown, owner: string, id: string, version: number): boolean {
    if (changes(result) === 0) return false;
    if (this.watchers.count > 0) this.watchers.tell(owner, id, version);
    return true;
  }
}

function changes(result: unknown): number {
  return Number((result as { readonly changes: number | bigint }).changes);
}
