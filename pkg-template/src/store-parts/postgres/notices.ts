import type { PostgresPool, PostgresQuery } from "./client.ts";
import { prepared } from "./statements.ts";

/** What is told of a change: `<id> <version> <owner>`. */
export function notice(owner: string, id: string, version: number): string {
  return `${id} ${version} ${owner}`;
}

/** Tells other processes about changes, after they were made: while one batch is on its way, the next gathers. */
export class Notices {
  readonly #pool: PostgresPool;
  readonly #notify: PostgresQuery;
  #gathered: string[] = [];
  #sending: Promise<void> | undefined;

  constructor(pool: PostgresPool, channel: string, prepare: boolean) {
    this.#pool = pool;
    this.#notify = prepared(`SELECT count(pg_notify('${channel}', change)) FROM unnest($1::text[]) AS change`, prepare);
  }

  tell(owner: string, id: string, version: number): void {
    this.#gathered.push(notice(owner, id, version));
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when what was told has gone out. */
  async close(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#gathered.length > 0) {
      const changes = this.#gathered;
      this.#gathered = [];
      try {
        await this.#pool.query({ ...this.#notify, values: [changes] });
      } catch {
        // The changes stand; who waits for them finds them when it reads.
      }
    }
    this.#sending = undefined;
  }
}
