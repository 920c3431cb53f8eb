import { TaskError } from "../errors.ts";
import { readJson } from "../server/body.ts";
import { ASK_PREFIX, creationKey } from "../server/facts.ts";
import type { FetchHandler, TaskServer } from "../server.ts";
import { type SqliteEngine, SqliteTasks } from "../sqlite-tasks.ts";
import type { StoredTask, TaskStore, TaskWrite } from "../store.ts";

/** What is used of `ctx.storage` of a Durable Object with SQLite. */
export interface ObjectStorage {
  /** The database. */
  readonly sql: { exec(query: string, ...bindings: unknown[]): { toArray(): unknown[]; readonly rowsWritten: number } };
  /** Runs what is undone as a whole if it throws. */
  transactionSync<T>(run: () => T): T;
  /** Wakes the object up at `time`, in ms since the epoch. */
  setAlarm(time: number): Promise<void>;
}

/** What is used of a Durable Object's `ctx`. */
export interface ObjectContext {
  /** The object's id: 64 hexadecimal digits. */
  readonly id: { toString(): string };
  /** Its storage. */
  readonly storage: ObjectStorage;
  /** Keeps the object awake until `promise` settles. */
  waitUntil(promise: Promise<unknown>): void;
}

/** What is used of a binding to a class of Durable Objects. */
export interface ObjectNamespace {
  /** The id of the object of this name. */
  idFromName(name: string): object;
  /** The id that was written as 64 hexadecimal digits. */
  idFromString(id: string): object;
  /** The object of an id. */
  get(id: never): { fetch(request: Request): Promise<Response> };
}

/**
 * Keeps tasks in the SQLite storage of a Durable Object, in the table `mcp_tasks`. It answers at once; the platform
 * holds an answer back until what was written before it is safe. The object's alarm is the store's: it is set to when
 * the next task is due, so that time passes for a task whose object sleeps. Let `alarm()` call {@link
 * TaskServer.sweep}, as {@link taskObject} does.
 *
 * Throws {@link TaskError}: `invalid_argument` for a wrong owner or id; `storage` where the storage fails, with its
 * error as `cause`, or is not SQLite (`new_sqlite_classes` in the Worker's configuration).
 */
export function durableObjectStore(storage: ObjectStorage): TaskStore {
  return open(storage, false);
}

function open(storage: ObjectStorage, wakes: boolean): ObjectTasks {
  if (typeof (storage as Partial<ObjectStorage>).sql?.exec !== "function")
    throw new TaskError(
      "storage",
      "durableObjectStore needs a Durable Object with SQLite: name its class in `new_sqlite_classes`.",
    );
  return new ObjectTasks(storage, wakes);
}

/**
 * The platform keeps no text over 2 MB, so a longer payload goes on in rows of its own. A UTF-16 unit is at most 3
 * bytes.
 */
const PIECE = 500_000;

const ALARM_PAUSE = 10_000;

class ObjectTasks extends SqliteTasks {
  /**
   * Whether {@link taskObject} sees to the alarm. Then an earlier one stays: so it comes about once in a lease while a
   * task runs, however often the lease is renewed, and the platform, which takes an object from memory when nothing has
   * come to it for a minute or two, leaves it to its work.
   */
  readonly wakes: boolean;
  readonly #storage: ObjectStorage;
  /** When the alarm comes; `undefined` as long as this object has set none, which may be newer than the alarm. */
  #alarm: number | undefined;

