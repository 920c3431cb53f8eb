import { TaskError } from "../../errors.ts";
import type { StoredTask, TaskWrite } from "../../store.ts";
import type { SqliteEngine } from "../sqlite/engine.ts";
import { SqliteTasks } from "../sqlite/tasks.ts";
import type { ObjectStorage } from "./platform.ts";

/** Throws {@link TaskError} `storage` where the storage is not SQLite. */
export function openObjectTasks(storage: ObjectStorage, wakes: boolean): ObjectTasks {
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

/** The tasks in the storage of an object, which has one alarm. */
export class ObjectTasks extends SqliteTasks {
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
    // No other connection writes here, so notices of changes have no reader: they would only be rows to pay for.
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
