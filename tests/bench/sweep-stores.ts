/**
 * Each store with any number of tasks in it that are not due, made by statements in bulk: a million swaps take minutes.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import type { TaskStore } from "mcp-longhaul";
import { startPostgres } from "../engines/postgres.ts";
import { RedisServer } from "../engines/redis.ts";
import { STATE } from "./durable.ts";
import { load } from "./ours.ts";

export interface Filled {
  readonly store: TaskStore;
  close(): Promise<void> | void;
}

export const OWNERS = 100;
/** None of them is due for an hour. */
const NEVER = Date.now() + 3_600_000;

export async function memory(count: number): Promise<Filled> {
  const { memoryStore } = await load();
  const store = memoryStore({
    maxTasks: Infinity,
    maxTasksPerOwner: Infinity,
    maxBytes: Infinity,
    maxBytesPerOwner: Infinity,
  });
  for (let n = 0; n < count; n += 1)
    store.put({
      owner: `owner-${n % OWNERS}`,
      id: `filled-${n}`,
      version: 1,
      createdAt: n,
      dueAt: NEVER + n,
      state: STATE,
    });
  return { store, close() {} };
}

export async function sqlite(count: number): Promise<Filled> {
  const { sqliteStore } = await import("mcp-longhaul/stores/sqlite");
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-bench-"));
  const db = new DatabaseSync(join(directory, "tasks.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"); // else a checkpoint now and then waits for the disk
  const store = sqliteStore(db);
  // Nobody needs a notice of each row.
  const triggers = db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all() as {
    name: string;
    sql: string;
  }[];
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  db.prepare(`
    INSERT INTO mcp_tasks (owner, id, version, created_at, due_at, state)
    WITH RECURSIVE filled (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM filled WHERE n + 1 < ?)
    SELECT 'owner-' || (n % ${OWNERS}), 'filled-' || n, 1, n, ? + n, ? FROM filled`).run(count, NEVER, STATE);
  for (const { sql } of triggers) db.exec(sql);
  return {
    store,
    close() {
      db.close();
      rmSync(directory, { recursive: true });
    },
  };
}

export async function postgres(count: number): Promise<Filled> {
  const { postgresStore } = await import("mcp-longhaul/stores/postgres");
  const server = await startPostgres();
  const pool = server.pool({ options: "-c synchronous_commit=off" });
  const store = postgresStore(pool);
  await store.ready();
  const values = [count - 1, NEVER, STATE];
  await pool.query(
    `INSERT INTO mcp_tasks SELECT 'owner-' || n % ${OWNERS}, 'filled-' || n, 1, n, $2::bigint + n, $3
        FROM generate_series(0, $1::bigint) AS n`,
    values,
  );
  // As autovacuum leaves it.
  await pool.query("VACUUM ANALYZE mcp_tasks");
  return {
    store,
    async close() {
      await store.close();
      await server.stop();
    },
  };
}

export async function redis(count: number): Promise<Filled> {
  const { redisStore } = await import("mcp-longhaul/stores/redis");
  const server = await RedisServer.start("--appendonly", "no");
  const client = new Redis(server.path);
  const store = redisStore(client);
  // One task that the store itself has made for each owner says under which keys the others belong.
  for (let owner = 0; owner < OWNERS; owner += 1)
    await store.put({ owner: `owner-${owner}`, id: "model", version: 1, createdAt: 0, dueAt: NEVER, state: STATE });
  for (const model of await client.keys("*:task:model:*")) {
    const [slot = "", owner = ""] = model.split(":task:model:");
    const fill = `
      for n = ARGV[1], ARGV[2], ${OWNERS} do
        local id, created, due = 'filled-' .. n, string.format('%016d', n), string.format('%016d', ARGV[3] + n)
        redis.call('HSET', ARGV[4] .. ':task:' .. id .. ':' .. ARGV[5],
    'version', '1', 'createdAt', created, 'dueAt', due, 'state', ARGV[6])
        redis.call('ZADD', ARGV[4] .. ':list:' .. ARGV[5], 0, created .. id)
        redis.call('ZADD', ARGV[4] .. ':due', 0, due .. id .. ':' .. ARGV[5])
      end`;
    await client.eval(fill, 0, Number(owner.slice("owner-".length)), count - 1, NEVER, slot, owner, STATE);
  }
  return {
    store,
    async close() {
      client.disconnect();
      await server.stop();
    },
  };
}
