/**
 * A value, or a promise of it. A store that can answer at once should: the synchronous path is several times faster.
 */
export type MaybePromise<T> = T | Promise<T>;

/**
 * One task as a store keeps it. A store never interprets `state` or `payload`: it orders by `createdAt` and `id`,
 * finds by `owner` and `id`, and knows which tasks are due.
 */
export interface StoredTask {
  /**
   * Whose task it is: a stable principal, or `""` where nobody is authenticated. At most 512 characters, without NUL or
   * lone surrogates, which some databases cannot keep apart.
   * Records of an owner that begins with U+0001 are no tasks, but what the core remembers of creation keys; those of
   * one that begins with U+0002 are an adapter's, in a form of its own.
   */
  readonly owner: string;
  /** The task id: 1 to 128 characters of `A-Z a-z 0-9 _ -`. Unique for one owner, and in practice for all. */
  readonly id: string;
  /** 1 when the task is created, one more with every swap. */
  readonly version: number;
  /** Milliseconds since the epoch. With `id` it is the task's position in a list; it never changes. */
  readonly createdAt: number;
  /** Milliseconds since the epoch at which a server must look at the task again; `null` for never. */
  readonly dueAt: number | null;
  /** The core's record, a short text. */
  readonly state: string;
  /**
   * JSON text of the arguments, inputs, answers or outcome, or any text where `payloads` of the server seals it; `null`
   * where there is none, or it was not asked for.
   */
  readonly payload: string | null;
}

/** What is handed to {@link TaskStore.put}. `payload: undefined` keeps the stored payload as it is. */
export type TaskWrite = Omit<StoredTask, "payload"> & { readonly payload?: string | null | undefined };

/** A place in an owner's list: after the task with this creation time and id, whether or not it still exists. */
export interface TaskPosition {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** The task id, which decides between tasks of the same millisecond. */
  readonly id: string;
}

/**
 * A place among the tasks of all owners: after the task of this owner with this creation time and id, whether or not it
 * still exists.
 */
export interface OwnerPosition extends TaskPosition {
  /** The owner, whose tasks are all together. */
  readonly owner: string;
}

/**
 * A place among what is due: after the task with this due time, owner and id, whether or not there is one. With an
 * empty owner and an empty id it is before all tasks of that time.
 */
export interface DuePosition {
  /** Milliseconds since the epoch. */
  readonly dueAt: number;
  /** The owner, which decides between tasks that are due at the same millisecond. */
  readonly owner: string;
  /** The task id, which decides between those of one owner. */
  readonly id: string;
}

/** What an owner has in a store. */
export interface TaskUsage {
  /** How many tasks. */
  readonly tasks: number;
  /** How long their payloads are together, as the store counts it. */
  readonly bytes: number;
}

/**
 * Hears that a task changed. `version` is the one that the change made, 0 for a delete, left out where the store does
 * not know it. News of a version that is known already costs nothing; without one the task is read.
 */
export type TaskListener = (owner: string, id: string, version?: number) => void;

/**
 * Where tasks live. Every change to a task is one {@link TaskStore.put} of one record: a compare-and-swap.
 *
 * Which wrong answers are safe: `put` may answer `false` when in doubt (the core reads again and decides anew), `due`
 * may name tasks that are not due, `watch` may report changes that did not happen or miss some. Unsafe: a `put` that
 * answers `true` and is lost, a `get` that misses a task whose `put` was acknowledged, a swap over
 * another version, or a delete of one.
 */
export interface TaskStore {
  /** The task, or `undefined`. With `payload: false` the payload may be left out (`null`). */
  get(owner: string, id: string, options?: { readonly payload?: boolean }): MaybePromise<StoredTask | undefined>;
  /**
   * One atomic compare-and-swap. `version: 1` inserts and answers `false` if the task exists; a higher version
   * replaces the stored task only if its version is exactly one less, and answers `false` otherwise.
   * Throws {@link TaskStoreFullError} where a limit of the store forbids the write; nothing is written then.
   */
  put(task: TaskWrite): MaybePromise<boolean>;
  /** Deletes the task if its stored version is `version`; answers whether it is gone now. Idempotent. */
  delete(owner: string, id: string, version: number): MaybePromise<boolean>;
  /**
   * The owner's tasks after a position, by `createdAt`, then `id` (in code unit order), at most `limit`; no payloads.
   */
  list(
    owner: string,
    options: { readonly after?: TaskPosition | undefined; readonly limit: number },
  ): MaybePromise<readonly StoredTask[]>;
  /**
   * Tasks of any owner with `dueAt <= before` after a position, by `dueAt`, then `owner`, then `id`, at most `limit`;
   * no payloads. Texts may be compared in any way that is always the same, finds two of them equal only if they are,
   * and begins with the empty one: as bytes, say, but not as people would sort them. A server goes through all that is
   * due page by page, and passes over what it cannot settle.
   */
  due(before: number, limit: number, after?: DuePosition): MaybePromise<readonly StoredTask[]>;
  /**
   * How many tasks an owner has here, and how long their payloads are together, in bytes or in characters. Asked before
   * a task is made, and only where a server limits it (`limits.storedPerOwner`, `limits.storedBytesPerOwner`); nothing
   * else depends on it. Any wrong answer is safe: one that lags behind lets an owner keep some tasks more, or fewer,
   * for a while.
   */
  usage?(owner: string): MaybePromise<TaskUsage>;
  /**
   * Records of all owners after a position, at most `limit`; no payloads. Those of one owner are together, by
   * `createdAt`, then `id`; owners may come in any order that is always the same, `""` among them. For operators
   * (`mcp-longhaul/admin`); servers do not ask it. A store has it where an index answers it.
   */
  all?(options: {
    readonly after?: OwnerPosition | undefined;
    readonly limit: number;
  }): MaybePromise<readonly StoredTask[]>;
  /** Calls `listener` after a change made by any process, where the store can; returns a function that stops it. */
  watch?(listener: TaskListener): () => void;
  /**
   * `true` where something calls {@link TaskServer.sweep} when the earliest task is due, as the alarm of a Durable
   * Object does. A server that has nothing to run and nobody to answer then keeps no timer, so that its platform may
   * put it to sleep.
   */
  readonly wakes?: boolean | undefined;
  /** Releases what the store opened itself; never the user's own handle. */
  close?(): MaybePromise<void>;
}
