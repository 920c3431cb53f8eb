/** A measurement in a process of its own: nothing of it may be warm, or in the heap, before it starts. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Open } from "./harness.ts";

/** Runs `file` of this folder with arguments; it writes its figures as one line of JSON, the last. */
export async function alone(file: string, args: readonly string[]): Promise<readonly number[]> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  try {
    // A compile cache would make a cold start warm.
    const { NODE_COMPILE_CACHE: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--no-warnings", path, ...args], {
      env,
    });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as number[];
  } catch (error) {
    // The child's own error is on the line of its stack that names it.
    const { stderr = "" } = error as { stderr?: string };
    throw new Error(/^\w*Error\b[^:]*: (.*)$/m.exec(stderr)?.[1] ?? String(error));
  }
}

/** A probe that starts a process a round. */
export const inProcess =
  (file: string, ...args: string[]): Open =>
  async (scale) => ({ measure: () => alone(file, [...args, scale.quick ? "quick" : "full"]) });
