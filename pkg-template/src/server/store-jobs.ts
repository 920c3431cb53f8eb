import { now } from "../clock.ts";
import { TaskError, type TaskStoreFullError, isTaskError } from "../errors.ts";
import type { StoredTask, TaskStore, TaskWrite } from "../store.ts";
import { getOrMake } from "./facts.ts";
import { type PayloadEdit, Payload, compose } from "./payload.ts";
import * as core from "../wasm/generated/server.js";

// How an operation ended, as the core is told; 0 and 1 say whether it is done.
export const MISSING = 2;
const TOO_MANY = 3;
const TOO_LARGE = 4;
const NOT_JSON = 5;
const STORE_FAILED = 6;

/** Something of the core's to call: an input, which is told who asks and when. */
export type Input<Rest extends unknown[], Value> = (receiver: number, now: number, ...rest: Rest) => Value;

/**
 * The part of the receiver's host that runs storage operations and reports how they ended: at once where the store answers at
 * once, else when its promise settles.
 */
export abstract class StoreJobs {
  protected readonly store: TaskStore;
  /** A write of this process is in the store's hands; its own change is no news. */
  protected writing = false;
  readonly #payloads = new Map<number, Payload>();
  readonly #edits = new Map<number, PayloadEdit & { unwritable?: boolean }>();
  /** What each unanswered job asked of the store, and when. */
  readonly #unanswered = new Map<number, { readonly operation: Operation; readonly since: number }>();
  readonly #limit: number;

  /** `limit`: the length of the longest outcome. */
  constructor(store: TaskStore, limit: number) {
    this.store = store;
    this.#limit = limit;
  }

  /** The number of the core's receiver. */
  abstract get receiver(): number;
  /** Gives the core an input while it is at work. */
  abstract give<Rest extends unknown[], Value>(input: Input<Rest, Value>, ...rest: Rest): Value;
  /** Gives the core an input that nobody waits for, and does what it wants. */
  abstract enterAlone(input: Input<[], void>): void;
  abstract report(error: unknown): void;
  /** A job has read a payload. */
  protected abstract judge(job: number, payload: Payload): void;

  /** Forgets all jobs: the core that gave them is no more. */
  protected clearJobs(): void {
    this.#payloads.clear();
    this.#edits.clear();
    this.#unanswered.clear();
  }

  /** What a job read or wrote last. */
  payload(job: number): Payload {
    return this.#payloads.get(job) ?? new Payload(null);
  }

  edit(job: number): PayloadEdit & { unwritable?: boolean } {
    return getOrMake(this.#edits, job, () => ({ remove: [], set: [] }));
  }

  finish(job: number): void {
    if (this.#payloads.size > 0) this.#payloads.delete(job);
    if (this.#edits.size > 0) this.#edits.delete(job);
  }

  /** The core does not wait for this job any longer; whatever its operation still answers is ignored. */
  overdue(job: number): void {
    const late = this.#unanswered.get(job);
    this.#unanswered.delete(job);
    if (late === undefined) return;
    const seconds = Math.round((now() - late.since) / 100) / 10;
    this.report(new TaskError("storage", `The task store has not answered \`${late.operation}\` in ${seconds} s. ${OVERDUE}`));
  }

  get(job: number, owner: string, id: string, payload: boolean): void {
    this.#run(job, "get", () => this.store.get(owner, id, payload ? undefined : WITHOUT_PAYLOAD), (task) => {
      if (task === undefined) return this.give(core.completed, job, MISSING);
      if (payload) {
        const read = new Payload(task.payload);
        if (!read.isWhole()) return this.#fail(job, new TaskError("storage", UNREADABLE, { taskId: id }));
        this.#payloads.set(job, read);
        this.judge(job, read);
      }
      this.give(core.found, job, task.version, task.createdAt, task.state);
    });
  }

  put(job: number, owner: string, id: string, version: number, createdAt: number, dueAt: number, state: string, mode: number): void {
    const task: TaskWrite = { owner, id, version, createdAt, dueAt: Number.isNaN(dueAt) ? null : dueAt, state };
    const edit = this.edit(job);
    this.#edits.delete(job);
    if (mode === 0) {
      return this.#run(job, "put", () => this.#put(task), (done) => this.give(core.completed, job, Number(done)));
    }
    if (edit.unwritable === true) return this.give(core.completed, job, NOT_JSON);
    const payload = compose(mode === 2 ? this.payload(job).text : null, edit);
    if (payload !== null && payload.length > this.#limit + OVERHEAD) return this.give(core.completed, job, TOO_LARGE);
    this.#run(job, "put", () => this.#put({ ...task, payload }), (done) => {
      if (done) this.#payloads.set(job, new Payload(payload));
      this.give(core.completed, job, Number(done));
    });
  }

