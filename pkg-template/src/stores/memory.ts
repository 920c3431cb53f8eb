import { TaskError, TaskStoreFullError } from "../errors.ts";
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
import { checkNames } from "../options-check.ts";
import { Sorted } from "../store-parts/sorted.ts";
import { Watchers } from "../store-parts/watchers.ts";

/**
 * The limits of a {@link memoryStore}: numbers from 1, or `Infinity` for none.
 *
 * Bytes are an upper bound, found without reading the texts: two bytes for each UTF-16 code unit of id, state and
 * payload (engines keep ASCII texts in half of that) and 256 bytes for the task itself, and never less than 4 KiB a
 * task. The 4 KiB are room set aside when the task is created, so that a full store can still take a short outcome.
 */
export interface MemoryStoreOptions {
  /** Tasks of all owners together. Default 50,000. */
  readonly maxTasks?: number | undefined;
  /** Tasks of one owner; where callers are not authenticated, all tasks have one owner. Default 10,000. */
  readonly maxTasksPerOwner?: number | undefined;
  /** Bytes of all tasks together. Default 268,435,456 (256 MiB). */
  readonly maxBytes?: number | undefined;
  /** Bytes of the tasks of one owner. Default 134,217,728 (128 MiB). */
  readonly maxBytesPerOwner?: number | undefined;
}

/** A {@link TaskStore} that always answers at once, and says how full it is. */
export interface MemoryStore extends TaskStore {
  /** How many tasks are stored. */
  readonly tasks: number;
  /** Their bytes, as the limits count them. */
  readonly bytes: number;
  /** {@link TaskStore.get}, at once. */
  get(owner: string, id: string, options?: { readonly payload?: boolean }): StoredTask | undefined;
  /** {@link TaskStore.put}, at once. Throws {@link TaskStoreFullError} over a limit. */
  put(task: TaskWrite): boolean;
  /** {@link TaskStore.delete}, at once. */
  delete(owner: string, id: string, version: number): boolean;
  /** {@link TaskStore.list}, at once. */
  list(owner: string, options: { readonly after?: TaskPosition | undefined; readonly limit: number }): StoredTask[];
  /** {@link TaskStore.due}, at once. */
  due(before: number, limit: number, after?: DuePosition): StoredTask[];
  /** {@link TaskStore.usage}, at once; bytes as `maxBytesPerOwner` counts them. */
  usage(owner: string): TaskUsage;
  /** {@link TaskStore.all}, at once. */
  all(options: { readonly after?: OwnerPosition | undefined; readonly limit: number }): StoredTask[];
  /** {@link TaskStore.watch}: tells every change, when it is made. */
  watch(listener: TaskListener): () => void;
}

/**
 * Keeps tasks in the memory of this process, within limits: a new task over a limit, or a payload too many, is refused
 * with {@link TaskStoreFullError} and nothing is written. It never gives up a stored task to make room, so a task lives
 * as long as it was promised. A swap that does not enlarge a task, or leaves it within its 4 KiB, is never refused.
 *
 * Several servers in one process may share one store; each sees the changes of the others through `watch`.
 *
 * Throws {@link TaskError} `invalid_argument` for a limit that is not a number from 1, and for one that there is not.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new Memory(options);
}

/** What a task costs besides its texts: its object, its place in a map and in two orders, its version and times. */
const TASK_BYTES = 256;
const ROOM_BYTES = 4096;

/**
 * A stored task. One object for its whole life, changed in place and never handed out.
 *
 * Its times are milliseconds since the store's first task: V8 keeps numbers below 2^31 (24 days) in the object itself,
 * and each larger one in an object of 16 bytes. It decides so for all objects with the same property names in the same
 * order, hence the names that a {@link StoredTask} does not have.
 */
interface Entry {
  readonly owner: string;
  readonly id: string;
  version: number;
  readonly created: number;
  due: number | null;
  state: string;
  payload: string | null;
}

/** A task's place in the order of creation. */
type Place = Pick<Entry, "created" | "id">;

/** A task's place among what is due. */
type Deadline = Pick<Entry, "due" | "owner" | "id">;