  constructor(storage: ObjectStorage, wakes: boolean) {
    super(engine(storage), "mcp_tasks");
    this.#storage = storage;
    this.wakes = wakes;
    // No other connection writes here, so nobody reads notices of changes: they would only be rows to pay for.
    for (const what of ["insert", "update", "delete"]) this.#sql(`DROP TRIGGER IF EXISTS mcp_tasks_${what}`);
    this.#sql(
      "CREATE TABLE IF NOT EXISTS mcp_tasks_pieces (owner TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL)",
    );
    this.#sql("CREATE INDEX IF NOT EXISTS mcp_tasks_pieces_of ON mcp_tasks_pieces (owner, id)");
  }

  override get(owner: string, id: string, options?: { readonly payload?: boolean }): StoredTask | undefined {
    const task = super.get(owner, id, options);
    if ((task?.payload?.length ?? 0) < PIECE - 1) return task;
    const rest = this.#sql(
      "SELECT text FROM mcp_tasks_pieces WHERE owner = ? AND id = ? ORDER BY rowid",
      owner,
      id,
    ) as { text: string }[];
    return { ...task!, payload: task!.payload + rest.map(({ text }) => text).join("") };
  }

  override put(write: TaskWrite): boolean {
    const { owner, id, version, payload } = write;
    let done = false;
    if (payload === undefined || ((payload?.length ?? 0) <= PIECE && version === 1)) done = super.put(write);
    else {
      // Nothing else runs in this object meanwhile, so what is found first is still so when it is written over.
      if ((super.get(owner, id, { payload: false })?.version ?? 0) !== version - 1) return false;
      this.#storage.transactionSync(() => {
        const [first = null, ...rest] = payload === null ? [] : pieces(payload);
        this.#forget(owner, id);
        for (const text of rest) this.#sql("INSERT INTO mcp_tasks_pieces VALUES (?, ?, ?)", owner, id, text);
        done = super.put({ ...write, payload: first });
      });
    }
    if (done) this.setAlarm(0);
    return done;
  }

  override delete(owner: string, id: string, version: number): boolean {
    const gone = super.delete(owner, id, version);
    if (gone) this.#forget(owner, id);
    return gone;
  }

  /** Sets the alarm for the next task that is due; for one that is due already, `pause` ms from now. */
  setAlarm(pause: number): void {
    const [next] = this.#sql("SELECT min(due_at) AS at FROM mcp_tasks WHERE due_at IS NOT NULL") as {
      at: number | null;
    }[];
    const at = next?.at ?? null;
    // An alarm that comes for nothing does no harm, so none is deleted.
    if (at === null || at === this.#alarm || (this.wakes && this.#alarm !== undefined && this.#alarm < at)) return;
    const now = Date.now();
    this.#alarm = at > now ? at : now + pause;
    // Not awaited: it is written together with the task.
    void this.#storage.setAlarm(this.#alarm);
  }

  /**
   * The alarm has come, and its work is done: the next one. What is due still could not be settled, or was too much:
   * not at once.
   */
  alarmEnded(): void {
    this.#alarm = undefined;
    this.setAlarm(ALARM_PAUSE);
  }

  #forget(owner: string, id: string): void {
    this.#sql("DELETE FROM mcp_tasks_pieces WHERE owner = ? AND id = ?", owner, id);
  }

  #sql(query: string, ...values: unknown[]): unknown[] {
    try {
      return this.#storage.sql.exec(query, ...values).toArray();
    } catch (error) {
      throw this.failure("work", error);
    }
  }
}

/** Never in the middle of a character, which UTF-8 cannot cut. */
function pieces(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length || at === 0; ) {
    const end = /[\ud800-\udbff]/.test(text.charAt(at + PIECE - 1)) ? at + PIECE - 1 : at + PIECE;
    found.push(text.slice(at, end));
    at = end;
  }
  return found;
}

function engine(storage: ObjectStorage): SqliteEngine {
  const rows = (sql: string, values: unknown[]): unknown[] => storage.sql.exec(sql, ...values).toArray();
  return {
    exec: (sql) => storage.sql.exec(sql),
    prepare: (sql) => ({
      get: (...values) => rows(sql, values)[0],
      all: (...values) => rows(sql, values),
      run: (...values) => ({ changes: storage.sql.exec(sql, ...values).rowsWritten }),
    }),
    atomically: (run) => storage.transactionSync(run),
    advice: () => "",
  };
}

/** What {@link taskObject} gives to a server: `new TaskServer({ ...durable, tools })`. */
export interface DurableTasks {
  /** The tasks of this object. */
  readonly store: TaskStore;
  /** The object's id, so that {@link routeByTask} finds a task's object. */
  readonly idPrefix: string;
  /** An object's lives follow each other at one place, whose clock is kept in step. */
  readonly clockSkew: number;
}

/** What the function given to {@link taskObject} makes. */
export interface ServedTasks {
  /** The server of the tasks, made with {@link DurableTasks}. */
  readonly tasks: TaskServer;
  /** The HTTP entry whose servers are attached to `tasks`, as `createMcpHandler` of the SDK makes it. */
  readonly handler: FetchHandler;
}

/** What the platform calls on an object of {@link taskObject}. */
export interface TaskObject {
  /** Serves MCP. */
  fetch(request: Request): Promise<Response>;
  /** Looks for tasks whose time or lease is over. */
  alarm(): Promise<void>;
}

/**
 * Makes a class of Durable Objects that serve MCP, with tasks that outlive them. `build` is called once in the life of
 * each object in memory.
 *
 * ```ts
 * export const Tasks = taskObject<Env>(({ durable, env }) => {
 *   const tasks = new TaskServer({ ...durable, task: "always" });
 *   return { tasks, handler: createMcpHandler(() => tasks.attach(makeServer(env))) };
 * });
 * export default { fetch: (request: Request, env: Env) => routeByTask(request, env.TASKS) };
 * ```
 */
export function taskObject<Env = unknown>(
  build: (context: { readonly durable: DurableTasks; readonly env: Env; readonly ctx: ObjectContext }) => ServedTasks,
): new (
  ctx: ObjectContext,
  env: Env,
) => TaskObject {
  return class implements TaskObject {
    readonly #ctx: ObjectContext;
    readonly #store: ObjectTasks;
    readonly #tasks: TaskServer;
    readonly #serve: (
      request: Request,
      options: { readonly authInfo: unknown },
      ctx: ObjectContext,
    ) => Promise<Response>;

    constructor(ctx: ObjectContext, env: Env) {
      this.#ctx = ctx;
      this.#store = open(ctx.storage, true);
      const { tasks, handler } = build({
        durable: { store: this.#store, idPrefix: `${String(ctx.id)}_`, clockSkew: 0 },
        env,
        ctx,
      });
      this.#tasks = tasks;
      this.#serve = tasks.fetch(handler);
    }

    fetch(request: Request): Promise<Response> {
      return this.#serve(request, { authInfo: verified(request) }, this.#ctx);
    }

    async alarm(): Promise<void> {
      try {
        this.#tasks.sweep();
      } finally {
        this.#store.alarmEnded();
      }
    }
  };
}

