// X-STO-04 and X-STO-05 on real processes and real databases: `kill -9` at any moment, and every task ends once.
// Half of the processes run another release of the package: both directions of a rolling upgrade.
import { after, before, test } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../engines/postgres.ts";
import { RedisServer } from "../engines/redis.ts";
import { Release, currentProgram } from "./release.ts";
import { torture } from "./torture.ts";

const PROCESSES = 4;

let release: Release;
before(async () => {
  release = await Release.unpack();
});
after(() => release[Symbol.dispose]());

async function run(name: string, connection: unknown, tasks: number): Promise<void> {
  const programs = [currentProgram(name), release.program(name)];
  const terms = { processes: PROCESSES, life: 3_000, work: 2_000, lease: 1_500, patience: 280_000 };
  const figures = await torture({ programs, connection, tasks, ...terms });
  const { kills, seconds, completed, interrupted, cut } = figures;
  console.log(
    `${name}: ${tasks} tasks on ${PROCESSES} processes (half of them ${release.name}), ` +
      `${kills} kills in ${seconds.toFixed(0)} s (${cut} requests cut off): ` +
      `${completed} completed, ${interrupted} failed as interrupted, 0 lost, 0 stuck, 0 ended twice`,
  );
}

/** On two slow cores the longest takes three minutes. In ms. */
const PATIENT = { timeout: 600_000 };

test("1,000 tasks on PostgreSQL survive the killing of their servers", PATIENT, async () => {
  const postgres = await startPostgres();
  try {
    await run("postgres", postgres.connection, 1_000);
  } finally {
    await postgres.stop();
  }
});

test("1,000 tasks on Redis survive the killing of their servers", PATIENT, async () => {
  const redis = await RedisServer.start();
  try {
    await run("redis", redis.path, 1_000);
  } finally {
    await redis.stop();
  }
});

test("250 tasks on a SQLite file survive the killing of their servers", PATIENT, async () => {
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-torture-"));
  try {
    await run("sqlite", join(directory, "tasks.db"), 250);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
