// The contract suite on better-sqlite3, on bun:sqlite and on Deno's node:sqlite, on the real engines.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { storeCases } from "mcp-longhaul/store-kit";
import { drivers, installDrivers, run, runtime } from "../engines/runtimes.ts";
import { keepsContract } from "./contract.ts";
import { lockedDatabase, sqliteFactories, type OpenSqlite } from "./sqlite-cases.ts";

before(installDrivers);

describe("sqliteStore on better-sqlite3", () => {
  const load = () => createRequire(join(drivers, "package.json"))("better-sqlite3");
  const open: OpenSqlite = (file) => new (load())(file);
  const openWithBigInts: OpenSqlite = (file) => new (load())(file).defaultSafeIntegers();

  for (const [how, makeStore] of Object.entries(sqliteFactories(open))) {
    keepsContract(makeStore, `, ${how}`);
  }
  keepsContract(sqliteFactories(openWithBigInts)["in memory"]!, ", with big integers");
  test("a locked database is an error that says what to do", () => lockedDatabase(open));
});

const runtimes = {
  "bun:sqlite": { name: "bun", args: [] },
  "node:sqlite of Deno": {
    name: "deno",
    args: ["run", "--no-config", "--no-lock", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"],
  },
} as const;
for (const [driver, { name, args }] of Object.entries(runtimes)) {
  test(`sqliteStore on ${driver}`, async (t) => {
    const results = JSON.parse(run(runtime(name), [...args, join(import.meta.dirname, "runtime-worker.ts")])) as {
      name: string;
      error?: string;
      skipped?: string;
    }[];
    assert.equal(results.length, 2 * storeCases.length + 1);
    for (const { name, error, skipped } of results) {
      await t.test(name, (t) => {
        assert.equal(error, undefined);
        if (skipped !== undefined) t.skip(skipped);
      });
    }
  });
}
