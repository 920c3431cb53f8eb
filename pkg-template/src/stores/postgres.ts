import { TaskError } from "../errors.ts";
import { checkNames } from "../options-check.ts";
import type {
  DuePosition,
  OwnerPosition,
  StoredTask,
  TaskListener,
  TaskPosition,
  TaskStore,
  TaskUsage,
  TaskWrite,
} from "../store.ts";
import { isTaskId, requireTaskId } from "../store-parts/checks.ts";
import type { PostgresPool, PostgresQuery, PostgresResult } from "../store-parts/postgres/client.ts";
import { failure, wasRolledBack } from "../store-parts/postgres/errors.ts";
import { Listening } from "../store-parts/postgres/listening.ts";
import { Notices } from "../store-parts/postgres/notices.ts";
import { type Table, migrate } from "../store-parts/postgres/schema.ts";
import { statements } from "../store-parts/postgres/statements.ts";
import { BEFORE_ALL, rowLimit, tableName, taskOf, type TaskRow } from "../store-parts/sql.ts";

export type {
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
} from "../store-parts/postgres/client.ts";

/** What {@link postgresStore} takes. */
export interface PostgresStoreOptions {
  /**
   * The schema that holds the tables, made where it is missing. Default: the first of the connection's `search_path`.
   */
  readonly schema?: string | undefined;
  /**
   * What the names of the tables and indexes begin with: letters, digits and `_`. Default `"mcp_"`, so the table is
   * `mcp_tasks`.
   */
  readonly tablePrefix?: string | undefined;
  /**
   * Prepares each statement once on each connection. `false` for a pooler that cannot, such as PgBouncer before 1.21.
   * Default `true`.
   */
  readonly prepare?: boolean | undefined;
  /**
   * Tells other processes about changes, and hears of theirs (`NOTIFY`, `LISTEN`). Hearing takes one connection of the
   * pool for itself, and not through a pooler in transaction mode. With `false` the store has no `watch`. Default
   * `true`.
   */
  readonly watch?: boolean | undefined;
}

/** A {@link TaskStore} whose tables can be made before the first task. */
export interface PostgresStore extends TaskStore {
  /**
   * Makes or migrates the tables, once. Whatever is asked of the store first waits for it, so it need not be called;
   * but a program that awaits it at start-up learns there that the database is out of reach. After a failure the next
   * call tries again.
   */
  ready(): Promise<void>;
  /** Gives the connection back that listens for changes, after what is under way. */
  close(): Promise<void>;
}

/**
 * Keeps tasks in PostgreSQL, 11 or later, on the caller's own pool, which the store never ends. Any number of processes
 * may start at once and share the tables: the first makes them, under an advisory lock, and a role that may not create
 * them can use tables that are there.
 *
 * ```ts
 * const pool = new Pool({ connectionString, keepAlive: true });
 * pool.on("error", report); // else a connection that is lost while it is idle ends the process: pg's own rule
 * const tasks = new TaskServer({ store: postgresStore(pool) });
 * ```
 *
 * A swap is one statement. Leave `synchronous_commit` on if an acknowledged task must survive a power cut. An answer
 * that was lost with its connection is an error, never `false`: the swap may have happened.
 *
 * Changes are told after their swap, because a transaction with a `NOTIFY` keeps all others of its kind waiting until
 * it is on disk: the first at once, what follows it within 5 ms together. A process that is killed in between, and a
 * connection that is lost while it listens, leave a gap. `close` gives the listening connection back; `pool.end()`
 * waits for that.
 *
 * Throws {@link TaskError}: `invalid_argument` for a wrong option, owner or id; `storage` where PostgreSQL fails, with
 * its error as `cause`.
 */
export function postgresStore(pool: PostgresPool, options: PostgresStoreOptions = {}): PostgresStore {
  return new Postgres(pool, options);
}

/** How often a statement is tried that the database undoes because of others at the same time. */
const MOST_TRIES = 5;

class Postgres implements PostgresStore {
  readonly watch?: (listener: TaskListener) => () => void;
  readonly #pool: PostgresPool;
  readonly #schema: string | undefined;
  readonly #table: Table;
  readonly #statements: ReturnType<typeof statements>;
  readonly #notices: Notices | undefined;
  readonly #listening: Listening | undefined;
  #ready: Promise<void> | undefined;

