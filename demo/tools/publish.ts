import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { checksumFile } from "./checksum.ts";
import { listFiles, type Report } from "./files.ts";

/** Directories that nobody publishes. */
const NEVER = [".git", "node_modules", "target"];

/** What a release would consist of. */
export interface Release {
  readonly name: string;
  readonly directory: string;
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** Finds out what there is to publish in `directory`. */
export async function collectRelease(
  directory: string,
  options: { without?: string; signal: AbortSignal },
): Promise<Release> {
  const paths = await listFiles(directory, { ...options, skip: NEVER });
  let bytes = 0;
  for (const path of paths) bytes += (await stat(join(directory, path)).catch(() => ({ size: 0 }))).size;
  return { name: await releaseName(directory), directory, paths, bytes };
}

/** Writes down what would be published, with checksums. Nothing leaves this machine. */
export async function writeManifest(
  path: string,
  release: Release,
  channel: string,
  options: { signal: AbortSignal; report: Report },
): Promise<void> {
  const files: { path: string; bytes: number; sha256: string }[] = [];
  for (const [index, file] of release.paths.entries()) {
    const sum = await checksumFile(join(release.directory, file), options.signal);
    if (sum !== undefined) files.push({ path: file, bytes: sum.bytes, sha256: sum.digest });
    await options.report(`${index + 1} of ${release.paths.length} files`);
  }
  await writeFile(path, `${JSON.stringify({ name: release.name, channel, files }, null, 2)}\n`, {
    signal: options.signal,
  });
}

/** Name and version out of a `package.json`, or the name of the directory. */
async function releaseName(directory: string): Promise<string> {
  try {
    const { name, version } = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as {
      name?: unknown;
      version?: unknown;
    };
    if (typeof name === "string") return typeof version === "string" ? `${name} ${version}` : name;
  } catch {
    // No package.json, or not one that can be read: the directory has a name, too.
  }
  return basename(directory);
}
