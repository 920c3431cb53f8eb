// The runtimes and bundlers that the apps run on, from the lock file beside this: nothing of it belongs to the development tree.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const here = import.meta.dirname;
const modules = join(here, "node_modules");
const windows = process.platform === "win32";
type Versions = Record<string, string>;

/** Installs them where they are not there yet. */
export function installTools(): void {
  const { devDependencies, optionalDependencies } = JSON.parse(readFileSync(join(here, "package.json"), "utf8")) as Record<string, Versions>;
  const wanted = Object.entries(devDependencies!).map(([name, version]) => [name, version.split("@").at(-1)] as const);
  // npm writes this file last.
  if (existsSync(join(modules, ".package-lock.json")) && wanted.every(([name, version]) => installedVersion(name) === version)) return;
  const nodes = Object.keys(optionalDependencies!).filter((name) => name.endsWith(`${process.platform}-${process.arch}`));
  const names = [...Object.keys(devDependencies!), ...nodes];
  console.log(`Installing for the packaging tests, about 1 GB: ${names.join(", ")} …`);
  const { status, stderr, error } = spawnSync("npm", ["ci", "--prefix", here, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: here, shell: windows, encoding: "utf8", timeout: 600_000 });
  if (status !== 0) throw new Error(`npm ci in tests/packaging failed\n${stderr}\n${error?.message ?? ""}`);
}

function installedVersion(name: string): string | undefined {
  const file = join(modules, name, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : undefined;
}

/** A tool's name as the table has it: stable while only minor versions change. */
export const named = (title: string, name: string): string => `${title} ${installedVersion(name)?.split(".")[0]}`;

/** The program of a Node of this major version. */
export function node(major: 20 | 22 | 24): string {
  const platform = `${process.platform}-${process.arch}`;
  const folder = major === 24 ? join(here, "..", "..", "node_modules", `node-${platform}`) : join(modules, `node-${major}-${platform}`);
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
