// demo/edge as a newcomer has it: copied into an empty project, with the packed package and what it needs from the
// registry.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pack } from "../packaging/tarball.ts";

const root = join(import.meta.dirname, "..", "..");

export interface Project {
  readonly folder: string;
  remove(): void;
}

export async function installExample(): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), "mcp-longhaul-edge-"));
  cpSync(join(root, "demo", "edge"), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  const packages = ["@modelcontextprotocol/server", "jose", "zod"].map((name) => `${name}@${devDependencies[name]}`);
  const parameters = [
    "install",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--loglevel=error",
    await pack(folder),
    ...packages,
  ];
  await promisify(execFile)("npm", parameters, { cwd: folder, shell: process.platform === "win32" });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
