import type { TaskSnapshot } from "mcp-longhaul";

const WIDTH = 20;
const ENDED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);
const live = process.stdout.isTTY === true;
const plain = !live || process.env["NO_COLOR"] !== undefined;

/** The line that is being redrawn at the bottom of the terminal. */
let drawn: string | undefined;

export function dim(text: string): string {
  return plain ? text : `\x1b[2m${text}\x1b[22m`;
}

export function bold(text: string): string {
  return plain ? text : `\x1b[1m${text}\x1b[22m`;
}

/** Prints a line, above the progress bar if there is one. */
export function print(line = ""): void {
  if (drawn === undefined) return void process.stdout.write(`${line}\n`);
  process.stdout.write(`\r\x1b[2K${line}\n${drawn}`);
}

/** Makes room at the bottom of the terminal, for a question. */
export function clearLive(): void {
  if (drawn !== undefined) process.stdout.write("\r\x1b[2K");
  drawn = undefined;
}

/** How far a task is, from 0 to 1, as its status message has it: "412 of 903 files" or "37 %". */
export function fraction(snapshot: TaskSnapshot): number | undefined {
  const parts = snapshot.statusMessage?.match(/^(\d+) of (\d+)\b/);
  if (parts !== null && parts !== undefined)
    return Number(parts[2]) === 0 ? undefined : Number(parts[1]) / Number(parts[2]);
  const percent = snapshot.statusMessage?.match(/^(\d+) %/);
  return percent === null || percent === undefined ? undefined : Number(percent[1]) / 100;
}

/** The progress of one task: a bar that moves, or a few lines where nobody watches. */
export class Progress {
  readonly #name: string;
  readonly #started = performance.now();
  #quarter = 0;
  #status = "";

  constructor(name: string) {
    this.#name = name;
  }

  show(snapshot: TaskSnapshot): void {
    // The last message of a task that has ended is an earlier count; `end` tells the outcome.
    if (ENDED.has(snapshot.status)) return;
    const done = fraction(snapshot);
    if (live) {
      const filled = Math.round((done ?? 0) * WIDTH);
      const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
      const { status, statusMessage = "" } = snapshot;
      drawn = `  ${this.#name.padEnd(10)} ${bar}  ${status}  ${statusMessage}  ${dim(this.#seconds())}`;
      process.stdout.write(`\r\x1b[2K${drawn}`);
      return;
    }
    const quarter = Math.floor((done ?? 0) * 4);
    if (snapshot.status === this.#status && quarter <= this.#quarter) return;
    this.#status = snapshot.status;
    this.#quarter = Math.max(quarter, this.#quarter);
    print(`  ${this.#name.padEnd(10)} ${snapshot.status}  ${snapshot.statusMessage ?? ""}`.trimEnd());
  }

  /** Replaces the bar by what came out of it. */
  end(outcome: string): void {
    clearLive();
    print(`  ${this.#name.padEnd(10)} ${outcome}  ${dim(this.#seconds())}`);
  }

  #seconds(): string {
    return `${((performance.now() - this.#started) / 1000).toFixed(1)} s`;
  }
}
