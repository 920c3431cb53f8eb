import { now } from "../clock.ts";
import { CompletionCode, WriteCode } from "../core/codes.ts";
import { TaskError, type TaskStoreFullError, isTaskError } from "../errors.ts";
import type { MaybePromise, TaskStore, TaskUsage, TaskWrite } from "../store.ts";
import { getOrMake, isPromise } from "./facts.ts";
import { type PayloadEdit, Payload, compose } from "./payload.ts";
import type { Port } from "./port.ts";
import { Fault, type Page, isAfter, isDueAfter, pageOf, rowOf, usageOf } from "./stored-row.ts";
import * as core from "../wasm/generated/server.js";

/** So many faults of rows are remembered before they may be reported again. */
const REMEMBERED = 1_000;

/**
 * Runs storage operations for the receiver and reports how they ended: at once where the store answers at once, else
 * when its promise settles.
 */
export class StoreJobs {
  readonly #port: Port;
  readonly #store: TaskStore;
  readonly #judge: Judge;
  #writing = false;
  readonly #payloads = new Map<number, Payload>();
  readonly #edits = new Map<number, PayloadEdit & { unwritable?: boolean }>();
  /** What each unanswered job asked of the store, and when. */
  readonly #unanswered = new Map<number, { readonly operation: Operation; readonly since: number }>();
  readonly #limit: number;
  /** The faults of rows that were reported. */
  readonly #reported = new Set<string>();

  /** `limit`: the length of the longest outcome. `judge` is shown what a job has read that may change its task. */
  constructor(port: Port, store: TaskStore, limit: number, judge: Judge) {
    this.#port = port;
    this.#store = store;
    this.#limit = limit;
    this.#judge = judge;
  }

  /** A write of this process is in the store's hands; its own change is no news. */
  get isWriting(): boolean {
    return this.#writing;
  }

  /** Forgets all jobs: the core that gave them is no more. */
  clear(): void {
    this.#payloads.clear();
    this.#edits.clear();
    this.#unanswered.clear();
  }

  /** What a job read or wrote last. */
  payload(job: number): Payload {
    return this.#payloads.get(job) ?? new Payload(null);
  }

