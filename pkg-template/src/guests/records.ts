import { clockName, now } from "../clock.ts";
import { isTaskError, TaskError } from "../errors.ts";
import { isObject, isWhole, type Json, own, textOf } from "../json.ts";
import { FUNCTION, type Kinds } from "../options-check.ts";
import type { DuePosition, MaybePromise, StoredTask, TaskPosition, TaskStore } from "../store.ts";

/**
 * Begins the owner of every record that an adapter keeps; in Rust it is `GUESTS`. The core never reads such a record,
 * no request has such an owner, and whoever sweeps the store deletes the record when it is due.
 */
const GUESTS = "\u0002";
/** The form of the state texts that are written here. A later one is not read. */
const FORM = 1;
/** Writes whose marks a record keeps, to know its own again after an answer that was lost. */
const MARKS = 8;
/** So many lost races are one too many. */
const MOST_RACES = 100;
/** How long a record stays after its time, in ms: a process that stalls must not meet another under its key. */
const KEPT = 60_000;
/** How often the store is swept, in ms, and how many records a page has. */
const SWEEP_EVERY = 30_000;
const PAGE = 100;

/** What every record's state has beside what its kind needs. Members of other versions are kept. */
export interface GuestState extends Json {
  /** ms since the epoch from which the record is not there any more; `null` for never. */
  readonly until: number | null;
}

/** A record as it was read. */
export interface GuestRecord {
  /** The id. */
  readonly id: string;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** The state; its members come from outside. */
  readonly state: GuestState;
  /** What the payload's text is JSON of; `null` where it was not asked for. */
  readonly payload: unknown;
}

/** What a change writes. A payload that is left out stays as it is. */
export interface GuestWrite {
  /** The members to set. */
  readonly state: GuestState;
  /** A JSON value. */
  readonly payload?: unknown;
}

/** What all adapters take. */
export interface GuestOptions {
  /**
   * Keeps apart servers that share a store: each sees what was made under its own name. 1 to 64 characters of
   * `A-Z a-z 0-9 _ . -`. Default: none.
   */
  readonly name?: string | undefined;
  /** How long an operation of the store may take, in ms; `null` for no limit. Default 30,000. */
  readonly storeTimeout?: number | null | undefined;
  /**
   * How far the clocks of processes may differ, in ms: a record of another one is deleted so much later. It is not
   * shown in the meantime. 0 in a Durable Object, whose lives share a clock. Default 1,200,000 (20 minutes).
   */
  readonly clockSkew?: number | undefined;
  /** Hears of records that could not be swept. */
  readonly onerror?: ((error: TaskError) => void) | undefined;
}

/** What their options may be. */
export const GUEST_OPTIONS: Kinds<GuestOptions> = {
  name: [
    (value: unknown) => typeof value === "string" && /^[\w.-]{1,64}$/.test(value),
    "1 to 64 characters of `A-Z a-z 0-9 _ . -`",
  ],
  storeTimeout: [(value: unknown) => value === null || isWhole(value, 1), "a positive whole number of ms, or null"],
  clockSkew: [(value: unknown) => isWhole(value, 0), "a whole number of ms from 0"],
  onerror: FUNCTION,
};

/** Records of one adapter in a store: JSON with a form, changed by one compare-and-swap each, gone after their time. */
export class GuestRecords {
  readonly store: TaskStore;
  readonly #prefix: string;
  readonly #timeout: number | null;
  readonly #skew: number;
  readonly #onerror: ((error: TaskError) => void) | undefined;
  /** What waits for its turn, by key: changes of one record by this process come one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #sweepAt = 0;
  #sweeping: Promise<void> | undefined;

  /**
   * Throws {@link TaskError} `invalid_argument` for what is no store.
   *
   * @param options - checked already, by {@link GUEST_OPTIONS} among others
   * @param kind - what the records are; it has no colon
   */
  constructor(store: TaskStore, kind: string, options: GuestOptions) {
    if (!isObject(store) || !["get", "put", "delete", "list", "due"].every((name) => typeof store[name] === "function"))
      throw new TaskError("invalid_argument", "This is no task store of this package: see `TaskStore`.");
    const { name, storeTimeout = 30_000, clockSkew = 20 * 60_000, onerror } = options;
    this.store = store as unknown as TaskStore;
    this.#prefix = `${GUESTS}${kind}:${name ?? ""}:`;
    this.#timeout = storeTimeout;
    this.#skew = clockSkew;
    this.#onerror = onerror;
  }

