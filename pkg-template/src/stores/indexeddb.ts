import { NAME } from "../name.ts";
import { TaskError, TaskStoreFullError } from "../errors.ts";
import { checkNames } from "../options-check.ts";
import type {
  DuePosition,
  OwnerPosition,
  StoredTask,
  TaskListener,
  TaskPosition,
  TaskStore,
  TaskWrite,
} from "../store.ts";
import { requireTaskId } from "../store-parts/checks.ts";
import { Watchers } from "../store-parts/watchers.ts";

declare global {
  // Part of TypeScript's library for browsers; a program compiled for Node alone may not have it.
  interface IDBFactory {}
}

/** What {@link indexedDbStore} takes. */
export interface IndexedDbStoreOptions {
  /**
   * `"strict"`: an acknowledged task is on the disk. `"relaxed"`: it is with the operating system, which is faster, and
   * a power cut may take it back. Default `"strict"`.
   */
  readonly durability?: "strict" | "relaxed" | undefined;
  /** Where the database is, for example a storage bucket's. Default: the global `indexedDB`. */
  readonly indexedDB?: IDBFactory | undefined;
}

/**
 * Keeps tasks in the browser: in an IndexedDB database of this name, which belongs to the store alone. Pages and
 * workers of one origin may share it, and `watch` tells each what the others change. The database is opened when it is
 * first used.
 *
 * A browser may delete what an origin stores when the disk is full; `await navigator.storage.persist()` asks it not to.
 *
 * Methods reject with {@link TaskStoreFullError} where the origin's quota is used up, and with {@link TaskError}:
 * `invalid_argument` for a wrong owner or id; `storage` where there is no IndexedDB or it fails, with its error as
 * `cause`.
 */
export function indexedDbStore(name: string = NAME, options: IndexedDbStoreOptions = {}): TaskStore {
  return new IndexedDb(name, options);
}

const TASKS = "tasks";
/** Apart from the tasks, so that neither a list nor a status message reads or writes them. */
const PAYLOADS = "payloads";
const BY_CREATION = "by creation";
const BY_DUE = "by due";

/** Step `n` leads from database version `n` to `n + 1`. A step that was released is never changed. */
const STEPS: readonly ((db: IDBDatabase) => void)[] = [
  (db) => {
    const tasks = db.createObjectStore(TASKS, { keyPath: ["owner", "id"] });
    tasks.createIndex(BY_CREATION, ["owner", "createdAt", "id"]);
    tasks.createIndex(BY_DUE, ["dueAt", "owner", "id"]); // where `dueAt` is `null`, the task is not in the index
    db.createObjectStore(PAYLOADS);
  },
];

type Row = Omit<StoredTask, "payload">;

class IndexedDb implements TaskStore {
  readonly #name: string;
  readonly #durability: "strict" | "relaxed";
  readonly #factory: IDBFactory | undefined;
  readonly #watchers = new Watchers();
  #opening: Promise<IDBDatabase> | undefined;
  #channel: BroadcastChannel | undefined;
  #closed = false;

  constructor(name: string, options: IndexedDbStoreOptions) {
    checkNames("indexedDbStore", options, { durability: true, indexedDB: true });
    const { durability = "strict" } = options;
    if (typeof name !== "string" || name === "")
      throw new TaskError("invalid_argument", "The name of an indexedDbStore must be a text that is not empty.");
    if (durability !== "strict" && durability !== "relaxed")
      throw new TaskError("invalid_argument", '`durability` of indexedDbStore must be "strict" or "relaxed".');
    this.#name = name;
    this.#durability = durability;
    this.#factory = options.indexedDB;
  }

