import type { Driver } from "./driver.ts";

type Listener = (owner: string, id: string) => void;

/** What the listeners of one store hear: one subscription, open while somebody listens. */
export class Changes {
  readonly #driver: Driver;
  readonly #channel: string;
  readonly #report: (error: unknown) => void;
  readonly #listeners = new Set<{ readonly call: Listener }>();
  #close: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #delay = FIRST_DELAY;

  constructor(driver: Driver, channel: string, report: (error: unknown) => void) {
    this.#driver = driver;
    this.#channel = channel;
    this.#report = report;
  }

  add(call: Listener): () => void {
    const listener = { call };
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#open();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#end();
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#end();
  }

  #open(): void {
    let over = false;
    const close = this.#driver.subscribe(this.#channel, {
      message: (name) => {
        if (!over) this.#changed(name);
      },
      error: (error) => {
        if (!over) this.#report(error);
      },
      lost: (error) => {
        if (over) return;
        this.#end();
        this.#report(error);
        this.#timer = setTimeout(() => this.#open(), this.#delay);
        this.#delay = Math.min(2 * this.#delay, LAST_DELAY);
      },
    });
    this.#close = () => {
      over = true;
      close();
    };
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#close?.();
    this.#close = undefined;
  }

  #changed(name: string): void {
    this.#delay = FIRST_DELAY;
    const end = name.indexOf(":");
    const [id, owner] = [name.slice(0, end), name.slice(end + 1)];
    for (const listener of this.#listeners) {
      try {
        listener.call(owner, id);
      } catch {
        // It is not the other listeners' fault.
      }
    }
  }
}

const FIRST_DELAY = 1_000;
const LAST_DELAY = 60_000;
