// Deno, Bun and better-sqlite3, from the lock file in tests/stores/drivers. All bring their binaries, so nothing is
// compiled and no install script runs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export const drivers = join(import.meta.dirname, "..", "stores", "drivers");
const windows = process.platform === "win32";
/** No installation takes longer, in ms. */
const PATIENCE = 300_000;

/** Installs them on the first run. Of several test files that come at once, one does it. */
export async function installDrivers(): Promise<void> {
  const lock = join(drivers, "installing");
  while (!isInstalled()) {
    try {
      mkdirSync(lock);
    } catch {
      // Another process is at it, or was when it was killed.
      if (Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > PATIENCE)
        rmSync(lock, { recursive: true, force: true });
      await pause(200);
      continue;
    }
    try {
      console.log("Installing better-sqlite3, bun and deno for the tests …");
      run("npm", ["ci", "--prefix", drivers, "--ignore-scripts"]);
    } finally {
      rmSync(lock, { recursive: true });
    }
  }
}

function isInstalled(): boolean {
  // npm writes this file last, and copies the versions into it: a lock file that is newer has to be installed.
  const installed = join(drivers, "node_modules", ".package-lock.json");
  return existsSync(installed) && versions(installed) === versions(join(drivers, "package-lock.json"));
}

function versions(lockFile: string): string {
  const { packages } = createRequire(import.meta.url)(lockFile) as { packages: Record<string, { version: string }> };
  return ["better-sqlite3", "bun", "deno"].map((name) => packages[`node_modules/${name}`]?.version).join();
}

/** The program of an installed runtime. */
export function runtime(name: "bun" | "deno"): string {
  const installed = join(drivers, "node_modules", name === "bun" ? "@oven" : "@deno");
  return (
    join(installed, readdirSync(installed)[0]!, ...(name === "bun" ? ["bin", "bun"] : ["deno"])) +
    (windows ? ".exe" : "")
  );
}

/** Runs a program to its end; what it prints. */
export function run(command: string, args: readonly string[]): string {
  const shell = windows && command === "npm"; // there npm is a batch file
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: drivers,
    shell,
    encoding: "utf8",
    timeout: PATIENCE,
    maxBuffer: 1 << 27,
  });
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${stdout}\n${stderr}\n${error?.message ?? ""}`);
  return stdout;
}