  async get(owner: string, id: string, options?: { readonly payload?: boolean }): Promise<StoredTask | undefined> {
    const whole = options?.payload !== false;
    const [row, payload] = await this.#run("read", "readonly", whole ? [TASKS, PAYLOADS] : [TASKS], (transaction) => [
      transaction.objectStore(TASKS).get([owner, id]) as IDBRequest<Row | undefined>,
      whole ? (transaction.objectStore(PAYLOADS).get([owner, id]) as IDBRequest<string | undefined>) : undefined,
    ]);
    return row?.result && { ...row.result, payload: payload?.result ?? null };
  }

  async put(write: TaskWrite): Promise<boolean> {
    const { payload, ...row } = write;
    const { owner, id, version } = row;
    requireTaskId(id);
    return this.#change("write", owner, id, version, (stored, transaction) => {
      if (version === 1 ? stored !== undefined : stored !== version - 1) return false;
      transaction.objectStore(TASKS).put(row satisfies Row);
      if (typeof payload === "string") transaction.objectStore(PAYLOADS).put(payload, [owner, id]);
      else if (payload === null) transaction.objectStore(PAYLOADS).delete([owner, id]);
      return true;
    });
  }

  async delete(owner: string, id: string, version: number): Promise<boolean> {
    let gone = false;
    const changed = await this.#change("delete", owner, id, 0, (stored, transaction) => {
      gone = stored === undefined;
      if (stored !== version) return false;
      transaction.objectStore(TASKS).delete([owner, id]);
      transaction.objectStore(PAYLOADS).delete([owner, id]);
      return true;
    });
    return changed || gone;
  }

  list(
    owner: string,
    options: { readonly after?: TaskPosition | undefined; readonly limit: number },
  ): Promise<StoredTask[]> {
    const { after, limit } = options;
    // An array is behind every number and text.
    return this.#rows(
      BY_CREATION,
      () => IDBKeyRange.bound(after ? [owner, after.createdAt, after.id] : [owner], [owner, []], true, true),
      limit,
    );
  }

  all(options: { readonly after?: OwnerPosition | undefined; readonly limit: number }): Promise<StoredTask[]> {
    const { after, limit } = options;
    const from = after ? [after.owner, after.createdAt, after.id] : [""];
    return this.#rows(BY_CREATION, () => IDBKeyRange.bound(from, [[]], true, true), limit);
  }

  due(before: number, limit: number, after?: DuePosition): Promise<StoredTask[]> {
    // Without a lower bound, a private window of WebKit finds those too whose `dueAt` is `null`.
    const from = after ? [after.dueAt, after.owner, after.id] : [-Infinity];
    const to = [before, []];
    // The place may be behind all that is asked for, and to IndexedDB such a range is an error.
    if (after !== undefined && after.dueAt > before) return Promise.resolve([]);
    return this.#rows(BY_DUE, () => IDBKeyRange.bound(from, to, true, true), limit);
  }

  watch(listener: TaskListener): () => void {
    const stop = this.#watchers.add(listener);
    this.#announcer();
    return stop;
  }

  /** Closes the database once what is under way has ended. Whatever comes later fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#channel?.close();
    const opening = this.#opening;
    this.#opening = undefined;
    (await opening?.catch(() => undefined))?.close();
  }

  async #rows(index: string, range: () => IDBKeyRange, limit: number): Promise<StoredTask[]> {
    if (!(limit >= 1)) return []; // to IndexedDB, 0 is no limit
    const count = Math.min(limit, 2 ** 32 - 1);
    const request = await this.#run(
      "list",
      "readonly",
      [TASKS],
      (transaction) => transaction.objectStore(TASKS).index(index).getAll(range(), count) as IDBRequest<Row[]>,
    );
    return request.result.map((row) => ({ ...row, payload: null }));
  }

  /**
   * Decides about one task by its stored version, and writes: one transaction, which no other can come between. `next`:
   * the version that it makes.
   */
  async #change(
    what: string,
    owner: string,
    id: string,
    next: number,
    decide: (stored: number | undefined, transaction: IDBTransaction) => boolean,
  ): Promise<boolean> {
    let changed = false;
    await this.#run(what, "readwrite", [TASKS, PAYLOADS], (transaction) => {
      const request = transaction.objectStore(TASKS).get([owner, id]) as IDBRequest<Row | undefined>;
      request.onsuccess = () => void (changed = decide(request.result?.version, transaction));
    });
    if (changed) {
      this.#watchers.tell(owner, id, next);
      this.#announcer()?.postMessage([owner, id, next]);
    }
    return changed;
  }

  /** Runs a transaction to its end; what `begin` returned can be read then. */
  async #run<T>(
    what: string,
    mode: IDBTransactionMode,
    stores: string[],
    begin: (transaction: IDBTransaction) => T,
  ): Promise<T> {
    try {
      if (this.#closed) throw new TaskError("storage", "This indexedDbStore was closed.");
      const db = await (this.#opening ??= this.#open());
      const transaction = db.transaction(stores, mode, { durability: this.#durability });
      const ended = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error("The browser gave the transaction up."));
      });
      const begun = begin(transaction);
      await ended;
      return begun;
    } catch (error) {
      throw failure(what, this.#name, error);
    }
  }

  #open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const factory = this.#factory ?? (globalThis.indexedDB as IDBFactory | undefined);
      if (factory === undefined)
        throw new TaskError("storage", "There is no IndexedDB here: indexedDbStore is for browsers.");
      const request = factory.open(this.#name, STEPS.length);
      const forget = (): void => void (this.#opening = undefined); // the next call opens it again
      request.onupgradeneeded = ({ oldVersion }) => {
        for (const step of STEPS.slice(oldVersion)) step(request.result);
      };
      // The request goes on. Until the other tab is closed, each call is told.
      request.onblocked = () =>
        reject(
          new TaskError(
            "storage",
            `Another tab holds an older version of the database "${this.#name}". Close it, or reload it.`,
          ),
        );
      request.onerror = () => {
        forget();
        reject(request.error);
      };
      request.onsuccess = () => {
        const db = request.result;
        db.onclose = forget;
        // A newer version wants to migrate, or the page to delete the database: both wait until this connection is
        // closed.
        db.onversionchange = () => {
          forget();
          db.close();
        };
        if (this.#closed) db.close();
        else this.#opening = Promise.resolve(db);
        if (db.objectStoreNames.contains(TASKS) && db.objectStoreNames.contains(PAYLOADS)) return resolve(db);
        db.close();
        forget();
        reject(
          new TaskError(
            "storage",
            `The database "${this.#name}" holds something else. Give indexedDbStore a name that nothing else uses.`,
          ),
        );
      };
    });
  }

  #announcer(): BroadcastChannel | undefined {
    if (this.#channel !== undefined || this.#closed || typeof BroadcastChannel === "undefined") return this.#channel;
    this.#channel = new BroadcastChannel(`${NAME}/${this.#name}`);
    this.#channel.onmessage = ({ data }: MessageEvent<[owner: string, id: string, version: number]>) =>
      this.#watchers.tell(...data);
    return this.#channel;
  }
}

function failure(what: string, name: string, cause: unknown): TaskError {
  if (cause instanceof TaskError) return cause;
  const { name: kind, message } = Object(cause) as { readonly name?: unknown; readonly message?: unknown };
  if (kind === "QuotaExceededError")
    return new TaskStoreFullError(
      "payload_limit",
      `The browser has no more room for the database "${name}". Ask for it with ` +
        "`navigator.storage.persist()`, delete other data of this origin, or shorten the tasks' time to live.",
    );
  return new TaskError(
    "storage",
    `The IndexedDB store could not ${what}: ${String(message)} ${ADVICE[String(kind)] ?? ""}`.trimEnd(),
    { cause },
  );
}

const ADVICE: Readonly<Record<string, string>> = {
  VersionError: `The database was made by a newer ${NAME}: reload the page.`,
  SecurityError: "The browser lets this page store nothing, as in a sandboxed frame, or with site data switched off.",
};
