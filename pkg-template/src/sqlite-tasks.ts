// The tasks in a SQLite database, whoever holds it: what `stores/sqlite.ts` and `stores/durable-object.ts` have in
// common.
import { TaskError } from "./errors.ts";
import type { DuePosition, StoredTask, TaskListener, TaskPosition, TaskStore, TaskUsage, TaskWrite } from "./store.ts";
import type { SqliteStatement } from "./stores/sqlite.ts";
import { Watchers } from "./watchers.ts";

/** What holds the database. */
export interface SqliteEngine {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  /** All that `run` does takes place, or nothing of it. */
  atomically(run: () => void): void;
  /** What to do about an error, if that is known; it begins with a space. */
  advice(error: unknown): string;
}

/** A row as drivers return it; with their big integer options on, numbers are bigints. */
interface Row {
  readonly id: string;
  readonly version: number | bigint;
  readonly created_at: number | bigint;
  readonly due_at: number | bigint | null;
  readonly state: string;
  readonly payload?: string | null;
}

export class SqliteTasks implements TaskStore {
  protected readonly table: string;
  readonly #engine: SqliteEngine;
  readonly #statements: SqliteStatement[] = [];
  private readonly getWhole: SqliteStatement;
  private readonly getHead: SqliteStatement;
  private readonly insert: SqliteStatement;
  private readonly swap: SqliteStatement;
  private readonly swapPayload: SqliteStatement;
  private readonly remove: SqliteStatement;
  private readonly listAll: SqliteStatement;
  private readonly listAfter: SqliteStatement;
  private readonly dueBefore: SqliteStatement;
  private readonly dueAfter: SqliteStatement;
  #used: SqliteStatement | undefined;
  protected readonly watchers: Watchers = new Watchers();

