import { readdir } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";

/** Says how far a piece of work has come. Awaited, so that the work slows down rather than run ahead of its reader. */
export type Report = (message: string) => Promise<void>;

/** Resolves `path` inside `root`, and refuses to leave it. */
export function inside(root: string, path: string): string {
  const full = resolve(root, path);
  const way = relative(root, full);
  if (way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw new Error(`${path} is outside the served directory.`);
  return full;
}

/**
 * Regular files under `directory`, by path relative to it and in a stable order. Symbolic links are not followed;
 * directories whose name is in `skip`, or whose full path is `without`, are left out.
 */
export async function listFiles(
  directory: string,
  options: { skip: readonly string[]; without?: string; signal: AbortSignal },
): Promise<string[]> {
  const found: string[] = [];
  const waiting = [directory];
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop()) {
    options.signal.throwIfAborted();
    for (const entry of await readdir(here, { withFileTypes: true })) {
      const full = join(here, entry.name);
      if (entry.isFile()) found.push(relative(directory, full).split(sep).join("/"));
      else if (entry.isDirectory() && !options.skip.includes(entry.name) && full !== options.without)
        waiting.push(full);
    }
  }
  return found.sort();
}
