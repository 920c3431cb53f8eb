import { TaskError } from "../errors.ts";
import type { StoredTask, TaskPosition, TaskStore, TaskWrite } from "../store.ts";
import { Watchers } from "../watchers.ts";

/** What the store uses of a prepared statement. */
export interface SqliteStatement {
  get(...values: (string | number | null)[]): unknown;
  all(...values: (string | number | null)[]): unknown;
  run(...values: (string | number | null)[]): unknown;
}

/** What the store uses of a SQLite handle: `DatabaseSync` of `node:sqlite`, and `Database` of `better-sqlite3` or `bun:sqlite`. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
}

export interface SqliteStoreOptions {
  /** What the names of the tables and indexes begin with: letters, digits and `_`. Default `"mcp_"`, so the table is `mcp_tasks`. */
  readonly tablePrefix?: string | undefined;
  /** Switches the database to write-ahead logging (`PRAGMA journal_mode = WAL`), and the file stays so. Default `false`. */
  readonly wal?: boolean | undefined;
  /** Milliseconds to wait for a lock that another connection holds (`PRAGMA busy_timeout`). Default: as the handle has it. */
  readonly busyTimeout?: number | undefined;
  /** How often, in ms, who watches is told what other connections changed. Default 100. */
  readonly pollInterval?: number | undefined;
}

/**
 * Keeps tasks in a SQLite database on the caller's own handle, which the store never closes. It creates and migrates its
 * tables at once, and it answers at once. Needs SQLite 3.24 or later.
 *
 * Several processes may share a file. They need WAL, so that readers and a writer do not block each other, and a busy timeout,
 * because `node:sqlite` and `bun:sqlite` have none by default: `sqliteStore(db, { wal: true, busyTimeout: 5000 })`.
 * Leave `PRAGMA synchronous` at `FULL` if an acknowledged task must survive a power cut. Give the store a handle of its own
 * where other code uses transactions: what the store writes during one is lost when it is rolled back.
 *
 * `watch` reports the store's own changes at once, and those of other connections every `pollInterval`. SQLite says for about
 * a microsecond whether there are any; the last 1000 are kept in a table of their own, and who is slower misses some.
 *
 * A deleted task is out of reach at once, but SQLite reuses its pages later; `PRAGMA secure_delete = ON` on the handle
 * overwrites them.
 *
 * Throws {@link TaskError}: `invalid_argument` for a wrong option, owner or id; `storage` where SQLite fails, with its error as
 * `cause`, also from the methods of the store.
 */
