import { now } from "../../clock.ts";
import type { PostgresPool, PostgresQuery } from "./client.ts";
import { prepared } from "./statements.ts";

/** What is told of a change: `<id> <version> <owner>`. */
export function notice(owner: string, id: string, version: number): string {
  return `${id} ${version} ${owner}`;
}

/**
 * In ms: how long after a notice the next may go out. A writer alone pays for a notice a pause, not for one a change,
 * and others hear of a change at most that much later.
 */
const PAUSE = 5;

/**
 * Tells other processes about changes, after they were made. What changes after a quiet moment is told at once; what
 * follows gathers until the notice before it has arrived and the pause is over. The process that ends in between leaves
 * those untold, and others find them when they next read.
 */
export class Notices {
  readonly #pool: PostgresPool;
  readonly #notify: PostgresQuery;
  #gathered: string[] = [];
  #sending: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** By the clock of this process. */
  #nextAt = 0;

  constructor(pool: PostgresPool, channel: string, prepare: boolean) {
    this.#pool = pool;
    this.#notify = prepared(`SELECT count(pg_notify('${channel}', change)) FROM unnest($1::text[]) AS change`, prepare);
  }

  tell(owner: string, id: string, version: number): void {
    this.#gathered.push(notice(owner, id, version));
    this.#sendSoon();
  }

  /** Resolves when what was told has gone out. */
  async close(): Promise<void> {
    await this.#sending;
    if (this.#gathered.length > 0) await this.#send();
  }

  #sendSoon(): void {
    if (this.#sending !== undefined || this.#gathered.length === 0) return;
    const wait = this.#nextAt - now();
    // The clock decides, not the timer: a platform may forget the timers of a request that is over.
    if (wait <= 0) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), wait);
  }

  #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return (this.#sending ??= this.#notifyAll().then(() => {
      this.#sending = undefined;
      this.#nextAt = now() + PAUSE;
      this.#sendSoon();
    }));
  }

  async #notifyAll(): Promise<void> {
    const changes = this.#gathered;
    this.#gathered = [];
    try {
      await this.#pool.query({ ...this.#notify, values: [changes] });
    } catch {
      // The changes stand; a process that waits for them finds them when it reads.
    }
  }
}