  /** The record, unless its time is over. */
  async read(shelf: string, id: string): Promise<GuestRecord | undefined> {
    this.#sweepSometimes();
    const row = await this.#stored(shelf, id);
    return row === undefined || isOver(row.record) ? undefined : row.record;
  }

  /** The records of a shelf after a position, in order, without payloads; those whose time is over among them. */
  async list(shelf: string, after: TaskPosition | undefined, limit: number): Promise<GuestRecord[]> {
    this.#sweepSometimes();
    const rows = await this.#within("list", () => this.store.list(this.#prefix + shelf, { after, limit }));
    return rows.map((row) => recordOf(row));
  }

  /**
   * Changes a record, or makes it: `edit` gets what is there, or `undefined`, and says what to write, or `undefined`
   * for nothing; what it throws ends the change. After a lost race it is asked again.
   */
  change<Write extends GuestWrite | undefined>(
    shelf: string,
    id: string,
    edit: (record: GuestRecord | undefined) => Write,
  ): Promise<Write> {
    this.#sweepSometimes();
    return this.inTurn(`${shelf}/${id}`, () => this.#swap(shelf, id, edit));
  }

  /** Runs this after what was to run under the same key before, in this process. */
  inTurn<Value>(key: string, run: () => Promise<Value>): Promise<Value> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(run);
    const over = turn.catch(() => {}).then(() => void (this.#turns.get(key) === over && this.#turns.delete(key)));
    this.#turns.set(key, over);
    return turn;
  }

  /** Deletes all records of adapters in this store that are due. */
  sweep(): Promise<void> {
    this.#sweepAt = now() + SWEEP_EVERY;
    return (this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = undefined)));
  }

  /** Calls `changed` when this record may have changed; `undefined` where the store cannot tell. */
  watch(shelf: string, id: string, changed: () => void): (() => void) | undefined {
    const owner = this.#prefix + shelf;
    return this.store.watch?.((other, its) => other === owner && its === id && changed());
  }