export function sqliteStore(db: SqliteDatabase, options: SqliteStoreOptions = {}): TaskStore {
  return new Sqlite(db, options);
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

class Sqlite implements TaskStore {
  private readonly statements: SqliteStatement[] = [];
  private readonly getWhole: SqliteStatement;
  private readonly getHead: SqliteStatement;
  private readonly insert: SqliteStatement;
  private readonly swap: SqliteStatement;
  private readonly swapPayload: SqliteStatement;
  private readonly remove: SqliteStatement;
  private readonly listAll: SqliteStatement;
  private readonly listAfter: SqliteStatement;
  private readonly dueBefore: SqliteStatement;
  private readonly commits: SqliteStatement;
  private readonly changesAfter: SqliteStatement;
  private readonly lastChange: SqliteStatement;
  private readonly watchers = new Watchers();
  private readonly pollInterval: number;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(db: SqliteDatabase, options: SqliteStoreOptions) {
    const { tablePrefix = "mcp_", wal = false, busyTimeout, pollInterval = 100 } = options;
    // It becomes part of the SQL, where nothing can be bound in its place.
    if (!/^[A-Za-z_]\w{0,40}$/.test(tablePrefix))
      throw new TaskError("invalid_argument", "`tablePrefix` of sqliteStore must be 1 to 41 letters, digits and `_`, not a digit first.");
    if (busyTimeout !== undefined && !(Number.isInteger(busyTimeout) && busyTimeout >= 0))
      throw new TaskError("invalid_argument", "`busyTimeout` of sqliteStore must be a whole number of milliseconds.");
    if (!(Number.isInteger(pollInterval) && pollInterval > 0 && pollInterval < 2 ** 31))
      throw new TaskError("invalid_argument", "`pollInterval` of sqliteStore must be a whole number of milliseconds from 1, and below 2^31.");
    this.pollInterval = pollInterval;
    const table = `${tablePrefix}tasks`;
    const head = "id, version, created_at, due_at, state";
    const prepare = (sql: string): SqliteStatement => {
      const statement = db.prepare(sql);
      this.statements.push(statement);
      return statement;
    };
    try {
      if (busyTimeout !== undefined) db.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
      if (wal) db.exec("PRAGMA journal_mode = WAL");
      migrate(db, prepare, table);
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
      this.dueBefore = prepare(`SELECT owner, ${head} FROM ${table} WHERE due_at <= ? ORDER BY due_at LIMIT ?`);
      this.commits = prepare("PRAGMA data_version");
      this.changesAfter = prepare(`SELECT number, owner, id FROM ${table}_changes WHERE number > ? ORDER BY number`);
      this.lastChange = prepare(`SELECT max(number) AS number FROM ${table}_changes`);
    } catch (error) {
      throw failure("open", error);
    }
  }

  get(owner: string, id: string, options?: { readonly payload?: boolean }): StoredTask | undefined {
    check(owner);
    try {
      const row = (options?.payload === false ? this.getHead : this.getWhole).get(owner, id);
      return row ? task(owner, row as Row) : undefined; // a miss is `undefined` or `null`, by driver
    } catch (error) {
      throw failure("read", error);
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
      throw failure("write", error, id);
    }
    return this.tell(result, owner, id);
  }

  delete(owner: string, id: string, version: number): boolean {
    check(owner);
    try {
      return this.tell(this.remove.run(owner, id, version), owner, id) || !this.getHead.get(owner, id);
    } catch (error) {
      throw failure("delete", error);
    }
  }

  list(owner: string, options: { readonly after?: TaskPosition | undefined; readonly limit: number }): StoredTask[] {
    check(owner);
    const { after } = options;
    const limit = rows(options.limit);
    try {
      const found = after ? this.listAfter.all(owner, after.createdAt, after.id, limit) : this.listAll.all(owner, limit);
      return (found as Row[]).map((row) => task(owner, row));
    } catch (error) {
      throw failure("list", error);
    }
  }

  due(before: number, limit: number): StoredTask[] {
    try {
      const found = this.dueBefore.all(before, rows(limit)) as (Row & { readonly owner: string })[];
      return found.map((row) => task(row.owner, row));
    } catch (error) {
      throw failure("list", error);
    }
  }

  watch(listener: (owner: string, id: string) => void): () => void {
    const stop = this.watchers.add(listener);
    this.timer ??= this.poll();
    return () => {
      stop();
      if (this.watchers.count === 0) this.rest();
    };
  }

  close(): void {
    this.rest();
    // Only bun:sqlite has it, and there a handle with open statements cannot be closed with `close(true)`.
    for (const statement of this.statements) (statement as { finalize?(): void }).finalize?.();
  }

  /** Whether a write took place; if so, who watches hears of it. */
  private tell(result: unknown, owner: string, id: string): boolean {
    if (changes(result) === 0) return false;
    if (this.watchers.count > 0) this.watchers.tell(owner, id);
    return true;
  }

  private poll(): ReturnType<typeof setInterval> {
    let last = 0;
    let commits: number | bigint | undefined;
    const look = (): void => {
      const now = (this.commits.get() as { data_version: number | bigint }).data_version;
      if (now === commits) return;
      if (commits === undefined) last = Number((this.lastChange.get() as { number: number | bigint | null }).number);
      const found = commits === undefined ? [] : (this.changesAfter.all(last) as { number: number | bigint; owner: string; id: string }[]);
      commits = now;
      for (const { number, owner, id } of found) {
        last = Number(number);
        this.watchers.tell(owner, id);
      }
    };
    const attempt = (): void => {
      try {
        look();
      } catch {
        // Locked or closed. Whoever uses the store hears of it; the next look finds what this one missed.
      }
    };
    attempt();
    const timer = setInterval(attempt, this.pollInterval);
    (timer as { unref?: () => void }).unref?.();
    return timer;
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
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
    CREATE INDEX ${table}_by_due ON ${table} (due_at) WHERE due_at IS NOT NULL;`,
  // Triggers, so that a change and its notice are one statement, whatever program made it. The last notice is never deleted,
  // hence numbers only grow.
  (table) => `
    CREATE TABLE ${table}_changes (number INTEGER PRIMARY KEY, owner TEXT NOT NULL, id TEXT NOT NULL);
    ${["INSERT", "UPDATE", "DELETE"].map((what) => notice(table, what)).join("")}`,
];

function notice(table: string, what: string): string {
  const row = what === "DELETE" ? "OLD" : "NEW";
  return `
    CREATE TRIGGER ${table}_${what.toLowerCase()} AFTER ${what} ON ${table} BEGIN
      INSERT INTO ${table}_changes (owner, id) VALUES (${row}.owner, ${row}.id);
      DELETE FROM ${table}_changes WHERE number <= last_insert_rowid() - ${CHANGES_KEPT};
    END;`;
}

type Prepare = SqliteDatabase["prepare"];

function migrate(db: SqliteDatabase, prepare: Prepare, table: string): void {
  if (schemaVersion(prepare, table) === STEPS.length) return; // nothing to write, so no lock to wait for
  db.exec("BEGIN IMMEDIATE");
  try {
    // Asked again under the lock: another process may have migrated meanwhile.
    const version = schemaVersion(prepare, table);
    if (version > STEPS.length)
      throw new TaskError("storage", `Table ${table} has schema version ${version}, made by a newer mcp-tasks. Update this one.`);
    if (version === 0) db.exec(`CREATE TABLE ${table}_schema (version INTEGER NOT NULL); INSERT INTO ${table}_schema VALUES (0)`);
    for (const step of STEPS.slice(version)) db.exec(step(table));
    db.exec(`UPDATE ${table}_schema SET version = ${STEPS.length}`);
    db.exec("COMMIT");
  } catch (error) {
    try {
      db.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full. The first error is the one to report.
    }
    throw error;
  }
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

function failure(what: string, cause: unknown, taskId?: string): TaskError {
  if (cause instanceof TaskError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const advice = isBusy(cause)
    ? " Another connection holds the lock: set a busy timeout, for example `sqliteStore(db, { wal: true, busyTimeout: 5000 })`."
    : "";
  return new TaskError("storage", `The SQLite store could not ${what}: ${message}.${advice}`, { cause, taskId });
}

/**
 * SQLITE_BUSY and SQLITE_LOCKED with their extended codes: a number in node:sqlite and bun:sqlite, a name in better-sqlite3.
 * From `exec` Deno gives no code, only SQLite's text.
 */
function isBusy(error: unknown): boolean {
  const { code, errcode, message } = Object(error) as { readonly code?: unknown; readonly errcode?: unknown; readonly message?: unknown };
  if (typeof errcode === "number") return [5, 6].includes(errcode & 255);
  return /^SQLITE_(BUSY|LOCKED)/.test(String(code)) || /^database (table )?is locked/.test(String(message));
}
