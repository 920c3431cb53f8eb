// What ran where in this run, for the table in the README: scripts/matrix.mjs makes it of these verdicts.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..", "..", "build", "matrix");

/** A column of the table. */
export type Column = "SDK v1, 2025-11-25" | "SDK v2, 2025-11-25" | "SDK v2, 2026-07-28" | "IndexedDB" | "core's tests";

/**
 * Runs what proves the cells of one row, and writes down whether it did: `yes`, or what `body` calls it. A row names
 * runtime or bundler with its major version.
 */
export async function prove(row: string, columns: readonly Column[], body: () => unknown): Promise<void> {
  let verdict = "no";
  try {
    const said = await body();
    verdict = typeof said === "string" ? said : "yes";
  } finally {
    for (const column of columns) record(row, column, verdict);
  }
}

/** Writes one cell down. */
export function record(row: string, column: Column, verdict: string): void {
  mkdirSync(folder, { recursive: true });
  const name = `${row} ${column}`.replace(/[^\w.]+/g, "-");
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ row, column, verdict })}\n`);
}
