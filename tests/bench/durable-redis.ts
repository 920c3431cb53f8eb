import { Redis } from "ioredis";
import { createClient } from "redis";
import { RedisServer } from "../engines/redis.ts";
import { OWNER, PAYLOAD, STATE, type Subject, dueAt, durableRows, id, shared, stored } from "./durable.ts";

type Driver = "ioredis" | "redis";

async function start(driver: Driver) {
  const server = await RedisServer.start("--appendfsync", "no");
  const client =
    driver === "ioredis"
      ? new Redis(server.path)
      : await createClient({ socket: { path: server.path, tls: false } }).connect();
  const stop = async (): Promise<void> => {
    if ("destroy" in client) client.destroy();
    else client.disconnect();
    await server.stop();
  };
  return { client, stop };
}

type Connect = () => ReturnType<typeof start>;

async function ours(connect: Connect): Promise<Subject> {
  const { redisStore } = await import("mcp-longhaul/stores/redis");
  const { client, stop } = await connect();
  return stored(redisStore(client), stop);
}

const BY_HAND = `
local stored = redis.call('HGET', KEYS[1], 'version')
if (stored or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'createdAt', ARGV[2],
  'dueAt', ARGV[3], 'state', ARGV[4], 'payload', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[3], KEYS[1])
redis.call('PUBLISH', 'changes', KEYS[1])
return 1`;

async function byHand(connect: Connect): Promise<Subject> {
  const { client, stop } = await connect();
  const key = (n: number) => `task:${OWNER}:${id(n)}`;
  const { read, run } = await commands(client);
  const put = async (n: number, version: number, payload: string) =>
    (await run(
      [key(n), `list:${OWNER}`, "due"],
      [String(version), String(n), String(dueAt(n)), STATE, payload, id(n)],
    )) === 1;
  return {
    get: async (n) => Number((await read(key(n)))["createdAt"]) === n,
    create: (n) => put(n, 0, ""),
    complete: (n) => put(n, 1, PAYLOAD),
    close: stop,
  };
}

/** Reads a task, and runs the script, with either driver. */
async function commands(client: Awaited<ReturnType<typeof start>>["client"]) {
  if ("destroy" in client) {
    const sha = await client.scriptLoad(BY_HAND);
    return {
      read: (key: string) => client.hGetAll(key),
      run: (keys: string[], args: string[]) => client.evalSha(sha, { keys, arguments: args }),
    };
  }
  const sha = String(await client.script("LOAD", BY_HAND));
  return {
    read: (key: string) => client.hgetall(key),
    run: (keys: string[], args: string[]) => client.evalsha(sha, keys.length, ...keys, ...args),
  };
}

export const rows = (["ioredis", "redis"] as const).flatMap((driver) => {
  const connect = shared(() => start(driver));
  return durableRows(`redisStore on ${driver}`, () => ours(connect), { "by hand": () => byHand(connect) });
});