  delete(job: number, owner: string, id: string, version: number): void {
    this.#run(job, "delete", () => this.store.delete(owner, id, version), (done) => this.give(core.completed, job, Number(done)));
  }

  list(job: number, owner: string, after: number, afterId: string, limit: number): void {
    const position = Number.isNaN(after) ? undefined : { createdAt: after, id: afterId };
    this.#run(job, "list", () => this.store.list(owner, { after: position, limit }), (tasks) => this.#rows(job, tasks, false));
  }

  due(job: number, before: number, after: number, afterOwner: string, afterId: string, limit: number): void {
    const position = Number.isNaN(after) ? undefined : { dueAt: after, owner: afterOwner, id: afterId };
    this.#run(job, "due", () => this.store.due(before, limit, position), (tasks) => this.#rows(job, tasks, true));
  }

  usage(job: number, owner: string): void {
    this.#run(job, "usage", () => this.store.usage?.(owner) ?? NOTHING, ({ tasks, bytes }) => this.give(core.used, job, tasks, bytes));
  }

  #put(task: TaskWrite): boolean | Promise<boolean> {
    this.writing = true;
    try {
      return this.store.put(task);
    } finally {
      this.writing = false;
    }
  }

  #rows(job: number, tasks: readonly StoredTask[], owners: boolean): void {
    let records = "";
    for (const task of tasks) {
      records += `${owners ? task.owner : ""}\0${task.id}\0${task.version}\0${task.createdAt}\0${task.dueAt ?? ""}\0${task.state}\0`;
    }
    this.give(core.rows, job, records);
  }

  #run<T>(job: number, operation: Operation, perform: () => T | Promise<T>, report: (value: T) => void): void {
    let value: T | Promise<T>;
    try {
      value = perform();
      // What only looks like a promise may fail even when it is asked.
      if (isPromise(value)) value = Promise.resolve(value);
    } catch (error) {
      return this.#fail(job, error);
    }
    if (!isPromise(value)) return report(value);
    const asked = { operation, since: now() };
    this.#unanswered.set(job, asked);
    const later = (then: () => void): void => {
      // A core that was started anew in between has forgotten all jobs, and numbered its own from the beginning.
      void this.receiver;
      if (this.#unanswered.get(job) !== asked) return;
      this.#unanswered.delete(job);
      this.enterAlone(then);
    };
    value.then(
      (found) => later(() => report(found)),
      (error: unknown) => later(() => this.#fail(job, error)),
    );
  }

  #fail(job: number, cause: unknown): void {
    // Known by their names: a store may come from another copy of the package, as it does in a page without a bundler.
    if (isTaskError(cause) && cause.name === "TaskStoreFullError") {
      return this.give(core.completed, job, (cause as TaskStoreFullError).reason === "task_limit" ? TOO_MANY : TOO_LARGE);
    }
    this.report(isTaskError(cause) ? cause : new TaskError("storage", "The task store failed; the operation is repeated or its caller told.", { cause }));
    this.give(core.completed, job, STORE_FAILED);
  }
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === "function";
}

type Operation = "get" | "put" | "delete" | "list" | "due" | "usage";

const OVERDUE = "It counts as failed, and is repeated or its caller told. Give the store's driver a time limit below `storeTimeout` of TaskServer.";
const NOTHING = { tasks: 0, bytes: 0 } as const;
const WITHOUT_PAYLOAD = { payload: false } as const;
const UNREADABLE = "A stored payload is not what was written: it was damaged, or it is sealed and `payloads` of TaskServer does not open it.";
/** Member names around a part, in code units. */
const OVERHEAD = 1024;
