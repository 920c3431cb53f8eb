// X-STO-04 and X-STO-05 on real processes and real databases: `kill -9` at any moment, and every task ends once.
import { test } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../engines/postgres.ts";
import { RedisServer } from "../engines/redis.ts";
import { torture, type Torture } from "./torture.ts";

const PROCESSES = 4;

async function run(name: string, connection: unknown, tasks: number): Promise<void> {
  const store: Torture["store"] = { module: join(import.meta.dirname, `${name}-store.ts`), connection };
  const figures = await torture({ store, tasks, processes: PROCESSES, life: 3_000, work: 2_000, lease: 1_500, patience: 280_000 });
  const { kills, seconds, completed, interrupted, cut } = figures;
  console.log(
    `${name}: ${tasks} tasks on ${PROCESSES} processes, ${kills} kills in ${seconds.toFixed(0)} s (${cut} requests cut off): ` +
      `${completed} completed, ${interrupted} failed as interrupted, 0 lost, 0 stuck, 0 ended twice`,
  );
}

test("1,000 tasks on PostgreSQL survive the killing of their servers", async () => {
  const postgres = await startPostgres();
  try {
    await run("postgres", postgres.connection, 1_000);
  } finally {
    await postgres.stop();
  }
});

test("1,000 tasks on Redis survive the killing of their servers", async () => {
  const redis = await RedisServer.start();
  try {
    await run("redis", redis.path, 1_000);
  } finally {
    await redis.stop();
  }
});

test("250 tasks on a SQLite file survive the killing of their servers", async () => {
  const directory = mkdtempSync(join(tmpdir(), "mcp-tasks-torture-"));
  try {
    await run("sqlite", join(directory, "tasks.db"), 250);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