  constructor(pool: PostgresPool, options: PostgresStoreOptions) {
    checkNames("postgresStore", options, { schema: true, tablePrefix: true, prepare: true, watch: true });
    const { schema, tablePrefix, prepare = true, watch = true } = options;
    if (typeof (pool as PostgresPool | undefined)?.connect !== "function")
      throw new TaskError(
        "invalid_argument",
        "postgresStore needs a pool of `pg`, for example `postgresStore(new Pool({ connectionString }))`.",
      );
    // They become part of the SQL, where nothing can be bound in their place.
    if (schema !== undefined && !/^[A-Za-z_]\w{0,62}$/.test(schema))
      throw wrong("schema", "must be 1 to 63 letters, digits and `_`, not a digit first");
    if (watch && pool.options?.max === 1)
      throw wrong(
        "watch",
        "must be `false` with a pool of one connection, or the pool must be larger: one connection listens",
      );
    const name = tableName("postgresStore", tablePrefix);
    this.#pool = pool;
    this.#schema = schema;
    this.#table = { name, in: schema === undefined ? "" : `"${schema}".` };
    this.#statements = statements(`${this.#table.in}"${name}"`, prepare);
    if (watch) {
      const channel = `${name}_changed`;
      const listening = (this.#listening = new Listening(pool, channel));
      this.#notices = new Notices(pool, channel, prepare);
      this.watch = (listener) => listening.watch(listener);
    }
  }

  ready(): Promise<void> {
    return (this.#ready ??= migrate(this.#pool, this.#schema, this.#table).catch((error: unknown) => {
      this.#ready = undefined;
      throw failure("open", error);
    }));
  }

  async get(owner: string, id: string, options?: { readonly payload?: boolean }): Promise<StoredTask | undefined> {
    checkOwner(owner);
    if (!isTaskId(id)) return undefined;
    const { getHead, getWhole } = this.#statements;
    const { rows } = await this.#run("read", options?.payload === false ? getHead : getWhole, [owner, id]);
    return rows.length === 0 ? undefined : taskOf(rows[0] as TaskRow, owner);
  }

  async put(write: TaskWrite): Promise<boolean> {
    const { owner, id, version, createdAt, dueAt, state, payload } = write;
    checkOwner(owner);
    requireTaskId(id);
    const { insert, swap, swapPayload } = this.#statements;
    if (version === 1) return this.#change("write", 1, insert, [owner, id, createdAt, dueAt, state, payload ?? null]);
    if (payload === undefined) return this.#change("write", version, swap, [owner, id, version, dueAt, state]);
    return this.#change("write", version, swapPayload, [owner, id, version, dueAt, state, payload]);
  }

  async delete(owner: string, id: string, version: number): Promise<boolean> {
    checkOwner(owner);
    if (!isTaskId(id)) return true;
    if (await this.#change("delete", 0, this.#statements.remove, [owner, id, version])) return true;
    return (await this.get(owner, id, { payload: false })) === undefined;
  }

  async list(
    owner: string,
    options: { readonly after?: TaskPosition | undefined; readonly limit: number },
  ): Promise<StoredTask[]> {
    checkOwner(owner);
    const { after } = options;
    const limit = rowLimit(options.limit);
    const { listAfter, listAll } = this.#statements;
    const { rows } = after
      ? // What follows a NUL, which PostgreSQL cannot take, makes no difference to the place among ids.
        await this.#run("list", listAfter, [owner, after.createdAt, after.id.split("\0", 1)[0], limit])
      : await this.#run("list", listAll, [owner, limit]);
    return (rows as TaskRow[]).map((row) => taskOf(row, owner));
  }

  /** Reads each of the owner's payloads for its length. */
  async usage(owner: string): Promise<TaskUsage> {
    checkOwner(owner);
    const { rows } = await this.#run("count", this.#statements.usage, [owner]);
    const { tasks, bytes } = rows[0] as Record<keyof TaskUsage, string>;
    return { tasks: Number(tasks), bytes: Number(bytes) };
  }

  async due(before: number, limit: number, after?: DuePosition): Promise<StoredTask[]> {
    const { dueAfter, dueBefore } = this.#statements;
    const { rows } = after
      ? await this.#run("list", dueAfter, [before, rowLimit(limit), after.dueAt, after.owner, after.id])
      : await this.#run("list", dueBefore, [before, rowLimit(limit)]);
    return (rows as TaskRow[]).map((row) => taskOf(row));
  }

  async all(options: { readonly after?: OwnerPosition | undefined; readonly limit: number }): Promise<StoredTask[]> {
    const { owner, createdAt, id } = options.after ?? BEFORE_ALL;
    const { rows } = await this.#run("list", this.#statements.all, [owner, createdAt, id, rowLimit(options.limit)]);
    return (rows as TaskRow[]).map((row) => taskOf(row));
  }

  async close(): Promise<void> {
    this.#listening?.close();
    await this.#notices?.close();
  }

  /** Whether the one row was changed; then everybody hears of the version that it has now. */
  async #change(
    what: string,
    version: number,
    query: PostgresQuery,
    values: [owner: string, id: string, ...unknown[]],
  ): Promise<boolean> {
    const [owner, id] = values;
    for (let tries = 1; ; tries += 1) {
      try {
        const { rowCount } = await this.#run(what, query, values, id);
        if (rowCount !== 1) return false;
        break;
      } catch (error) {
        // Under a stricter isolation it may have been undone because of other tasks, or of one that was undone as well.
        if (!wasRolledBack(error)) throw error;
        if (tries === MOST_TRIES) return false;
      }
    }
    this.#notices?.tell(owner, id, version);
    return true;
  }

  async #run(what: string, query: PostgresQuery, values: unknown[], taskId?: string): Promise<PostgresResult> {
    await this.ready();
    try {
      return await this.#pool.query({ ...query, values });
    } catch (error) {
      throw failure(what, error, taskId);
    }
  }
}

/** PostgreSQL keeps no NUL, UTF-8 no half of a surrogate pair, and an entry of an index is short. */
function checkOwner(owner: string): void {
  if (owner.length > 512 || /\0|\p{Surrogate}/u.test(owner))
    throw new TaskError(
      "invalid_argument",
      "A task's owner must be at most 512 characters, without NUL or lone surrogates.",
    );
}

function wrong(option: keyof PostgresStoreOptions, what: string): TaskError {
  return new TaskError("invalid_argument", `\`${option}\` of postgresStore ${what}.`);
}
