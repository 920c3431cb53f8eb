import { NAME } from "../name.ts";
import { now } from "../clock.ts";
import { TaskError, TaskStoreFullError } from "../errors.ts";
import { checkNames } from "../options-check.ts";
import type { DuePosition, StoredTask, TaskListener, TaskPosition, TaskStore, TaskWrite } from "../store.ts";
import { isTaskId, requireOwner, requireTaskId } from "../store-parts/checks.ts";
import { Changes } from "../store-parts/redis/changes.ts";
import type { Ioredis, NodeRedis } from "../store-parts/redis/client.ts";
import { driverOf, type Driver } from "../store-parts/redis/driver.ts";
import { failure, isFull, message, ROOM } from "../store-parts/redis/errors.ts";
import {
  byBytes,
  digits,
  dueEntry,
  dueMember,
  type Entry,
  Keys,
  listEntry,
  listMember,
  shardOf,
  shards,
} from "../store-parts/redis/keys.ts";
import { taskOf } from "../store-parts/redis/record.ts";
import {
  INSERT,
  RANGE,
  READ_HEAD,
  READ_HEADS,
  READ_WHOLE,
  REMOVE,
  type Script,
  SWAP,
  TIDY,
} from "../store-parts/redis/scripts.ts";

export type { Ioredis, NodeRedis } from "../store-parts/redis/client.ts";

/** What {@link redisStore} takes. */
export interface RedisStoreOptions {
  /**
   * What the names of keys and the channel contain: 1 to 64 letters, digits, `_`, `-`, `:` and `.`. Default
   * `"mcp-longhaul"`.
   */
  readonly prefix?: string | undefined;
  /**
   * Milliseconds after a task's due time at which Redis itself may drop it, at least 86,400,000 (a day), or `Infinity`
   * for never. Default: 30 days.
   *
   * It is for what no server comes back for. A task is due when it expires, and when a lease ends that its worker did
   * not renew; any server then deletes or recovers it within moments. Only where none runs for all that time do its
   * keys expire. A task that is never due is kept for ever.
   */
  readonly retention?: number | undefined;
  /**
   * Errors of the connection that listens for changes, which no call reports. It is opened again, and no task is lost.
   */
  readonly onerror?: ((error: TaskError) => void) | undefined;
}

/**
 * Keeps tasks in Redis or Valkey, 5.0 or later, alone or as a cluster, on the caller's own client: `Redis` or `Cluster`
 * of `ioredis`, or what `createClient` or `createCluster` (from version 5) of `redis` returned and was connected. The
 * store never closes it.
 * Each change is one script, so one round trip; what `watch` reports comes over a connection of the store's own, made
 * with `client.duplicate()` while there are listeners.
 *
 * Redis loses what it acknowledged unless it is told otherwise. A task survives:
 * - a restart or a crash of Redis with `appendonly yes`, and a power cut with `appendfsync always`; with `everysec` the
 *   last second may be missing;
 * - full memory with `maxmemory-policy noeviction`. Every other policy deletes tasks that were promised. With
 *   `noeviction` a new task is refused with {@link TaskStoreFullError}, and a change fails and is tried again;
 * - the loss of a primary only as far as a replica had heard of it: replication and cluster failover are asynchronous,
 *   and the last changes may be undone, an outcome or a cancellation among them. `min-replicas-to-write 1` with
 *   `min-replicas-max-lag` bounds how much; nothing in Redis excludes it. Where that is too much, use `postgresStore`.
 *
 * Tasks are spread over 16 slots by owner. Owners appear in the names of keys. A deleted task is out of reach at once;
 * the append-only file holds it until it is rewritten.
 *
 * Throws {@link TaskError}: `invalid_argument` for a wrong client, option, owner or id; its methods `storage` where
 * Redis fails, with its error as `cause`.
 */
export function redisStore(client: Ioredis | NodeRedis, options: RedisStoreOptions = {}): TaskStore {
  return new Redis(client, options);
}

const DAY = 86_400_000;
class Redis implements TaskStore {
  readonly #driver: Driver;
  readonly #keys: Keys;
  readonly #retention: number;
  readonly #changes: Changes;