  /** `configure` runs before the tables are looked for. */
  constructor(engine: SqliteEngine, table: string, configure?: () => void) {
    this.#engine = engine;
    this.table = table;
    const head = "id, version, created_at, due_at, state";
    try {
      configure?.();
      const prepare = (sql: string): SqliteStatement => this.prepare(sql);
      migrate(engine, prepare, table);
      this.getWhole = prepare(`SELECT ${head}, payload FROM ${table} WHERE owner = ? AND id = ?`);
      this.getHead = prepare(`SELECT ${head} FROM ${table} WHERE owner = ? AND id = ?`);
      this.insert = prepare(
        `INSERT INTO ${table} (owner, ${head}, payload) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      );
      this.swap = prepare(
        `UPDATE ${table} SET version = ?, due_at = ?, state = ? WHERE owner = ? AND id = ? AND version = ?`,
      );
      this.swapPayload = prepare(
        `UPDATE ${table} SET version = ?, due_at = ?, state = ?, payload = ? WHERE owner = ? AND id = ? AND version = ?`,
      );
      this.remove = prepare(`DELETE FROM ${table} WHERE owner = ? AND id = ? AND version = ?`);
      // SQLite compares texts by their UTF-8 bytes. For ids, which are ASCII, that is the order of code units.
      this.listAll = prepare(`SELECT ${head} FROM ${table} WHERE owner = ? ORDER BY created_at, id LIMIT ?`);
      this.listAfter = prepare(
        `SELECT ${head} FROM ${table} WHERE owner = ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?`,
      );
      const byDue = "ORDER BY due_at, owner, id LIMIT ?";
      this.dueBefore = prepare(`SELECT owner, ${head} FROM ${table} WHERE due_at <= ? ${byDue}`);
      this.dueAfter = prepare(
        `SELECT owner, ${head} FROM ${table} WHERE due_at <= ? AND (due_at, owner, id) > (?, ?, ?) ${byDue}`,
      );
    } catch (error) {
      throw this.failure("open", error);
    }
  }

  get(owner: string, id: string, options?: { readonly payload?: boolean }): StoredTask | undefined {
    check(owner);
    try {
      const row = (options?.payload === false ? this.getHead : this.getWhole).get(owner, id);
      return row ? task(owner, row as Row) : undefined; // a miss is `undefined` or `null`, by driver
    } catch (error) {
      throw this.failure("read", error);
    }
  }

  put(write: TaskWrite): boolean {
    const { owner, id, version, createdAt, dueAt, state, payload } = write;
    check(owner);
    if (!/^[\w-]{1,128}$/.test(id))
      throw new TaskError("invalid_argument", "A task id must be 1 to 128 characters of `A-Z a-z 0-9 _ -`.");
    let result: unknown;
    try {
      if (version === 1) result = this.insert.run(owner, id, 1, createdAt, dueAt, state, payload ?? null);
      else if (payload === undefined) result = this.swap.run(version, dueAt, state, owner, id, version - 1);
      else result = this.swapPayload.run(version, dueAt, state, payload, owner, id, version - 1);
    } catch (error) {
      throw this.failure("write", error, id);
    }
    return this.tell(result, owner, id, version);
  }

  delete(owner: string, id: string, version: number): boolean {
    check(owner);
    try {
      return this.tell(this.remove.run(owner, id, version), owner, id, 0) || !this.getHead.get(owner, id);
    } catch (error) {
      throw this.failure("delete", error);
    }
  }

  list(owner: string, options: { readonly after?: TaskPosition | undefined; readonly limit: number }): StoredTask[] {
    check(owner);
    const { after } = options;
    const limit = rows(options.limit);
    try {
      const found = after
        ? this.listAfter.all(owner, after.createdAt, after.id, limit)
        : this.listAll.all(owner, limit);
      return (found as Row[]).map((row) => task(owner, row));
    } catch (error) {
      throw this.failure("list", error);
    }
  }

  due(before: number, limit: number, after?: DuePosition): StoredTask[] {
    try {
      const found = after
        ? this.dueAfter.all(before, after.dueAt, after.owner, after.id, rows(limit))
        : this.dueBefore.all(before, rows(limit));
      return (found as (Row & { readonly owner: string })[]).map((row) => task(row.owner, row));
    } catch (error) {
      throw this.failure("list", error);
    }
  }

  usage(owner: string): TaskUsage {
    check(owner);
    try {
      const { tasks, bytes } = (this.#used ??= this.#prepareUsage()).get(owner) as Record<
        keyof TaskUsage,
        number | bigint
      >;
      return { tasks: Number(tasks), bytes: Number(bytes) };
    } catch (error) {
      throw this.failure("count", error);
    }
  }

  #prepareUsage(): SqliteStatement {
    const lengthBy = (length: string): SqliteStatement =>
      this.prepare(
        `SELECT count(*) AS tasks, coalesce(sum(${length}(payload)), 0) AS bytes FROM ${this.table} WHERE owner = ?`,
      );
    try {
      // From SQLite 3.43 on; it knows how long a text is without reading it.
      return lengthBy("octet_length");
    } catch {
      return lengthBy("length");
    }
  }

  watch(listener: TaskListener): () => void {
    return this.watchers.add(listener);
  }

  close(): void {
    // Only bun:sqlite has it, and there a handle with open statements cannot be closed with `close(true)`.
    for (const statement of this.#statements) (statement as { finalize?(): void }).finalize?.();
  }

  protected prepare(sql: string): SqliteStatement {
    const statement = this.#engine.prepare(sql);
    this.#statements.push(statement);
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

  /** Whether a write took place; if so, who watches hears of it. */
  private tell(result: unknown, owner: string, id: string, version: number): boolean {
    if (changes(result) === 0) return false;
    if (this.watchers.count > 0) this.watchers.tell(owner, id, version);
    return true;
  }
}

/** What the file keeps of changes, so that another connection that looks a little later still finds them. */
const CHANGES_KEPT = 1000;

/** Step `n` leads from schema version `n` to `n + 1`. A step that was released is never changed. */
const STEPS: readonly ((table: string) => string)[] = [
  // An ordinary table, not `WITHOUT ROWID`: payloads are large, and there they would sit in the tree that is searched.
  (table) => `
    CREATE TABLE ${table} (
      owner TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      due_at INTEGER,
      state TEXT NOT NULL,
      payload TEXT,
      PRIMARY KEY (owner, id)
    );
    CREATE INDEX ${table}_by_creation ON ${table} (owner, created_at, id);
    CREATE INDEX ${table}_by_due ON ${table} (due_at, owner, id) WHERE due_at IS NOT NULL;`,
  // Triggers, so that a change and its notice are one statement, whatever program made it. The last notice is never
  // deleted, hence numbers only grow.
  (table) => `
    CREATE TABLE ${table}_changes (number INTEGER PRIMARY KEY, owner TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL);
    ${["INSERT", "UPDATE", "DELETE"].map((what) => notice(table, what)).join("")}`,
];

function notice(table: string, what: string): string {
  const change = what === "DELETE" ? "OLD.owner, OLD.id, 0" : "NEW.owner, NEW.id, NEW.version";
  return `
    CREATE TRIGGER ${table}_${what.toLowerCase()} AFTER ${what} ON ${table} BEGIN
      INSERT INTO ${table}_changes (owner, id, version) VALUES (${change});
      DELETE FROM ${table}_changes WHERE number <= last_insert_rowid() - ${CHANGES_KEPT};
    END;`;
}

type Prepare = SqliteEngine["prepare"];

function migrate(engine: SqliteEngine, prepare: Prepare, table: string): void {
  if (schemaVersion(prepare, table) === STEPS.length) return; // nothing to write, so no lock to wait for
  engine.atomically(() => {
    // Asked again under the lock: another process may have migrated meanwhile.
    const version = schemaVersion(prepare, table);
    if (version > STEPS.length)
      throw new TaskError(
        "storage",
        `Table ${table} has schema version ${version}, made by a newer mcp-longhaul. Update this one.`,
      );
    if (version === 0)
      engine.exec(`CREATE TABLE ${table}_schema (version INTEGER NOT NULL); INSERT INTO ${table}_schema VALUES (0)`);
    for (const step of STEPS.slice(version)) engine.exec(step(table));
    engine.exec(`UPDATE ${table}_schema SET version = ${STEPS.length}`);
  });
}

/** 0 where there are no tables yet. */
function schemaVersion(prepare: Prepare, table: string): number {
  const known = prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(`${table}_schema`);
  if (!known) return 0;
  return Number((prepare(`SELECT version FROM ${table}_schema`).get() as { version: number | bigint }).version);
}

function task(owner: string, row: Row): StoredTask {
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

function changes(result: unknown): number {
  return Number((result as { readonly changes: number | bigint }).changes);
}

/** To SQLite, a negative limit is none, and an infinite one is an error. */
function rows(limit: number): number {
  return Math.max(0, Math.min(limit, Number.MAX_SAFE_INTEGER));
}

/** UTF-8 cannot carry half a surrogate pair: SQLite would keep U+FFFD instead, and two owners could become one. */
function check(owner: string): void {
  if (/\p{Surrogate}/u.test(owner))
    throw new TaskError("invalid_argument", "A task's owner must not contain a lone surrogate.");
}