/** One owner's tasks. A stranger's task is not in here, so asking for it is a miss like any other. */
class Shelf {
  readonly tasks = new Map<string, Entry>();
  readonly order = new Sorted<Place, Entry>(byCreation);
  bytes = 0;
  /** Length of the payloads. */
  payloads = 0;
}

class Memory implements MemoryStore {
  tasks = 0;
  bytes = 0;
  #origin: number | undefined;
  readonly #maxTasks: number;
  readonly #maxTasksPerOwner: number;
  readonly #maxBytes: number;
  readonly #maxBytesPerOwner: number;
  readonly #shelves = new Map<string, Shelf>();
  readonly #deadlines = new Sorted<Deadline, Entry>(byDeadline);
  readonly #watchers = new Watchers();

  constructor(options: MemoryStoreOptions) {
    const names = { maxTasks: true, maxTasksPerOwner: true, maxBytes: true, maxBytesPerOwner: true };
    checkNames("memoryStore", options, names);
    this.#maxTasks = limit(options, "maxTasks", 50_000);
    this.#maxTasksPerOwner = limit(options, "maxTasksPerOwner", 10_000);
    this.#maxBytes = limit(options, "maxBytes", 256 * 1024 * 1024);
    this.#maxBytesPerOwner = limit(options, "maxBytesPerOwner", 128 * 1024 * 1024);
  }

  get(owner: string, id: string, options?: { readonly payload?: boolean }): StoredTask | undefined {
    const entry = this.#shelves.get(owner)?.tasks.get(id);
    return entry && this.#snapshot(entry, options?.payload === false ? null : entry.payload);
  }

