// The contract suite on better-sqlite3, on bun:sqlite and on Deno's node:sqlite, on the real engines. The first run installs them
// from the lock file in drivers/: all bring their binaries, so nothing is compiled and no install script runs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { storeCases } from "mcp-tasks/store-kit";
import { lockedDatabase, sqliteFactories, type OpenSqlite } from "./sqlite-cases.ts";

const drivers = join(import.meta.dirname, "drivers");
const windows = process.platform === "win32";

function run(command: string, args: readonly string[]): string {
  const shell = windows && command === "npm"; // there npm is a batch file
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: drivers, shell, encoding: "utf8", timeout: 300_000, maxBuffer: 1 << 27 });
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${stdout}\n${stderr}\n${error?.message ?? ""}`);
  return stdout;
}

before(() => {
  // npm writes this file last, and copies the versions into it: a lock file that is newer has to be installed.
  const installed = join(drivers, "node_modules", ".package-lock.json");
  if (existsSync(installed) && versions(installed) === versions(join(drivers, "package-lock.json"))) return;
  console.log("Installing better-sqlite3, bun and deno for the tests of sqliteStore …");
  run("npm", ["ci", "--prefix", drivers, "--ignore-scripts"]);
});

function versions(lockFile: string): string {
  const { packages } = createRequire(import.meta.url)(lockFile) as { packages: Record<string, { version: string }> };
  return ["better-sqlite3", "bun", "deno"].map((name) => packages[`node_modules/${name}`]?.version).join();
}

describe("sqliteStore on better-sqlite3", () => {
  const load = () => createRequire(join(drivers, "package.json"))("better-sqlite3");
  const open: OpenSqlite = (file) => new (load())(file);
  const openWithBigInts: OpenSqlite = (file) => new (load())(file).defaultSafeIntegers();

  for (const [how, makeStore] of Object.entries(sqliteFactories(open))) {
    for (const { name, run } of storeCases) test(`${name}, ${how}`, (t) => run(makeStore, (why) => t.skip(why)));
  }
  for (const { name, run } of storeCases) {
    test(`${name}, with big integers`, (t) => run(sqliteFactories(openWithBigInts)["in memory"]!, (why) => t.skip(why)));
  }
  test("a locked database is an error that says what to do", () => lockedDatabase(open));
});

const runtimes = {
  "bun:sqlite": { folder: "@oven", path: ["bin", "bun"], args: [] },
  "node:sqlite of Deno": { folder: "@deno", path: ["deno"], args: ["run", "--no-config", "--no-lock", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"] },
};
for (const [driver, { folder, path, args }] of Object.entries(runtimes)) {
  test(`sqliteStore on ${driver}`, async (t) => {
    const installed = join(drivers, "node_modules", folder);
    const binary = join(installed, readdirSync(installed)[0]!, ...path) + (windows ? ".exe" : "");
    const results = JSON.parse(run(binary, [...args, join(import.meta.dirname, "runtime-worker.ts")])) as { name: string; error?: string; skipped?: string }[];
    assert.equal(results.length, 2 * storeCases.length + 1);
    for (const { name, error, skipped } of results) {
      await t.test(name, (t) => {
        assert.equal(error, undefined);
        if (skipped !== undefined) t.skip(skipped);
      });
    }
  });
}
