import type { TaskListener } from "../../store.ts";
import { Backoff } from "../backoff.ts";
import { Watchers } from "../watchers.ts";
import type { PostgresClient, PostgresPool } from "./client.ts";

/** The connection that listens, or the pause before the next. */
interface Connection {
  client?: PostgresClient;
  timer?: ReturnType<typeof setTimeout>;
  closed: boolean;
}

/** Hears of changes, on one connection of its own while there are listeners. */
export class Listening {
  readonly #pool: PostgresPool;
  readonly #channel: string;
  readonly #watchers = new Watchers();
  readonly #backoff = new Backoff();
  #connection: Connection | undefined;

  constructor(pool: PostgresPool, channel: string) {
    this.#pool = pool;
    this.#channel = channel;
  }

  watch(listener: TaskListener): () => void {
    const stop = this.#watchers.add(listener);
    this.#open();
    return () => {
      stop();
      if (this.#watchers.count === 0) this.close();
    };
  }

  /** The connection is closed, not used on: that ends its listening whatever state it is in. */
  close(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    connection.closed = true;
    clearTimeout(connection.timer);
    connection.client?.release(true);
  }

  #open(): void {
    if (this.#connection !== undefined) return;
    const connection: Connection = (this.#connection = { closed: false });
    const lost = (): void => {
      if (connection.closed) return;
      this.close();
      this.#openLater();
    };
    void (async () => {
      const client = await this.#pool.connect();
      client.on("error", lost);
      client.on("end", lost);
      client.on("notification", ({ payload = "" }) => {
        if (!connection.closed) this.#heard(payload);
      });
      if (connection.closed) return client.release(true);
      connection.client = client;
      await client.query({ text: `LISTEN "${this.#channel}"` });
      client.unref?.();
      this.#backoff.reset();
    })().catch(lost);
  }

  #openLater(): void {
    const timer = setTimeout(() => {
      this.#connection = undefined;
      this.#open();
    }, this.#backoff.next());
    (timer as { unref?(): void }).unref?.(); // it keeps no process alive
    this.#connection = { closed: false, timer };
  }

  /** See {@link notice}. */
  #heard(notice: string): void {
    const [id, version] = notice.split(" ", 2) as [string, string?];
    if (version !== undefined) this.#watchers.tell(notice.slice(id.length + version.length + 2), id, Number(version));
  }
}
