import { TaskError } from "../errors.ts";
import type { DuePosition, StoredTask, TaskListener, TaskPosition, TaskStore, TaskUsage, TaskWrite } from "../store.ts";
import { Watchers } from "../watchers.ts";

/** What the store asks of the pool or of one of its clients. */
export interface PostgresQuery {
  /** The SQL, with `$1` and so on. */
  readonly text: string;
  /** What stands for `$1` and so on. */
  readonly values?: unknown[];
  /** The statement is prepared once on each connection, under this name. */
  readonly name?: string;
}

/** What the store reads of a result. */
export interface PostgresResult {
  /** One object a row. */
  readonly rows: readonly unknown[];
  /** How many rows a change has met. */
  readonly rowCount: number | null;
}

/** What the store uses of a connection: a `PoolClient` of `pg`. */
export interface PostgresClient {
  /** Runs a statement. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Hears what others notify. */
  on(event: "notification", listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  /** Hears that the connection is lost. */
  on(event: "error" | "end", listener: () => void): unknown;
  /** Gives the connection back to the pool, or closes it. */
  release(destroy?: boolean): void;
  /** Lets the process end while the connection is open. */
  unref?(): void;
}

/** What the store uses of a pool: a `Pool` of `pg`, or one of the same shape, as `@neondatabase/serverless` has it. */
export interface PostgresPool {
  /** Runs a statement on any connection. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Takes a connection out of the pool. */
  connect(): Promise<PostgresClient>;
  /** How many connections it may have. */
  readonly options?: { readonly max?: number | undefined } | undefined;
}

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
   * but who awaits it at start-up learns there that the database is out of reach. After a failure the next call tries
   * again.
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
 * Changes are told after their swap and in batches, because a transaction with a `NOTIFY` keeps all others of its kind
 * waiting until it is on disk. A process that is killed in between, and a connection that is lost while it listens,
 * leave a gap. `close` gives the listening connection back; `pool.end()` waits for that.
 *
 * Throws {@link TaskError}: `invalid_argument` for a wrong option, owner or id; `storage` where PostgreSQL fails, with
 * its error as `cause`.
 */
export function postgresStore(pool: PostgresPool, options: PostgresStoreOptions = {}): PostgresStore {
  return new Postgres(pool, options);
}

/** A row as `pg` returns it: by default it hands out `bigint` columns as text. */
interface Row {
  readonly owner?: string;
  readonly id: string;
  readonly version: string | number | bigint;
  readonly created_at: string | number | bigint;
  readonly due_at: string | number | bigint | null;
  readonly state: string;
  readonly payload?: string | null;
}

class Postgres implements PostgresStore {
  readonly watch?: (listener: TaskListener) => () => void;
  readonly #pool: PostgresPool;
  readonly #schema: string | undefined;
  readonly #table: Table;
  readonly #statements: ReturnType<typeof statements>;
  readonly #news: News | undefined;
  #ready: Promise<void> | undefined;

  constructor(pool: PostgresPool, options: PostgresStoreOptions) {
    const { schema, tablePrefix = "mcp_", prepare = true, watch = true } = options;
    if (typeof (pool as PostgresPool | undefined)?.connect !== "function")
      throw new TaskError(
        "invalid_argument",
        "postgresStore needs a pool of `pg`, for example `postgresStore(new Pool({ connectionString }))`.",
      );
    // They become part of the SQL, where nothing can be bound in their place.
    if (schema !== undefined && !/^[A-Za-z_]\w{0,62}$/.test(schema))
      throw wrong("schema", "must be 1 to 63 letters, digits and `_`, not a digit first");
    if (!/^[A-Za-z_]\w{0,40}$/.test(tablePrefix))
      throw wrong("tablePrefix", "must be 1 to 41 letters, digits and `_`, not a digit first");
    if (watch && pool.options?.max === 1)
      throw wrong(
        "watch",
        "must be `false` with a pool of one connection, or the pool must be larger: one connection listens",
      );
    this.#pool = pool;
    this.#schema = schema;
    const name = `${tablePrefix}tasks`;
    this.#table = { name, in: schema === undefined ? "" : `"${schema}".` };
    this.#statements = statements(`${this.#table.in}"${name}"`, prepare);
    if (watch) {
      const news = (this.#news = new News(pool, `${name}_changed`, prepare));
      this.watch = (listener) => news.listen(listener);
    }
  }

  ready(): Promise<void> {
    return (this.#ready ??= migrate(this.#pool, this.#schema, this.#table).catch((error: unknown) => {
      this.#ready = undefined;
      throw failure("open", error);
    }));
  }

  async get(owner: string, id: string, options?: { readonly payload?: boolean }): Promise<StoredTask | undefined> {
    check(owner);
    if (!ID.test(id)) return undefined;
    const { getHead, getWhole } = this.#statements;
    const { rows } = await this.#run("read", options?.payload === false ? getHead : getWhole, [owner, id]);
    return rows.length === 0 ? undefined : task(owner, rows[0] as Row);
  }

