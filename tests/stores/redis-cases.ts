// redisStore on every client it takes, for the contract suite and for tests of its own.
import type { TestContext } from "node:test";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import type { MakeStore } from "mcp-longhaul/store-kit";
import type { TaskStore } from "../../pkg-template/src/store.ts";
import { redisStore, type RedisStoreOptions } from "../../pkg-template/src/stores/redis.ts";
import type { RedisCluster, RedisServer } from "../engines/redis.ts";
import { write } from "./contract.ts";

export const CLIENTS = ["ioredis", "redis"] as const;

/** A store on a client of its own, and what ends both. */
export interface Opened {
  readonly store: TaskStore;
  end(): Promise<void>;
}
export type Open = (options?: RedisStoreOptions) => Promise<Opened>;

export function openers(server: RedisServer): Record<"ioredis" | "redis", Open> {
  return {
    ioredis: async (options) => ioredis(new Redis(server.path), options),
    redis: async (options) =>
      nodeRedis(
        await createClient({ socket: { path: server.path, tls: false } })
          .on("error", () => {})
          .connect(),
        options,
      ),
  };
}

export function clusterOpeners({ nodes }: RedisCluster): Record<"ioredis" | "redis", Open> {
  return {
    ioredis: async (options) => ioredis(new Cluster([...nodes]), options),
    redis: async (options) => {
      const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })) });
      return nodeRedis(await client.on("error", () => {}).connect(), options);
    },
  };
}

function ioredis(client: Redis | Cluster, options?: RedisStoreOptions): Opened {
  client.on("error", () => {});
  const store = redisStore(client, options);
  return {
    store,
    async end() {
      await store.close?.();
      client.disconnect();
    },
  };
}

function nodeRedis(
  client: Parameters<typeof redisStore>[0] & { destroy(): void },
  options?: RedisStoreOptions,
): Opened {
  const store = redisStore(client, options);
  return {
    store,
    async end() {
      await store.close?.();
      client.destroy();
    },
  };
}

let stores = 0;

/** A name that no other store of this process has. */
export function freshPrefix(): string {
  return `test-${(stores += 1)}`;
}

/** Two stores on one prefix; `restart` is the crash between them and the one that is opened again. */
export function makeRedisStore(open: () => Open, restart?: () => Promise<void>): MakeStore {
  return async () => {
    const prefix = freshPrefix();
    const opened: Opened[] = [await open()({ prefix }), await open()({ prefix })];
    const end = async (): Promise<void> => void (await Promise.all(opened.splice(0).map((each) => each.end())));
    const [store, peer] = opened.map((each) => each.store);
    const reopen =
      restart &&
      (async () => {
        await end();
        await restart();
        opened.push(await open()({ prefix }));
        return opened[0]!.store;
      });
    return { store: store!, peer, dispose: end, ...(reopen && { reopen }) };
  };
}

/** A store of its own for one test. */
export async function opened(t: TestContext, open: Open, options: RedisStoreOptions = {}): Promise<TaskStore> {
  const { store, end } = await open({ prefix: freshPrefix(), ...options });
  t.after(end);
  return store;
}

export async function until(condition: () => unknown): Promise<void> {
  for (const start = Date.now(); !(await condition()); ) {
    if (Date.now() - start > 20_000) throw new Error(`waited 20 s for ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** From the beginning of a put to the listener of another store, in ms. */
export async function medianDelay(mine: TaskStore, theirs: TaskStore): Promise<number> {
  let heard = (_id: string): void => {};
  const stop = theirs.watch!((_owner, id) => heard(id));
  let listening = false;
  heard = () => (listening = true);
  let version = 0;
  await until(async () => {
    await mine.put(write("first", { version: (version += 1) }));
    return listening;
  });
  const took: number[] = [];
  for (let n = 0; n < 21; n += 1) {
    const hearing = new Promise<number>(
      (resolve) => (heard = (id) => id === `task-${n}` && resolve(performance.now())),
    );
    const start = performance.now();
    await mine.put(write(`task-${n}`, { owner: `owner-${n}` }));
    took.push((await hearing) - start);
  }
  stop();
  return took.sort((a, b) => a - b)[10]!;
}
