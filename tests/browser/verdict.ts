// What a browser's tests came to, left for the runtime matrix.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, type TestContext } from "node:test";

export interface Counts {
  passed: number;
  failed: number;
}

/** `build/matrix/<name>.json`: `{ name, version, ran: { <suite>: { passed, failed } } }`. */
export class Verdict {
  readonly name: string;
  version = "";
  readonly ran: Record<string, Counts> = {};

  constructor(name: string) {
    this.name = name;
  }

  counts(suite: string): Counts {
    return (this.ran[suite] ??= { passed: 0, failed: 0 });
  }

  write(): void {
    const folder = join(import.meta.dirname, "..", "..", "build", "matrix");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${this.name.toLowerCase()}.json`), `${JSON.stringify(this, null, 2)}\n`);
  }
}

/** Counts the tests of the suite in which it is called. */
export function countTests(counts: Counts): void {
  // The types of Node 24 do not know it yet.
  afterEach((t) => void counts[(t as TestContext & { readonly passed: boolean }).passed ? "passed" : "failed"]++);
}