  async put(write: TaskWrite): Promise<boolean> {
    const { owner, id, version, createdAt, dueAt, state, payload } = write;
    check(owner);
    if (!ID.test(id))
      throw new TaskError("invalid_argument", "A task id must be 1 to 128 characters of `A-Z a-z 0-9 _ -`.");
    const { insert, swap, swapPayload } = this.#statements;
    if (version === 1) return this.#change("write", 1, insert, [owner, id, createdAt, dueAt, state, payload ?? null]);
    if (payload === undefined) return this.#change("write", version, swap, [owner, id, version, dueAt, state]);
    return this.#change("write", version, swapPayload, [owner, id, version, dueAt, state, payload]);
  }

  async delete(owner: string, id: string, version: number): Promise<boolean> {
    check(owner);
    if (!ID.test(id)) return true;
    if (await this.#change("delete", 0, this.#statements.remove, [owner, id, version])) return true;
    return (await this.get(owner, id, { payload: false })) === undefined;
  }

  async list(
    owner: string,
    options: { readonly after?: TaskPosition | undefined; readonly limit: number },
  ): Promise<StoredTask[]> {
    check(owner);
    const { after } = options;
    const limit = atMost(options.limit);
    const { listAfter, listAll } = this.#statements;
    const { rows } = after
      ? // What follows a NUL, which PostgreSQL cannot take, makes no difference to the place among ids.
        await this.#run("list", listAfter, [owner, after.createdAt, after.id.split("\0", 1)[0], limit])
      : await this.#run("list", listAll, [owner, limit]);
    return (rows as Row[]).map((row) => task(owner, row));
  }

  /** Reads each of the owner's payloads for its length. */
  async usage(owner: string): Promise<TaskUsage> {
    check(owner);
    const { rows } = await this.#run("count", this.#statements.usage, [owner]);
    const { tasks, bytes } = rows[0] as Record<keyof TaskUsage, string>;
    return { tasks: Number(tasks), bytes: Number(bytes) };
  }

  async due(before: number, limit: number, after?: DuePosition): Promise<StoredTask[]> {
    const { dueAfter, dueBefore } = this.#statements;
    const { rows } = after
      ? await this.#run("list", dueAfter, [before, atMost(limit), after.dueAt, after.owner, after.id])
      : await this.#run("list", dueBefore, [before, atMost(limit)]);
    return (rows as (Row & { readonly owner: string })[]).map((row) => task(row.owner, row));
  }

  async close(): Promise<void> {
    await this.#news?.close();
  }

  /** Whether the one row was changed; then everybody hears of the version that it has now. */
  async #change(
    what: string,
    version: number,
    query: PostgresQuery,
    values: [owner: string, id: string, ...unknown[]],
  ): Promise<boolean> {
    const [owner, id] = values;
    try {
      const { rowCount } = await this.#run(what, query, values, id);
      if (rowCount !== 1) return false;
    } catch (error) {
      if (wasRolledBack(error)) return false;
      throw error;
    }
    this.#news?.tell(owner, id, version);
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

interface Table {
  readonly name: string;
  /** The schema as it stands before a name, or nothing. */
  readonly in: string;
}

function statements(table: string, prepare: boolean) {
  const head = "id, version, created_at, due_at, state";
  const statement = (text: string) => prepared(text, prepare);
  // What is due is found in the index alone, which cannot hold the state, for its entries have to be short. `LIMIT 1`
  // keeps the planner from joining in any other way than task by task.
  const due = (which: string) =>
    `SELECT found.* FROM (SELECT owner, id FROM ${table} WHERE ${which} ORDER BY due_at, owner, id LIMIT $2) AS due,` +
    ` LATERAL (SELECT owner, ${head} FROM ${table} AS each WHERE each.owner = due.owner AND each.id = due.id LIMIT 1) AS found` +
    " ORDER BY found.due_at, found.owner, found.id";
  return {
    getWhole: statement(`SELECT ${head}, payload FROM ${table} WHERE owner = $1 AND id = $2`),
    getHead: statement(`SELECT ${head} FROM ${table} WHERE owner = $1 AND id = $2`),
    insert: statement(
      `INSERT INTO ${table} (owner, id, version, created_at, due_at, state, payload) VALUES ($1, $2, 1, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
    ),
    swap: statement(
      `UPDATE ${table} SET version = $3, due_at = $4, state = $5 WHERE owner = $1 AND id = $2 AND version = $3::bigint - 1`,
    ),
    swapPayload: statement(
      `UPDATE ${table} SET version = $3, due_at = $4, state = $5, payload = $6 WHERE owner = $1 AND id = $2 AND version = $3::bigint - 1`,
    ),
    remove: statement(`DELETE FROM ${table} WHERE owner = $1 AND id = $2 AND version = $3`),
    usage: statement(
      `SELECT count(*) AS tasks, coalesce(sum(length(payload)), 0) AS bytes FROM ${table} WHERE owner = $1`,
    ),
    listAll: statement(`SELECT ${head} FROM ${table} WHERE owner = $1 ORDER BY created_at, id LIMIT $2`),
    listAfter: statement(
      `SELECT ${head} FROM ${table} WHERE owner = $1 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`,
    ),
    dueBefore: statement(due("due_at <= $1")),
    dueAfter: statement(due("due_at <= $1 AND (due_at, owner, id) > ($3, $4, $5)")),
  };
}

/**
 * The name says what the text is (FNV-1a), so that stores on other tables, or of another version, share a connection.
 */
function prepared(text: string, prepare: boolean): PostgresQuery {
  if (!prepare) return { text };
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n += 1) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return { text, name: `mcp-longhaul ${(hash >>> 0).toString(16)}` };
}

/** Step `n` leads from schema version `n` to `n + 1`. A step that was released is never changed. */
const STEPS: readonly ((table: Table) => string)[] = [
  // With the collation "C" texts are in the order of their UTF-8 bytes. For ids, which are ASCII, that is the order of
  // code units. No index holds the version or the state: where the due time stays and the page has room, a swap touches
  // no index.
  (table) => `
    CREATE TABLE ${table.in}"${table.name}" (
      owner text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      created_at bigint NOT NULL,
      due_at bigint,
      state text NOT NULL,
      payload text,
      PRIMARY KEY (owner, id)
    ) WITH (fillfactor = 80);
    CREATE INDEX "${table.name}_by_creation" ON ${table.in}"${table.name}" (owner, created_at, id);
    CREATE INDEX "${table.name}_by_due" ON ${table.in}"${table.name}" (due_at, owner, id) WHERE due_at IS NOT NULL;`,
];

async function migrate(pool: PostgresPool, schema: string | undefined, table: Table): Promise<void> {
  const versions = `${table.in}"${table.name}_schema"`;
  if ((await publicVersion(pool, versions)) === STEPS.length) return; // nothing to write, and no right to write is needed
  const client = await pool.connect();
  client.on("error", () => {}); // the query that it ends fails by itself
  let broken = false;
  const run = async (text: string, values?: unknown[]) =>
    (await client.query(values ? { text, values } : { text })).rows;
  try {
    // Not as the user may have set it: each statement has to see what others have written while it waited for the lock.
    await run("BEGIN ISOLATION LEVEL READ COMMITTED");
    // One lock for all prefixes: they may share a schema that is still to be made.
    await run("SELECT pg_advisory_xact_lock(hashtext('mcp-longhaul'))");
    // Asked first, for `IF NOT EXISTS` wants the right to create schemas all the same.
    if (schema !== undefined && (await run("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).length === 0)
      await run(`CREATE SCHEMA "${schema}"`);
    // `to_regclass` would answer from a cache of before the lock.
    await run(`CREATE TABLE IF NOT EXISTS ${versions} (version integer NOT NULL)`);
    const [row] = await run(`SELECT version FROM ${versions}`);
    if (row === undefined) await run(`INSERT INTO ${versions} VALUES (0)`);
    const version = row === undefined ? 0 : Number((row as VersionRow).version);
    if (version > STEPS.length)
      throw new TaskError(
        "storage",
        `Table ${table.name} has schema version ${version}, made by a newer mcp-longhaul. Update this one.`,
      );
    for (const step of STEPS.slice(version)) await run(step(table));
    await run(`UPDATE ${versions} SET version = ${STEPS.length}`);
    await run("COMMIT");
  } catch (error) {
    await run("ROLLBACK").catch(() => (broken = true));
    throw error;
  } finally {
    client.release(broken);
  }
}

interface VersionRow {
  readonly version: number | string;
}

/** The schema version that everybody can see; 0 where there are no tables yet. */
async function publicVersion(pool: PostgresPool, versions: string): Promise<number> {
  const ask = async (text: string, values: unknown[]) => (await pool.query({ text, values })).rows[0];
  const { known, encoding } = (await ask(
    "SELECT to_regclass($1) IS NOT NULL AS known, current_setting('server_encoding') AS encoding",
    [versions],
  )) as { known: boolean; encoding: string };
  if (encoding !== "UTF8")
    throw new TaskError("storage", `The database has the encoding ${encoding}; mcp-longhaul needs one with UTF8.`);
  return known ? Number(((await ask(`SELECT version FROM ${versions}`, [])) as VersionRow).version) : 0;
}

/** In ms: how long after a lost connection it listens again, doubled with each failure up to the longest. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 10_000;

/** The connection that listens, or the pause before the next: there is one of them while anybody listens. */
interface Ear {
  client?: PostgresClient;
  timer?: ReturnType<typeof setTimeout>;
  closed: boolean;
}

/**
 * Tells and hears of changes. It listens on a connection of its own while anybody does; what is told is
 * `<id> <version> <owner>`.
 */
class News {
  readonly #pool: PostgresPool;
  readonly #channel: string;
  readonly #notify: PostgresQuery;
  readonly #watchers = new Watchers();
  #ear: Ear | undefined;
  #pause = FIRST_PAUSE;
  #untold: string[] = [];
  #telling: Promise<void> | undefined;

  constructor(pool: PostgresPool, channel: string, prepare: boolean) {
    this.#pool = pool;
    this.#channel = channel;
    this.#notify = prepared(`SELECT count(pg_notify('${channel}', change)) FROM unnest($1::text[]) AS change`, prepare);
  }

  /** While one batch is on its way, the next gathers. */
  tell(owner: string, id: string, version: number): void {
    this.#untold.push(`${id} ${version} ${owner}`);
    this.#telling ??= this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    while (this.#untold.length > 0) {
      const changes = this.#untold;
      this.#untold = [];
      try {
        await this.#pool.query({ ...this.#notify, values: [changes] });
      } catch {
        // The changes stand; who waits for them finds them when it reads.
      }
    }
    this.#telling = undefined;
  }

  listen(listener: TaskListener): () => void {
    const stop = this.#watchers.add(listener);
    this.#open();
    return () => {
      stop();
      if (this.#watchers.count === 0) this.#shut();
    };
  }

  /** Gives the connection back, when what was told has gone out. */
  async close(): Promise<void> {
    this.#shut();
    await this.#telling;
  }

  #open(): void {
    if (this.#ear !== undefined) return;
    const ear: Ear = (this.#ear = { closed: false });
    const lost = (): void => {
      if (ear.closed) return;
      this.#shut();
      const timer = setTimeout(() => {
        this.#ear = undefined;
        this.#open();
      }, this.#pause);
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
      unref(timer);
      this.#ear = { closed: false, timer };
    };
    void (async () => {
      const client = await this.#pool.connect();
      client.on("error", lost);
      client.on("end", lost);
      client.on("notification", ({ payload = "" }) => {
        if (!ear.closed) this.#heard(payload);
      });
      if (ear.closed) return client.release(true);
      ear.client = client;
      await client.query({ text: `LISTEN "${this.#channel}"` });
      client.unref?.();
      this.#pause = FIRST_PAUSE;
    })().catch(lost);
  }

  /** The connection is closed, not used on: that ends its listening whatever state it is in. */
  #shut(): void {
    const ear = this.#ear;
    if (ear === undefined) return;
    this.#ear = undefined;
    ear.closed = true;
    clearTimeout(ear.timer);
    ear.client?.release(true);
  }

  #heard(change: string): void {
    const [id, version] = change.split(" ", 2) as [string, string?];
    if (version !== undefined) this.#watchers.tell(change.slice(id.length + version.length + 2), id, Number(version));
  }
}

/** A timer that does not keep the process alive, where there are such timers. */
function unref(timer: unknown): void {
  (timer as { unref?(): void }).unref?.();
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

const ID = /^[\w-]{1,128}$/;

function atMost(limit: number): number {
  return Math.max(0, Math.min(limit, Number.MAX_SAFE_INTEGER));
}

/** PostgreSQL keeps no NUL, UTF-8 no half of a surrogate pair, and an entry of an index is short. */
function check(owner: string): void {
  if (owner.length > 512 || /\0|\p{Surrogate}/u.test(owner))
    throw new TaskError(
      "invalid_argument",
      "A task's owner must be at most 512 characters, without NUL or lone surrogates.",
    );
}

function wrong(option: keyof PostgresStoreOptions, what: string): TaskError {
  return new TaskError("invalid_argument", `\`${option}\` of postgresStore ${what}.`);
}

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

function failure(what: string, cause: unknown, taskId?: string): TaskError {
  if (cause instanceof TaskError) return cause;
  const message = (cause instanceof Error && cause.message) || codeOf(cause) || String(cause);
  const advice = ADVICE[codeOf(cause)];
  return new TaskError("storage", `The PostgreSQL store could not ${what}: ${message}.${advice ? ` ${advice}` : ""}`, {
    cause,
    taskId,
  });
}

/** A serialization failure or a deadlock: the statement was undone, because of others that were not. */
function wasRolledBack(error: unknown): boolean {
  return error instanceof TaskError && ["40001", "40P01"].includes(codeOf(error.cause));
}

function codeOf(error: unknown): string {
  return String((Object(error) as { readonly code?: unknown }).code ?? "");
}
