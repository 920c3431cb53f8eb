// Who follows a task: one tab, worker or process at a time.
import { NAME } from "../name.ts";
import type { TaskError } from "../errors.ts";
import type { GuestRecords } from "../guests/records.ts";
import { isObject, own } from "../json.ts";

/** The right to follow a task, until it is released, or lost. */
export interface Claim {
  release(): void;
  /** Called when another one has taken over. */
  onlost: (() => void) | undefined;
}

export interface Claims {
  /** Takes the claim, if nobody has it; with `wait`, as soon as nobody has it. `undefined`: somebody has it. */
  take(id: string, wait?: AbortSignal): Promise<Claim | undefined>;
}

interface Locks {
  request(name: string, options: object, run: (lock: unknown) => Promise<void> | undefined): Promise<unknown>;
}

/** Whether there are locks between all that could share a journal: between tabs and workers, not within a process. */
export function locksOfPages(): Locks | undefined {
  const { process, navigator } = globalThis as { process?: unknown; navigator?: { locks?: Locks } };
  return process === undefined ? navigator?.locks : undefined;
}

/** Web Locks: the browser gives one to the next who waits, also when its holder dies. */
export class LockClaims implements Claims {
  readonly #locks: Locks;
  readonly #prefix: string;

  constructor(locks: Locks, journal: string) {
    this.#locks = locks;
    this.#prefix = `${NAME}/journal/${journal}/`;
  }

  take(id: string, wait?: AbortSignal): Promise<Claim | undefined> {
    const options = wait === undefined ? { ifAvailable: true } : { signal: wait };
    return new Promise((resolve, reject) => {
      this.#locks
        .request(this.#prefix + id, options, (lock) => {
          if (lock === null) return void resolve(undefined);
          return new Promise<void>((release) => resolve({ release, onlost: undefined }));
        })
        .catch(reject);
    });
  }
}

/** What an entry says of its lease. */
interface Lease {
  readonly holder: string;
  readonly beat: number;
}

function leaseIn(state: unknown): Lease | undefined {
  const lease = own(state, "lease");
  const [holder, beat] = [own(lease, "holder"), own(lease, "beat")];
  return isObject(lease) && typeof holder === "string" && typeof beat === "number" ? { holder, beat } : undefined;
}

/** A lease in the entry itself. Whether its holder lives, its beat shows: no clocks are compared. */
export class LeaseClaims implements Claims {
  readonly #records: GuestRecords;
  readonly #ms: number;
  readonly #onerror: (error: TaskError) => void;
  readonly #holder = crypto.randomUUID();

  constructor(records: GuestRecords, ms: number, onerror: (error: TaskError) => void) {
    this.#records = records;
    this.#ms = ms;
    this.#onerror = onerror;
  }

  async take(id: string, wait?: AbortSignal): Promise<Claim | undefined> {
    let seen: Lease | undefined;
    let since = 0;
    for (;;) {
      const lease = leaseIn((await this.#records.read("", id))?.state);
      if (lease?.holder !== seen?.holder || lease?.beat !== seen?.beat) {
        seen = lease;
        since = performance.now();
      }
      const isFree = lease === undefined || performance.now() - since >= this.#ms;
      if (isFree && (await this.#beat(id, lease))) return this.#keep(id);
      if (wait === undefined) return undefined;
      await pause(this.#ms / 5, wait);
    }
  }

  /** Writes a lease of ours over `lease`; whether that was still the one that is there. */
  async #beat(id: string, lease: Lease | undefined): Promise<boolean> {
    const written = await this.#records.change("", id, (record) => {
      const there = leaseIn(record?.state);
      if (record !== undefined && (there?.holder !== lease?.holder || there?.beat !== lease?.beat)) return undefined;
      const beat = (lease?.beat ?? 0) + 1;
      return { state: { until: null, ...record?.state, lease: { holder: this.#holder, beat } } };
    });
    return written !== undefined;
  }

  #keep(id: string): Claim {
    const claim: Claim = {
      release: () => {
        clearInterval(timer);
        this.#change(id, (state) => ({ ...state, lease: undefined })).catch(this.#onerror);
      },
      onlost: undefined,
    };
    const timer = setInterval(() => {
      this.#change(id, ({ lease, ...state }) => ({ ...state, lease: { ...(lease as Lease), beat: beatOf(lease) + 1 } }))
        .then((isOurs) => {
          if (isOurs) return;
          clearInterval(timer);
          claim.onlost?.();
        })
        .catch(this.#onerror);
    }, this.#ms / 3);
    (timer as { unref?: () => void }).unref?.();
    return claim;
  }

  /** Changes an entry that has our lease; whether it has. */
  async #change(id: string, edit: (state: Record<string, unknown>) => object): Promise<boolean> {
    const written = await this.#records.change("", id, (record) => {
      if (record === undefined || leaseIn(record.state)?.holder !== this.#holder) return undefined;
      return { state: { until: record.state.until, ...edit(record.state) } };
    });
    return written !== undefined;
  }
}

function beatOf(lease: unknown): number {
  return Number(own(lease, "beat"));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
