import { TaskError } from "../errors.ts";
import { checkNames } from "../options-check.ts";
import type { TaskListener, TaskStore } from "../store.ts";
import { tableName } from "../store-parts/sql.ts";
import type { SqliteDatabase, SqliteStatement } from "../store-parts/sqlite/engine.ts";
import { SqliteTasks } from "../store-parts/sqlite/tasks.ts";

export type { SqliteDatabase, SqliteStatement } from "../store-parts/sqlite/engine.ts";

/** What {@link sqliteStore} takes. */
export interface SqliteStoreOptions {
  /**
   * What the names of the tables and indexes begin with: letters, digits and `_`. Default `"mcp_"`, so the table is
   * `mcp_tasks`.
   */
  readonly tablePrefix?: string | undefined;
  /**
   * Switches the database to write-ahead logging (`PRAGMA journal_mode = WAL`), and the file stays so. Default `false`.
   */
  readonly wal?: boolean | undefined;
  /**
   * Milliseconds to wait for a lock that another connection holds (`PRAGMA busy_timeout`). Default: as the handle has
   * it.
   */
  readonly busyTimeout?: number | undefined;
  /** How often, in ms, listeners are told what other connections changed. Default 100. */
  readonly pollInterval?: number | undefined;
}

/**
 * Keeps tasks in a SQLite database on the caller's own handle, which the store never closes. It creates and migrates
 * its tables at once, and it answers at once. Needs SQLite 3.24 or later.
 *
 * Several processes may share a file. They need WAL, so that readers and a writer do not block each other, and a busy
 * timeout, because `node:sqlite` and `bun:sqlite` have none by default:
 * `sqliteStore(db, { wal: true, busyTimeout: 5000 })`. Leave `PRAGMA synchronous` at `FULL` if an acknowledged task
 * must survive a power cut. Give the store a handle of its own where other code uses transactions: what the store
 * writes during one is lost when it is rolled back.
 *
 * `watch` reports the store's own changes at once, and those of other connections every `pollInterval`. SQLite says for
 * about a microsecond whether there are any; the last 1000 or more are kept in a table of their own, and a slower
 * listener misses some.
 *
 * A deleted task is out of reach at once, but SQLite reuses its pages later; `PRAGMA secure_delete = ON` on the handle
 * overwrites them.
 *
 * Throws {@link TaskError}: `invalid_argument` for a wrong option, owner or id; `storage` where SQLite fails, with its
 * error as `cause`, also from the methods of the store.
 */
export function sqliteStore(db: SqliteDatabase, options: SqliteStoreOptions = {}): TaskStore {
  return new SqliteFile(db, options);
}

class SqliteFile extends SqliteTasks {
  readonly #commits: SqliteStatement;
  readonly #changesAfter: SqliteStatement;
  readonly #lastChange: SqliteStatement;
  readonly #pollInterval: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(db: SqliteDatabase, options: SqliteStoreOptions) {
    checkNames("sqliteStore", options, { tablePrefix: true, wal: true, busyTimeout: true, pollInterval: true });
    const { tablePrefix, wal = false, busyTimeout, pollInterval = 100 } = options;
    if (typeof (db as SqliteDatabase | undefined)?.prepare !== "function")
      throw new TaskError(
        "invalid_argument",
        'sqliteStore needs an open database, for example `sqliteStore(new DatabaseSync("tasks.db"))`.',
      );
    const table = tableName("sqliteStore", tablePrefix);
    if (busyTimeout !== undefined && !(Number.isInteger(busyTimeout) && busyTimeout >= 0))
      throw new TaskError("invalid_argument", "`busyTimeout` of sqliteStore must be a whole number of milliseconds.");
    if (!(Number.isInteger(pollInterval) && pollInterval > 0 && pollInterval < 2 ** 31))
      throw new TaskError(
        "invalid_argument",
        "`pollInterval` of sqliteStore must be a whole number of milliseconds from 1, and below 2^31.",
      );
    super(
      {
        exec: (sql) => db.exec(sql),
        prepare: (sql) => db.prepare(sql),
        atomically: (run) => atomically(db, run),
        advice,
      },
      table,
      () => {
        if (busyTimeout !== undefined) db.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
        if (wal) db.exec("PRAGMA journal_mode = WAL");
      },
    );
    this.#pollInterval = pollInterval;
    this.#commits = this.prepare("PRAGMA data_version");
    this.#changesAfter = this.prepare(
      `SELECT number, owner, id, version FROM ${this.table}_changes WHERE number > ? ORDER BY number`,
    );
    this.#lastChange = this.prepare(`SELECT max(number) AS number FROM ${this.table}_changes`);
  }

  override watch(listener: TaskListener): () => void {
    const stop = super.watch(listener);
    this.#timer ??= this.#poll();
    return () => {
      stop();
      if (this.watchers.count === 0) this.#rest();
    };
  }

  override close(): void {
    this.#rest();
    super.close();
  }

  #poll(): ReturnType<typeof setInterval> {
    let last = 0;
    let commits: number | bigint | undefined;
    const look = (): void => {
      const now = (this.#commits.get() as { data_version: number | bigint }).data_version;
      if (now === commits) return;
      if (commits === undefined) last = Number((this.#lastChange.get() as { number: number | bigint | null }).number);
      const found =
        commits === undefined
          ? []
          : (this.#changesAfter.all(last) as {
              number: number | bigint;
              owner: string;
              id: string;
              version: number | bigint;
            }[]);
      commits = now;
      for (const { number, owner, id, version } of found) {
        last = Number(number);
        this.watchers.tell(owner, id, Number(version));
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
    const timer = setInterval(attempt, this.#pollInterval);
    (timer as { unref?: () => void }).unref?.();
    return timer;
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function atomically(db: SqliteDatabase, run: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    run();
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

function advice(error: unknown): string {
  return isBusy(error)
    ? " Another connection holds the lock: set a busy timeout, for example " +
        "`sqliteStore(db, { wal: true, busyTimeout: 5000 })`."
    : "";
}

/**
 * SQLITE_BUSY and SQLITE_LOCKED with their extended codes: a number in node:sqlite and bun:sqlite, a name in
 * better-sqlite3. From `exec` Deno gives no code, only SQLite's text.
 */
function isBusy(error: unknown): boolean {
  const { code, errcode, message } = Object(error) as {
    readonly code?: unknown;
    readonly errcode?: unknown;
    readonly message?: unknown;
  };
  if (typeof errcode === "number") return [5, 6].includes(errcode & 255);
  return /^SQLITE_(BUSY|LOCKED)/.test(String(code)) || /^database (table )?is locked/.test(String(message));
}
