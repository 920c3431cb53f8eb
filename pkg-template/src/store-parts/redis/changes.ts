import type { TaskListener } from "../../store.ts";
import { Backoff } from "../backoff.ts";
import { Watchers } from "../watchers.ts";
import type { Driver } from "./driver.ts";

/**
 * What the listeners of one store hear. Its own changes it tells them itself; those of others come over one
 * subscription, which is open while there are listeners. A message is `<origin>:<version>:<id>:<owner>`.
 */
export class Changes {
  readonly channel: string;
  /** What this store signs its own changes with. */
  readonly #origin: string = crypto.randomUUID();
  readonly #driver: Driver;
  readonly #report: (error: unknown) => void;
  #watchers = new Watchers();
  readonly #backoff = new Backoff();
  #shut: (() => void) | undefined;

  /** `report` is called with the errors of the subscription. */
  constructor(driver: Driver, channel: string, report: (error: unknown) => void) {
    this.#driver = driver;
    this.channel = channel;
    this.#report = report;
  }

  listen(listener: TaskListener): () => void {
    const watchers = this.#watchers;
    const remove = watchers.add(listener);
    if (this.#shut === undefined) this.#open();
    return () => {
      remove();
      if (watchers.count === 0 && watchers === this.#watchers) this.close();
    };
  }

  /** What others are told of a change. */
  message(owner: string, id: string, version: number): string {
    return `${this.#origin}:${version}:${id}:${owner}`;
  }

  /** Tells a change of this store to its listeners. */
  tell(owner: string, id: string, version: number): void {
    this.#watchers.tell(owner, id, version);
  }

  close(): void {
    this.#watchers = new Watchers();
    this.#shut?.();
    this.#shut = undefined;
  }

  #open(): void {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const close = this.#driver.subscribe(this.channel, {
      subscribed: () => {
        this.#backoff.reset();
      },
      message: (text) => {
        if (!over) this.#heard(text);
      },
      error: (error) => {
        if (!over) this.#report(error);
      },
      lost: (error) => {
        if (over) return;
        over = true;
        close();
        timer = setTimeout(() => this.#open(), this.#backoff.next());
        this.#report(error);
      },
    });
    this.#shut = () => {
      clearTimeout(timer);
      if (!over) close();
      over = true;
    };
  }

  #heard(text: string): void {
    const [origin, version = "", id] = text.split(":", 3) as [string, string?, string?];
    if (origin === this.#origin || id === undefined) return;
    this.#watchers.tell(text.slice(origin.length + version.length + id.length + 3), id, Number(version));
  }
}