const OBJECT_OF_TASK = /^([0-9a-f]{64})_[\w-]+$/;
/** An answer to what a task has asked names the question alone, whose id begins with the task's `idPrefix`. */
const OBJECT_OF_ASK = new RegExp(`^${ASK_PREFIX}([0-9a-f]{64})_[\\w-]+$`);

/** Who calls, and how many objects share the work. */
export interface RouteOptions {
  /** How many objects share the tasks of requests without `owner`. Default 16. */
  readonly objects?: number | undefined;
  /**
   * What the Worker has verified about the caller, in the SDK's shape: the object's handlers see it, and tasks belong
   * to its principal. Plain JSON but for `resource`. Without it, the caller is nobody in particular.
   */
  readonly authInfo?: object | undefined;
  /**
   * A name for the caller's principal, never its token: all its requests go to one object of its own. `tasks/list`
   * finds all its tasks then, and one `subscriptions/listen` hears of all of them.
   */
  readonly owner?: string | undefined;
}

/**
 * Sends a request to the object that has the task it names, in the header `Mcp-Name` (2026-07-28) or in its body
 * (2025-11-25), and any other request to one of `objects` objects: calls with the same creation key to the same one,
 * the rest at random. Create tasks in objects of {@link taskObject}, with their `idPrefix`.
 *
 * A `subscriptions/listen` names several tasks and reaches one object, which accepts none of the others'; clients poll
 * those. `tasks/list` finds the tasks of one object only. Where callers are authenticated, `owner` spares them both.
 */
export async function routeByTask(
  request: Request,
  namespace: ObjectNamespace,
  { objects = 16, authInfo, owner }: RouteOptions = {},
): Promise<Response> {
  const id = owner === undefined ? await objectOf(request, namespace, objects) : namespace.idFromName(`owner-${owner}`);
  return namespace.get(id as never).fetch(vouchFor(request, authInfo));
}

async function objectOf(request: Request, namespace: ObjectNamespace, objects: number): Promise<object> {
  const header = OBJECT_OF_TASK.exec(request.headers.get("mcp-name") ?? "");
  const named = header === null ? await namedInBody(request) : undefined;
  const [, known] = header ?? OBJECT_OF_TASK.exec(named?.taskId ?? "") ?? OBJECT_OF_ASK.exec(named?.id ?? "") ?? [];
  const number = named?.key === undefined ? Math.floor(Math.random() * objects) : sum(named.key) % objects;
  return (known === undefined ? undefined : idOf(namespace, known)) ?? namespace.idFromName(`tasks-${number}`);
}

/** A request's `cf` is the platform's and the Workers' own: no client can write it, as it could a header. */
interface Cf {
  readonly cf?: Readonly<Record<string, unknown>>;
}
const VERIFIED = "mcp-longhaul/auth-info";

/** The request with what its Worker has verified, and with nothing that another one said. */
function vouchFor(request: Request & Cf, authInfo: object | undefined): Request {
  const { [VERIFIED]: _other, ...cf } = request.cf ?? {};
  return new Request(request, {
    cf: { ...cf, ...(authInfo !== undefined && { [VERIFIED]: JSON.stringify(authInfo) }) },
  } as RequestInit);
}

function verified({ cf }: Request & Cf): object | undefined {
  const text = cf?.[VERIFIED];
  if (typeof text !== "string") return undefined;
  const authInfo = JSON.parse(text) as { resource?: unknown };
  return typeof authInfo.resource === "string" ? { ...authInfo, resource: new URL(authInfo.resource) } : authInfo;
}

/** `undefined` for an id that no object of this namespace has: a client may send anything. */
function idOf(namespace: ObjectNamespace, id: string): object | undefined {
  try {
    return namespace.idFromString(id);
  } catch {
    return undefined;
  }
}

interface Named {
  readonly id?: string | undefined;
  readonly taskId?: string | undefined;
  readonly key?: string | undefined;
}

async function namedInBody(request: Request): Promise<Named> {
  if (request.method !== "POST") return {};
  try {
    const { id, params } = (await readJson(request)) as {
      readonly id?: unknown;
      readonly params?: { readonly taskId?: unknown; readonly _meta?: unknown };
    };
    const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
    return { id: text(id), taskId: text(params?.taskId), key: creationKey(params?._meta) };
  } catch {
    return {}; // The object says what is wrong with it.
  }
}

function sum(text: string): number {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)!) >>> 0;
  return sum;
}
