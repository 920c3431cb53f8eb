import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { listFiles, type Report } from "./files.ts";

/** How many files are read at once. */
const READERS = 8;

export interface ChecksumResult {
  readonly files: number;
  readonly bytes: number;
  /** Files that went away, or may not be read. They are not in the list. */
  readonly unreadable: number;
  /** SHA-256 of the list. */
  readonly digest: string;
  /** The list of checksums, in the format that `sha256sum --check` reads. */
  readonly list: string;
}

/** Computes the SHA-256 of every file under `directory` and writes them to the file `list`. */
export async function checksum(
  directory: string,
  list: string,
  options: { skip: readonly string[]; without?: string; signal: AbortSignal; report: Report },
): Promise<ChecksumResult> {
  const { signal, report } = options;
  const paths = await listFiles(directory, options);
  const lines: (string | undefined)[] = new Array(paths.length);
  let next = 0;
  let done = 0;
  let bytes = 0;
  async function read(): Promise<void> {
    for (let index = next++; index < paths.length; index = next++) {
      const path = paths[index]!;
      const sum = await checksumFile(join(directory, path), signal);
      if (sum !== undefined) {
        lines[index] = listLine(sum.digest, path);
        bytes += sum.bytes;
      }
      done += 1;
      await report(`${done} of ${paths.length} files`);
    }
  }
  await Promise.all(Array.from({ length: READERS }, read));
  const written = lines.filter((line) => line !== undefined);
  const text = written.join("");
  await writeFile(list, text, { signal });
  return {
    files: written.length,
    bytes,
    unreadable: paths.length - written.length,
    digest: createHash("sha256").update(text).digest("hex"),
    list,
  };
}

/** The checksum of one file, or `undefined` where it cannot be read. */
export async function checksumFile(
  path: string,
  signal: AbortSignal,
): Promise<{ digest: string; bytes: number } | undefined> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await pipeline(
      createReadStream(path, { highWaterMark: 1 << 18 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
        }
      },
      { signal },
    );
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
  return { digest: hash.digest("hex"), bytes };
}

/**
 * As `sha256sum` writes it: a name with a line break or a backslash is escaped, and the line begins with a backslash.
 */
function listLine(digest: string, path: string): string {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === path ? "" : "\\"}${digest}  ${escaped}\n`;
}
