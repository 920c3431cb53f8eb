import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const pkg = join(import.meta.dirname, "..", "..", "pkg");

/** Packs the built package as users get it, into `folder`; the path of the tarball. */
export async function pack(folder: string, from: string = pkg): Promise<string> {
  await mkdir(folder, { recursive: true });
  const parameters = ["pack", "--json", "--loglevel=error", `--pack-destination=${folder}`];
  const { stdout } = await promisify(execFile)("npm", parameters, { cwd: from, shell: process.platform === "win32" });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (packed === undefined) throw new Error("npm pack made no tarball");
  return join(folder, packed.filename);
}
