// redisStore against what one would write by hand on the same driver, with the same promises: one atomic compare-and-swap, an
// owner's list, an index of what is due, and a message for each change. One operation at a time, so what is measured is
// the round trip and what both ends add to it. Writes are not synced: the disk would hide the difference.
import { Redis } from "ioredis";
import { createClient } from "redis";
import { RedisServer } from "../engines/redis.ts";
import { type Open, type Probe, type Row, type Scale, repeated } from "./harness.ts";

const OWNER = "https://issuer.example|alice|tasks";
const STATE = "w\t2\t1760000000000\t1760000000000\t3600000\t1000\tsearch\t0\t\t\t";
const PAYLOAD = JSON.stringify({ result: { content: [{ type: "text", text: "x".repeat(400) }] } });
const DUE = 3_600_000;

/** What a subject does with the task of a number. The goal is to take at most half as long again. */
interface Subject {
  get(n: number): Promise<unknown>;
  create(n: number): Promise<unknown>;
  complete(n: number): Promise<unknown>;
  close(): void;
}

const id = (n: number): string => `0123456789abcdefghijkl${n}`;
const FILLED = 1_000;

type Operation = "get" | "create" | "complete";

async function probe(subject: Subject, operation: Operation, server: RedisServer, scale: Scale): Promise<Probe> {
  let next = FILLED;
  let completed = FILLED;
  for (let n = 0; n < FILLED; n += 1) await subject.create(n);
  const loops: Record<Operation, (times: number) => Promise<void>> = {
    async get(times) {
      for (let done = 0; done < times; done += 1) if (!(await subject.get((next = (next + 7) % FILLED)))) throw new Error("a task is gone");
    },
    async create(times) {
      for (let done = 0; done < times; done += 1) if (!(await subject.create((next += 1)))) throw new Error("a task was there");
    },
    // With the create before it: nothing can be completed twice.
    async complete(times) {
      for (let done = 0; done < times; done += 1) {
        await subject.create((completed += 1));
        if (!(await subject.complete(completed))) throw new Error("a task was not completed");
      }
    },
  };
  return repeated(loops[operation], scale, async () => {
    subject.close();
    await server.stop();
  });
}

const write = (n: number) => ({ owner: OWNER, id: id(n), version: 1, createdAt: n, dueAt: n + DUE, state: STATE, payload: null });

async function connect(driver: "ioredis" | "redis", path: string) {
  return driver === "ioredis" ? new Redis(path) : await createClient({ socket: { path, tls: false } }).connect();
}

/** The built package, as users import it. */
async function ours(driver: "ioredis" | "redis", path: string): Promise<Subject> {
  const { redisStore } = (await import("mcp-tasks/stores/redis")) as typeof import("../../pkg-template/src/stores/redis.ts");
  const client = await connect(driver, path);
  const store = redisStore(client);
  return {
    get: async (n) => store.get(OWNER, id(n)),
    create: async (n) => store.put(write(n)),
    complete: async (n) => store.put({ ...write(n), version: 2, payload: PAYLOAD }),
    close: () => ("destroy" in client ? client.destroy() : client.disconnect()),
  };
}

const BY_HAND = `
local stored = redis.call('HGET', KEYS[1], 'version')
if (stored or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'createdAt', ARGV[2], 'dueAt', ARGV[3], 'state', ARGV[4], 'payload', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[3], KEYS[1])
redis.call('PUBLISH', 'changes', KEYS[1])
return 1`;

async function byHand(driver: "ioredis" | "redis", path: string): Promise<Subject> {
  const client = await connect(driver, path);
  const task = (row: Record<string, string>) => ({ ...row, version: Number(row["version"]), createdAt: Number(row["createdAt"]), dueAt: Number(row["dueAt"]) });
  const keys = (n: number) => [`task:${OWNER}:${id(n)}`, `list:${OWNER}`, "due"];
  const args = (n: number, version: number, payload: string) => [String(version), String(n), String(n + DUE), STATE, payload, id(n)];
  if ("destroy" in client) {
    const sha = await client.scriptLoad(BY_HAND);
    const put = async (n: number, version: number, payload: string) => (await client.evalSha(sha, { keys: keys(n), arguments: args(n, version, payload) })) === 1;
    return {
      get: async (n) => task(await client.hGetAll(`task:${OWNER}:${id(n)}`)),
      create: (n) => put(n, 0, ""),
      complete: (n) => put(n, 1, PAYLOAD),
      close: () => client.destroy(),
    };
  }
  const sha = String(await client.script("LOAD", BY_HAND));
  const put = async (n: number, version: number, payload: string) => (await client.evalsha(sha, 3, ...keys(n), ...args(n, version, payload))) === 1;
  return {
    get: async (n) => task(await client.hgetall(`task:${OWNER}:${id(n)}`)),
    create: (n) => put(n, 0, ""),
    complete: (n) => put(n, 1, PAYLOAD),
    close: () => client.disconnect(),
  };
}

const opens =
  (make: typeof ours, driver: "ioredis" | "redis", operation: Operation): Open =>
  async (scale) => {
    const server = await RedisServer.start("--appendfsync", "no");
    return probe(await make(driver, server.path), operation, server, scale);
  };

export const rows: readonly Row[] = (["ioredis", "redis"] as const).flatMap((driver) =>
  (["get", "create", "complete"] as const).map((operation) => ({
    target: 2,
    lines: [{ name: `redisStore on ${driver}: ${operation === "complete" ? "create + complete" : operation}`, unit: "µs", goal: { times: 0.67 } }],
    ours: opens(ours, driver, operation),
    peers: { "by hand": opens(byHand, driver, operation) },
  })),
);
