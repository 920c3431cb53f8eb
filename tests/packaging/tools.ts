// The runtimes and bundlers that the apps run on, from the lock file beside this: nothing of it belongs to the
// development tree.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const here = import.meta.dirname;
const modules = join(here, "node_modules");
const windows = process.platform === "win32";

/** Installs them where they are not there yet. Test files run side by side: one installs, the others wait for it. */
export function installTools(): void {
  const lock = join(here, ".installing");
  while (!installed()) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      if (!existsSync(lock) || runs(Number(readFileSync(lock, "utf8")))) continue;
      rmSync(lock, { force: true }); // whoever wrote it is gone
      continue;
    }
    try {
      if (!installed()) install();
    } finally {
      rmSync(lock, { force: true });
    }
  }
}

const wanted = JSON.parse(readFileSync(join(here, "package.json"), "utf8")) as Record<
  "devDependencies" | "optionalDependencies",
  Record<string, string>
>;

/** npm writes `.package-lock.json` last. Where it brings no Node for a platform, there is none to wait for. */
function installed(): boolean {
  return (
    existsSync(join(modules, ".package-lock.json")) &&
    [...Object.entries(wanted.devDependencies), ...nodes()].every(
      ([name, version]) => installedVersion(name) === version.split("@").at(-1),
    )
  );
}

/** The versions of Node for this platform. */
function nodes(): [name: string, version: string][] {
  return Object.entries(wanted.optionalDependencies).filter(([name]) =>
    name.endsWith(`${process.platform}-${process.arch}`),
  );
}

function install(): void {
  console.log(
    "Installing for the packaging tests, about 1.1 GB: " +
      `${[...Object.keys(wanted.devDependencies), ...nodes().map(([name]) => name)].join(", ")} …`,
  );
  const { status, stderr, error } = spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: here, shell: windows, encoding: "utf8", timeout: 600_000 },
  );
  if (status !== 0) throw new Error(`npm ci in tests/packaging failed\n${stderr}\n${error?.message ?? ""}`);
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function installedVersion(name: string): string | undefined {
  const file = join(modules, name, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : undefined;
}

/** A tool's name as the table has it: stable while only minor versions change. */
export const named = (title: string, name: string): string => `${title} ${installedVersion(name)?.split(".")[0]}`;

/** The program of a Node of this major version. */
export function node(major: 20 | 22 | 24 | 26): string {
  const platform = `${process.platform}-${process.arch}`;
  const folder =
    major === 24
      ? join(here, "..", "..", "node_modules", `node-${platform}`)
      : join(modules, `node-${major}-${platform}`);
  if (existsSync(folder)) return join(folder, "bin", windows ? "node.exe" : "node");
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  throw new Error(`npm brings no Node ${major} for ${platform}`);
}

/** The program of a package that brings one for each platform in a scope. */
export function platformProgram(scope: string, ...path: string[]): string {
  const folder = join(modules, scope);
  return join(folder, readdirSync(folder)[0]!, ...path) + (windows ? ".exe" : "");
}

export const resolveTool = createRequire(join(here, "package.json")).resolve;