  /** The same for any record of the empty shelf. */
  watchAll(changed: () => void): (() => void) | undefined {
    return this.store.watch?.((other) => other === this.#prefix && changed());
  }

  async #swap<Write extends GuestWrite | undefined>(
    shelf: string,
    id: string,
    edit: (record: GuestRecord | undefined) => Write,
  ): Promise<Write> {
    const mark = random(9);
    let written: Write | undefined;
    let failure: unknown;
    for (let race = 0; race < MOST_RACES; race++) {
      const row = await this.#stored(shelf, id);
      // A store may answer `false`, or fail, although it has taken the write.
      if (written !== undefined && marksOf(row?.record).includes(mark)) return written;
      if (failure !== undefined) throw failure;
      const there = row === undefined || isOver(row.record) ? undefined : row.record;
      written = edit(there);
      if (written === undefined) return written;
      const state = {
        ...there?.state,
        ...written.state,
        v: FORM,
        clock: clockName(),
        marks: [...marksOf(there), mark].slice(-MARKS),
      };
      const { until } = written.state;
      const task = {
        owner: this.#prefix + shelf,
        id,
        version: (row?.version ?? 0) + 1,
        createdAt: row?.record.createdAt ?? now(),
        dueAt: until === null ? null : until + KEPT,
        state: JSON.stringify(state),
        payload:
          written.payload === undefined && there !== undefined ? undefined : JSON.stringify(written.payload ?? null),
      };
      try {
        if (await this.#within("put", () => this.store.put(task))) return written;
      } catch (thrown) {
        if (isTaskError(thrown) && thrown.code === "limit") throw thrown;
        failure = thrown;
        continue;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2 ** race, 64)));
    }
    throw new TaskError("storage", "Too many others change the same record of the task store.");
  }

  async #stored(shelf: string, id: string): Promise<{ version: number; record: GuestRecord } | undefined> {
    const row = await this.#within("get", () => this.store.get(this.#prefix + shelf, id));
    return row === undefined || row === null ? undefined : { version: row.version, record: recordOf(row) };
  }

  async #within<Value>(operation: string, run: () => MaybePromise<Value>): Promise<Value> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const answer = run();
      if (this.#timeout === null) return await answer;
      const ms = this.#timeout;
      const message = `The task store has not answered \`${operation}\` in ${ms} ms.`;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new TaskError("storage", message)), ms);
      });
      return await Promise.race([answer, late]);
    } catch (thrown) {
      throw isTaskError(thrown)
        ? thrown
        : new TaskError("storage", `The task store failed in \`${operation}\`.`, { cause: thrown });
    } finally {
      clearTimeout(timer);
    }
  }

  /** There is no timer: what is over is not shown, and a store that is not used does not grow. */
  #sweepSometimes(): void {
    if (now() < this.#sweepAt) return;
    this.sweep().catch((error: TaskError) => {
      try {
        this.#onerror?.(error);
      } catch {
        // It is told, whatever it makes of it.
      }
    });
  }

  async #sweep(): Promise<void> {
    const before = now();
    let after: DuePosition | undefined;
    for (;;) {
      const place = after;
      const rows = await this.#within("due", () => this.store.due(before, PAGE, place));
      for (const { owner, id, version, dueAt, state } of rows) {
        if (!owner.startsWith(GUESTS) || dueAt === null) continue;
        const skew = state.includes(`"clock":"${clockName()}"`) ? 0 : this.#skew;
        if (dueAt + skew <= before) await this.#within("delete", () => this.store.delete(owner, id, version));
      }
      const last = rows.at(-1);
      if (last === undefined || last.dueAt === null || rows.length < PAGE) return;
      if (after !== undefined && last.dueAt === after.dueAt && last.id === after.id) return;
      after = { dueAt: last.dueAt, owner: last.owner, id: last.id };
    }
  }
}

/** So many random bytes in characters of ids. */
export function random(bytes: number): string {
  return encode(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** A hash in characters of ids: 4 for each 3 bytes. */
export async function digest(text: string, bytes: number): Promise<string> {
  // As JSON, which tells lone surrogates from each other: UTF-8 does not.
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(text)));
  return encode(new Uint8Array(hash).subarray(0, bytes));
}

/** A time as tasks tell it. */
export function isoTime(at: unknown): string {
  return new Date(isWhole(at, 0, 8.64e15) ? at : 0).toISOString();
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Whether nobody can see the record any more. */
export function isOver({ state }: GuestRecord): boolean {
  return state.until !== null && state.until <= now();
}

function marksOf(record: GuestRecord | undefined): string[] {
  const marks = own(record?.state, "marks");
  return Array.isArray(marks) ? marks.filter((mark) => typeof mark === "string") : [];
}

function recordOf({ id, createdAt, state: text, payload }: StoredTask): GuestRecord {
  try {
    const state: unknown = JSON.parse(text);
    const until = own(state, "until");
    if (isObject(state) && own(state, "v") === FORM && (until === null || isWhole(until, 0)))
      return { id, createdAt, state: { ...state, until }, payload: payload === null ? null : JSON.parse(payload) };
    if (isWhole(own(state, "v"), FORM + 1))
      throw new TaskError("storage", "A newer version of this package wrote this record of the task store.");
  } catch (thrown) {
    if (isTaskError(thrown)) throw thrown;
  }
  throw new TaskError("storage", "A record of the task store is damaged.", { taskId: id });
}

/** The text under a member of a state; empty where there is none. */
export function memberOf(state: GuestState, name: string): string {
  return textOf(state, name) ?? "";
}