  put(task: TaskWrite): boolean {
    let shelf = this.#shelves.get(task.owner);
    const stored = shelf?.tasks.get(task.id);
    if (task.version === 1 ? stored !== undefined : stored?.version !== task.version - 1) return false;

    const payload = task.payload === undefined ? (stored?.payload ?? null) : task.payload;
    const growth = size(task.id, task.state, payload) - (stored ? size(stored.id, stored.state, stored.payload) : 0);
    this.#admit(shelf, stored === undefined, growth);

    // From here on nothing throws: the write is whole, or it was refused above.
    if (shelf === undefined) this.#shelves.set(task.owner, (shelf = new Shelf()));
    shelf.bytes += growth;
    shelf.payloads += (payload?.length ?? 0) - (stored?.payload?.length ?? 0);
    this.bytes += growth;
    const { owner, id, version, state } = task;
    this.#origin ??= task.createdAt;
    const created = small(task.createdAt - this.#origin);
    const due = task.dueAt === null ? null : small(task.dueAt - this.#origin);
    if (stored === undefined) {
      const entry: Entry = { owner, id, version, created, due, state, payload };
      this.tasks += 1;
      shelf.tasks.set(id, entry);
      shelf.order.add(entry);
      if (due !== null) this.#deadlines.add(entry);
    } else {
      const moved = stored.due !== due;
      if (moved && stored.due !== null) this.#deadlines.remove(stored);
      stored.version = version;
      stored.due = due;
      stored.state = state;
      stored.payload = payload;
      if (moved && due !== null) this.#deadlines.add(stored);
    }
    this.#watchers.tell(owner, id, version);
    return true;
  }

  delete(owner: string, id: string, version: number): boolean {
    const shelf = this.#shelves.get(owner);
    const stored = shelf?.tasks.get(id);
    if (shelf === undefined || stored === undefined) return true;
    if (stored.version !== version) return false;
    const bytes = size(stored.id, stored.state, stored.payload);
    this.tasks -= 1;
    this.bytes -= bytes;
    shelf.bytes -= bytes;
    shelf.payloads -= stored.payload?.length ?? 0;
    shelf.tasks.delete(id);
    shelf.order.remove(stored);
    if (stored.due !== null) this.#deadlines.remove(stored);
    if (shelf.tasks.size === 0) this.#shelves.delete(owner);
    this.#watchers.tell(owner, id, 0);
    return true;
  }

  list(owner: string, options: { readonly after?: TaskPosition | undefined; readonly limit: number }): StoredTask[] {
    const { after, limit } = options;
    const found: StoredTask[] = [];
    const shelf = this.#shelves.get(owner);
    if (shelf === undefined) return found;
    for (const entry of shelf.order.after(after && { created: after.createdAt - this.#origin!, id: after.id })) {
      if (found.length >= limit) break;
      found.push(this.#snapshot(entry, null));
    }
    return found;
  }

  due(before: number, limit: number, after?: DuePosition): StoredTask[] {
    const found: StoredTask[] = [];
    const origin = this.#origin ?? 0;
    for (const entry of this.#deadlines.after(
      after && { due: after.dueAt - origin, owner: after.owner, id: after.id },
    )) {
      if (found.length >= limit || entry.due! > before - origin) break;
      found.push(this.#snapshot(entry, null));
    }
    return found;
  }

  usage(owner: string): TaskUsage {
    const shelf = this.#shelves.get(owner);
    return { tasks: shelf?.tasks.size ?? 0, bytes: shelf?.payloads ?? 0 };
  }

  all(options: { readonly after?: OwnerPosition | undefined; readonly limit: number }): StoredTask[] {
    const { after, limit } = options;
    const found: StoredTask[] = [];
    // Sorted when it is asked for: operators ask rarely, and owners come and go.
    for (const owner of [...this.#shelves.keys()].sort(byText)) {
      if (after !== undefined && byText(owner, after.owner) < 0) continue;
      const from = after?.owner === owner ? after : undefined;
      if (found.length >= limit) break;
      for (const task of this.list(owner, { after: from, limit: limit - found.length })) found.push(task);
    }
    return found;
  }

  watch(listener: TaskListener): () => void {
    return this.#watchers.add(listener);
  }

  /** Throws where a limit forbids what `put` is about to write. */
  #admit(shelf: Shelf | undefined, created: boolean, growth: number): void {
    if (created) {
      if ((shelf?.tasks.size ?? 0) >= this.#maxTasksPerOwner)
        throw full("task_limit", "maxTasksPerOwner", this.#maxTasksPerOwner, "tasks of one owner");
      if (this.tasks >= this.#maxTasks) throw full("task_limit", "maxTasks", this.#maxTasks, "tasks");
    }
    if (growth > 0) {
      if ((shelf?.bytes ?? 0) + growth > this.#maxBytesPerOwner)
        throw full("payload_limit", "maxBytesPerOwner", this.#maxBytesPerOwner, "bytes of one owner");
      if (this.bytes + growth > this.#maxBytes) throw full("payload_limit", "maxBytes", this.#maxBytes, "bytes");
    }
  }

  #snapshot(entry: Entry, payload: string | null): StoredTask {
    const origin = this.#origin!; // there is a task
    const dueAt = entry.due === null ? null : entry.due + origin;
    return {
      owner: entry.owner,
      id: entry.id,
      version: entry.version,
      createdAt: entry.created + origin,
      dueAt,
      state: entry.state,
      payload,
    };
  }
}

function size(id: string, state: string, payload: string | null): number {
  return Math.max(ROOM_BYTES, TASK_BYTES + 2 * (id.length + state.length + (payload?.length ?? 0)));
}

function full(reason: "task_limit" | "payload_limit", option: string, limit: number, what: string): TaskStoreFullError {
  const advice = `Raise \`${option}\` of memoryStore, shorten the tasks' time to live, or use a store on disk.`;
  return new TaskStoreFullError(reason, `The memory store is full: it may hold ${limit} ${what}. ${advice}`);
}

function limit(options: MemoryStoreOptions, name: keyof MemoryStoreOptions, otherwise: number): number {
  const value = options[name] ?? otherwise;
  if (typeof value === "number" && value >= 1) return value;
  throw new TaskError(
    "invalid_argument",
    `\`${name}\` of memoryStore must be a number from 1, or Infinity for no limit.`,
  );
}

/** `<` on strings compares code units, which is the order the contract asks for. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byCreation(a: Place, b: Place): number {
  return a.created - b.created || byText(a.id, b.id);
}

function byDeadline(a: Deadline, b: Deadline): number {
  return a.due! - b.due! || byText(a.owner, b.owner) || byText(a.id, b.id);
}

/** The same number; V8 would keep the small difference of two large ones as it kept those. */
function small(number: number): number {
  return (number | 0) === number ? number | 0 : number;
}