  constructor(client: Ioredis | NodeRedis, options: RedisStoreOptions) {
    checkNames("redisStore", options, { prefix: true, retention: true, onerror: true });
    const { prefix = NAME, retention = 30 * DAY, onerror } = options;
    const driver = driverOf(client);
    if (driver === undefined)
      throw new TaskError(
        "invalid_argument",
        "redisStore needs a client of `ioredis` or `redis`, for example `redisStore(new Redis(url))`.",
      );
    // A brace would move the part of the key that names its slot.
    if (!/^[\w:.-]{1,64}$/.test(prefix))
      throw new TaskError(
        "invalid_argument",
        "`prefix` of redisStore must be 1 to 64 letters, digits, `_`, `-`, `:` and `.`.",
      );
    if (!(retention >= DAY))
      throw new TaskError(
        "invalid_argument",
        `\`retention\` of redisStore must be at least ${DAY} milliseconds (a day), or Infinity.`,
      );
    this.#driver = driver;
    this.#keys = new Keys(prefix);
    this.#retention = retention;
    this.#changes = new Changes(driver, `${prefix}:changes`, (error) => {
      try {
        onerror?.(failure("listen for changes", error));
      } catch {
        // A broken listener must not break the store.
      }
    });
  }

  async get(owner: string, id: string, options?: { readonly payload?: boolean }): Promise<StoredTask | undefined> {
    requireOwner(owner);
    if (!isTaskId(id)) return undefined;
    const script = options?.payload === false ? READ_HEAD : READ_WHOLE;
    return taskOf({ owner, id }, (await this.#run("read", script, [this.#keys.task(owner, id)], [])) as unknown[]);
  }

  async put(write: TaskWrite): Promise<boolean> {
    const { owner, id, version, createdAt, dueAt, state, payload } = write;
    requireOwner(owner);
    requireTaskId(id);
    const due = dueAt === null ? "" : digits(dueAt);
    const { channel } = this.#changes;
    const both = [due, state, id, owner, channel, this.#changes.message(owner, id, version), this.#keep(dueAt)];
    const keys = this.#keys.all(owner, id);
    try {
      const done =
        version === 1
          ? await this.#driver.run(INSERT, keys, [digits(createdAt), ...both, ...(payload == null ? [] : [payload])])
          : await this.#driver.run(SWAP, keys, [String(version - 1), String(version), ...both, ...fate(payload)]);
      if (Number(done) !== 1) return false;
      this.#changes.tell(owner, id, version);
      return true;
    } catch (error) {
      // A task is not begun where its outcome may find no room. A change of one that was begun is tried again.
      if (version === 1 && isFull(error))
        throw new TaskStoreFullError("payload_limit", `Redis is full: ${message(error)}.${ROOM}`);
      throw failure("write", error, id);
    }
  }

  async delete(owner: string, id: string, version: number): Promise<boolean> {
    requireOwner(owner);
    if (!isTaskId(id)) return true;
    const args = [String(version), id, owner, this.#changes.channel, this.#changes.message(owner, id, 0)];
    const done = Number(await this.#run("delete", REMOVE, this.#keys.all(owner, id), args)) === 1;
    if (done) this.#changes.tell(owner, id, 0);
    return done;
  }

  async list(
    owner: string,
    options: { readonly after?: TaskPosition | undefined; readonly limit: number },
  ): Promise<StoredTask[]> {
    requireOwner(owner);
    const { after, limit } = options;
    const index = this.#keys.list(owner);
    const found: StoredTask[] = [];
    let from = after ? `(${listMember(after)}` : "-";
    while (found.length < limit) {
      const members = await this.#range(index, from, "+", limit - found.length);
      if (members.length === 0) break;
      const entries = members.map((member) => listEntry(owner, member));
      found.push(...(await this.#listed(index, entries)));
      // Instead of those that are gone, the next ones are read.
      from = `(${members.at(-1)!}`;
    }
    return found;
  }

  async due(before: number, limit: number, after?: DuePosition): Promise<StoredTask[]> {
    // All that are due at `before` or earlier stand before the next millisecond.
    const to = `(${digits(Math.floor(before) + 1)}`;
    const found: StoredTask[] = [];
    let from = after ? `(${dueMember(after)}` : "-";
    while (found.length < limit) {
      const members = await Promise.all(
        shards.map((shard) => this.#range(this.#keys.due(shard), from, to, limit - found.length)),
      );
      const earliest = members
        .flat()
        .sort(byBytes)
        .slice(0, limit - found.length)
        .map(dueEntry);
      if (earliest.length === 0) break;
      const tasks = await Promise.all(
        shards.map((shard) =>
          this.#listed(
            this.#keys.due(shard),
            earliest.filter(({ owner }) => shardOf(owner) === shard),
          ),
        ),
      );
      found.push(...tasks.flat().sort((a, b) => byBytes(dueMember(a), dueMember(b))));
      // Instead of those that are gone, the next ones are read.
      from = `(${earliest.at(-1)!.member}`;
    }
    return found;
  }

  watch(listener: TaskListener): () => void {
    return this.#changes.listen(listener);
  }

  close(): void {
    this.#changes.close();
  }

  /**
   * The tasks of some entries of an index, without those that are gone. Where one was deleted after the index was read,
   * its entry is gone too; where it has expired, its entry is removed here.
   */
  async #listed(index: string, entries: readonly Entry[]): Promise<StoredTask[]> {
    if (entries.length === 0) return [];
    const rows = await this.#run("read", READ_HEADS, this.#tasks(entries), []);
    const tasks = (rows as unknown[][]).map((row, n) => taskOf(entries[n]!, row));
    const gone = entries.filter((_, n) => tasks[n] === undefined);
    if (gone.length > 0) {
      const keys = [index, ...this.#tasks(gone)];
      await this.#run(
        "list",
        TIDY,
        keys,
        gone.map(({ member }) => member),
      );
    }
    return tasks.filter((task) => task !== undefined);
  }

  #tasks(entries: readonly Entry[]): string[] {
    return entries.map(({ owner, id }) => this.#keys.task(owner, id));
  }

  async #range(index: string, from: string, to: string, limit: number): Promise<string[]> {
    if (!(limit > 0)) return [];
    const members = await this.#run("list", RANGE, [index], [from, to, String(Math.min(limit, 2 ** 31))]);
    return (members as unknown[]).map(String);
  }

  async #run(what: string, script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#driver.run(script, keys, args);
    } catch (error) {
      throw failure(what, error);
    }
  }

  /** How long Redis keeps the keys, counted from now: its clock may differ from ours. */
  #keep(dueAt: number | null): string {
    if (dueAt === null || this.#retention === Infinity) return "";
    return String(Math.ceil(Math.max(0, dueAt - now()) + this.#retention));
  }
}

/** What a swap does to the payload, as the script takes it. */
function fate(payload: string | null | undefined): string[] {
  if (payload === undefined) return ["keep"];
  return payload === null ? ["clear"] : ["set", payload];
}