  /** What the next write of a job changes in its payload. */
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
    this.#port.report(
      new TaskError("storage", `The task store has not answered \`${late.operation}\` in ${seconds} s. ${OVERDUE}`),
    );
  }

  /** There is nothing to be read for a job. */
  missing(job: number): void {
    this.#port.give(core.completed, job, CompletionCode.Missing);
  }

  /** Reads a task that may change next. */
  get(job: number, owner: string, id: string, payload: boolean): void {
    this.#get(job, owner, id, payload, this.#judge);
  }

  /** Reads a task for a request that changes nothing. */
  read(job: number, owner: string, id: string, payload: boolean): void {
    this.#get(job, owner, id, payload);
  }

  #get(job: number, owner: string, id: string, payload: boolean, judge?: Judge): void {
    this.#run(
      job,
      "get",
      () => this.#store.get(owner, id, payload ? undefined : WITHOUT_PAYLOAD),
      (row) => {
        if (row === undefined || row === null) return this.#port.give(core.completed, job, CompletionCode.Missing);
        const task = rowOf(row);
        if (task instanceof Fault) return this.#unreadable(job, new Fault(task.reason, id));
        if (task.owner !== owner || task.id !== id) return this.#unreadable(job, new Fault("it is another one", id));
        if (payload) {
          const read = new Payload(task.payload);
          if (!read.isWhole()) return this.#fail(job, new TaskError("storage", DAMAGED_PAYLOAD, { taskId: id }));
          this.#payloads.set(job, read);
          judge?.(job, read);
        }
        this.#port.give(core.found, job, task.version, task.createdAt, task.state);
      },
    );
  }

  put(
    job: number,
    owner: string,
    id: string,
    version: number,
    createdAt: number,
    dueAt: number,
    state: string,
    write: WriteCode,
  ): void {
    const task: TaskWrite = { owner, id, version, createdAt, dueAt: Number.isNaN(dueAt) ? null : dueAt, state };
    const edit = this.edit(job);
    this.#edits.delete(job);
    if (write === WriteCode.Keep) {
      return this.#run(
        job,
        "put",
        () => this.#put(task),
        (done) => this.#done(job, done),
      );
    }
    if (edit.unwritable === true) return this.#port.give(core.completed, job, CompletionCode.NotJson);
    const payload = compose(write === WriteCode.Edit ? this.payload(job).text : null, edit);
    if (payload !== null && payload.length > this.#limit + OVERHEAD)
      return this.#port.give(core.completed, job, CompletionCode.TooManyBytes);
    this.#run(
      job,
      "put",
      () => this.#put({ ...task, payload }),
      (done) => {
        if (done === true) this.#payloads.set(job, new Payload(payload));
        this.#done(job, done);
      },
    );
  }

  delete(job: number, owner: string, id: string, version: number): void {
    this.#run(
      job,
      "delete",
      () => this.#store.delete(owner, id, version),
      (done) => this.#done(job, done),
    );
  }

  list(job: number, owner: string, after: number, afterId: string, limit: number): void {
    const position = Number.isNaN(after) ? undefined : { createdAt: after, id: afterId };
    const read = (rows: unknown): Page => pageOf(rows, limit, owner, (row) => isAfter(row, position));
    this.#run(
      job,
      "list",
      () => this.#read(this.#store.list(owner, { after: position, limit }), read),
      (page) => this.#rows(job, page, false),
    );
  }

  due(job: number, before: number, after: number, afterOwner: string, afterId: string, limit: number): void {
    const position = Number.isNaN(after) ? undefined : { dueAt: after, owner: afterOwner, id: afterId };
    const read = (rows: unknown): Page => pageOf(rows, limit, undefined, (row) => isDueAfter(row, position));
    this.#run(
      job,
      "due",
      () => this.#read(this.#store.due(before, limit, position), read),
      (page) => this.#rows(job, page, true),
    );
  }

  usage(job: number, owner: string): void {
    const ask = (): MaybePromise<TaskUsage> => this.#read(this.#store.usage?.(owner) ?? NOTHING, usageOf);
    this.#run(job, "usage", ask, ({ tasks, bytes }) => this.#port.give(core.used, job, tasks, bytes));
  }

  #put(task: TaskWrite): boolean | Promise<boolean> {
    this.#writing = true;
    try {
      return this.#store.put(task);
    } finally {
      this.#writing = false;
    }
  }

  /** What a store returned, read where it is a failure of the store if it cannot be. */
  #read<T, R>(returned: MaybePromise<T>, read: (value: T) => R): MaybePromise<R> {
    return isPromise(returned) ? returned.then(read) : read(returned);
  }

  /** Whatever is not `true` did not happen. */
  #done(job: number, done: unknown): void {
    this.#port.give(core.completed, job, done === true ? CompletionCode.Done : CompletionCode.NotDone);
  }

  #rows(job: number, { rows, faults, full }: Page, owners: boolean): void {
    for (const fault of faults) this.#reportOnce(fault);
    for (const { owner, id, version, createdAt, dueAt, state } of rows) {
      // The core knows by whose list it asked.
      const named = owners ? owner : "";
      core.row(this.#port.receiver, named, id, version, createdAt, dueAt ?? Number.NaN, state);
    }
    this.#port.give(core.rows, job, full);
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
      this.#port.refresh();
      if (this.#unanswered.get(job) !== asked) return;
      this.#unanswered.delete(job);
      this.#port.workReporting(then);
    };
    value.then(
      (found) => later(() => report(found)),
      (error: unknown) => later(() => this.#fail(job, error)),
    );
  }

  /** The store has something that is no record: it is told from nothing. */
  #unreadable(job: number, fault: Fault): void {
    this.#reportOnce(fault);
    this.#port.give(core.completed, job, CompletionCode.Unreadable);
  }

  /** A damaged row comes up at every sweep. */
  #reportOnce({ reason, id }: Fault): void {
    const key = `${id} ${reason}`;
    if (this.#reported.has(key)) return;
    if (this.#reported.size >= REMEMBERED) this.#reported.clear();
    this.#reported.add(key);
    const message =
      `The task store returned a row that is no task's: ${reason}. ` +
      "It is left as it is and passed over; repair or delete it.";
    this.#port.report(new TaskError("storage", message, { taskId: id }));
  }

  #fail(job: number, cause: unknown): void {
    // Known by their names: a store may come from another copy of the package, as it does in a page without a bundler.
    if (isTaskError(cause) && cause.name === "TaskStoreFullError") {
      return this.#port.give(
        core.completed,
        job,
        (cause as TaskStoreFullError).reason === "task_limit"
          ? CompletionCode.TooManyTasks
          : CompletionCode.TooManyBytes,
      );
    }
    this.#port.report(
      isTaskError(cause)
        ? cause
        : new TaskError("storage", "The task store failed; the operation is repeated or its caller told.", { cause }),
    );
    this.#port.give(core.completed, job, CompletionCode.Failed);
  }
}

type Judge = (job: number, payload: Payload) => void;
type Operation = "get" | "put" | "delete" | "list" | "due" | "usage";

const OVERDUE =
  "It counts as failed, and is repeated or its caller told. " +
  "Give the store's driver a time limit below `storeTimeout` of TaskServer.";
const NOTHING = { tasks: 0, bytes: 0 } as const;
const WITHOUT_PAYLOAD = { payload: false } as const;
const DAMAGED_PAYLOAD =
  "A stored payload is not what was written: it was damaged, " +
  "or it is sealed and `payloads` of TaskServer does not open it.";
/** Member names around a part, in code units. */
const OVERHEAD = 1024;
