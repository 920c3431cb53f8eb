import { now } from "../clock.ts";
import { TaskError } from "../errors.ts";
import { define, isObject, isWhole, type Json, own, toJson } from "../json.ts";
import { checkKinds } from "../options-check.ts";
import type { TaskStore } from "../store.ts";
import type { TaskStatus } from "../types.ts";
import type {
  ExtensionAccess,
  ExtensionDetailedTask,
  ExtensionInputs,
  ExtensionTask,
  ExtensionTaskHandle,
  ExtensionTaskStore,
} from "./extension-types.ts";
import { GUEST_OPTIONS, type GuestOptions, type GuestRecord, GuestRecords, isoTime } from "./records.ts";
import { idOn, shelfIn, shelfOf } from "./shelves.ts";

/** In ms: a task that is gone sooner could not be read at all. */
const SHORTEST_TTL = 1_000;
/** How often a task is read by what waits for it, in ms: where the store tells of changes, and where it cannot. */
const LOOK_TOLD = 30_000;
const LOOK_UNTOLD = 1_000;

/**
 * A store of this package in the shape that the drafted tasks extension of SDK v2 asks for (typescript-sdk, pull
 * request 2782): `create`, `get`, `update` and `cancel` with a principal, and a handle for the code that does the work.
 * Tasks outlive the process, a question is answered in whichever process its handler waits, and a cancellation reaches
 * the handler wherever it runs. The draft may change, and this with it; `TaskServer` needs none of it.
 *
 * Each change is one compare-and-swap; what has ended stays as it is. The store's own part of it is as in {@link
 * GuestOptions}. Methods reject with {@link TaskError}: `invalid_argument` for wrong values, `storage` or `limit` where
 * the store fails or is full. Throws `invalid_argument` for what is no store, and for wrong options.
 */
export function extensionTaskStore(store: TaskStore, options: GuestOptions = {}): ExtensionTaskStore {
  checkKinds("extensionTaskStore", options, GUEST_OPTIONS);
  const records = new GuestRecords(store, "tasks-extension", options);

  /** Where a task is, if this principal may see it. One that belongs to nobody is anybody's who knows its id. */
  async function placeOf(id: string, access: ExtensionAccess | undefined): Promise<string | undefined> {
    const shelf = shelfIn(id);
    if (shelf === undefined || shelf === "") return shelf;
    return access?.principal !== undefined && (await shelfOf(access.principal)) === shelf ? shelf : undefined;
  }

  /** Changes a task that has not ended; answers whether there is one under this id, ended or not. */
  async function change(shelf: string | undefined, id: string, edit: (task: Parts) => Json | undefined) {
    if (shelf === undefined) return false;
    let found = false;
    await records.change(shelf, id, (record) => {
      found = record !== undefined;
      if (record === undefined || hasEnded(record)) return undefined;
      const parts = partsOf(record);
      const changed = edit(parts);
      return changed && { state: { ...record.state, ...changed, updated: now() }, payload: parts };
    });
    return found;
  }

  function handle(taskId: string): ExtensionTaskHandle {
    const shelf = shelfIn(taskId);
    const stop = new AbortController();
    let watching: Watch | undefined;
    const watch = (): Watch => (watching ??= follow(records, shelf, taskId, stop));
    const end = async (status: TaskStatus, outcome: Json): Promise<void> => {
      requireJson(outcome, taskId);
      await change(shelf, taskId, (parts) => {
        Object.assign(parts, outcome);
        return { status };
      });
      watching?.end();
    };

    return {
      taskId,
      get signal() {
        watch();
        return stop.signal;
      },
      async status(message) {
        if (typeof message !== "string") throw new TaskError("invalid_argument", "A status message is a text.");
        await change(shelf, taskId, () => ({ message }));
      },
      async requireInput(requests) {
        requireJson(requests, taskId);
        const keys = Object.keys(requests);
        await change(shelf, taskId, (parts) => {
          for (const key of keys) {
            const before = own(parts.requests, key);
            if (before !== undefined && toJson(before) !== toJson(requests[key]))
              throw new TaskError("invalid_argument", "A key of an input request stands for one question.", { taskId });
            define(parts.requests, key, requests[key]);
          }
          return { status: isAnswered(parts) ? "working" : "input_required" };
        });
        return watch().until((record) => {
          const { answers } = partsOf(record);
          if (!keys.every((key) => Object.hasOwn(answers, key))) return undefined;
          const taken: ExtensionInputs = {};
          for (const key of keys) define(taken, key, answers[key]);
          return taken;
        });
      },
      complete: (result) => end("completed", { result }),
      fail: (error) => end("failed", { error }),
    };
  }

  return {
    async create({ ttlMs, pollIntervalMs, principal, context }) {
      if (ttlMs !== null && !isWhole(ttlMs, 0)) throw wrong("`ttlMs` must be a whole number of ms, or null");
      if (pollIntervalMs !== undefined && !isWhole(pollIntervalMs, 0))
        throw wrong("`pollIntervalMs` must be a whole number of ms");
      if (context !== undefined && toJson(context) === undefined) throw wrong("`context` must be JSON");
      const shelf = await shelfOf(principal);
      const id = idOn(shelf);
      const created = now();
      const ttl = ttlMs === null ? null : Math.max(ttlMs, SHORTEST_TTL);
      const until = ttl === null ? null : Math.min(created + ttl, Number.MAX_SAFE_INTEGER);
      const state = { status: "working", created, updated: created, ttl, poll: pollIntervalMs, until };
      await records.change(shelf, id, () => ({ state, payload: { context, requests: {}, answers: {} } }));
      return taskOf(id, state);
    },

    async get(id, access) {
      const shelf = await placeOf(id, access);
      const record = shelf === undefined ? undefined : await records.read(shelf, id);
      return record && detailOf(record);
    },

    async update(id, inputResponses, access) {
      requireJson(inputResponses, id);
      return change(await placeOf(id, access), id, (parts) => {
        const open = Object.keys(parts.requests).filter((key) => !Object.hasOwn(parts.answers, key));
        const answered = open.filter((key) => Object.hasOwn(inputResponses, key));
        if (answered.length === 0) return undefined;
        for (const key of answered) define(parts.answers, key, inputResponses[key]);
        return { status: isAnswered(parts) ? "working" : "input_required" };
      });
    },

    async cancel(id, access) {
      return change(await placeOf(id, access), id, () => ({ status: "cancelled" }));
    },

    async context(id) {
      const shelf = shelfIn(id);
      const record = shelf === undefined ? undefined : await records.read(shelf, id);
      const context = own(record?.payload, "context");
      return isObject(context) ? context : undefined;
    },

    handle,
    sweep: () => records.sweep(),
  };
}

/** What a task's payload has. */
interface Parts extends Json {
  readonly requests: Json;
  readonly answers: Json;
}

/** What follows a task until it has ended. */
interface Watch {
  /** The first that `of` finds in the task; rejects where it ends before. */
  until<Value>(of: (record: GuestRecord) => Value | undefined): Promise<Value>;
  /** Follows it no more. */
  end(): void;
}

/** Reads a task when it may have changed, and aborts `stop` when it is cancelled or gone. */
function follow(records: GuestRecords, shelf: string | undefined, id: string, stop: AbortController): Watch {
  const waiting = new Set<(record: GuestRecord | undefined, ended: TaskError | undefined) => void>();
  let over: TaskError | undefined;
  let reading = false;
  let again = false;
  const unwatch = shelf === undefined ? undefined : records.watch(shelf, id, () => void look());
  const timer = setInterval(() => void look(), unwatch === undefined ? LOOK_UNTOLD : LOOK_TOLD);
  (timer as { unref?: () => void }).unref?.();

  function end(reason: TaskError): void {
    if (over !== undefined) return;
    over = reason;
    clearInterval(timer);
    unwatch?.();
    for (const tell of [...waiting]) tell(undefined, reason);
    if (reason.code !== "detached") stop.abort(reason);
  }

  async function look(): Promise<void> {
    again = reading;
    if (reading || over !== undefined) return;
    reading = true;
    try {
      const record = shelf === undefined ? undefined : await records.read(shelf, id);
      for (const tell of [...waiting]) tell(record, undefined);
      if (record === undefined) end(new TaskError("not_found", "The task is not there any more.", { taskId: id }));
      else if (record.state["status"] === "cancelled")
        end(new TaskError("cancelled", "The task was cancelled.", { taskId: id }));
      else if (hasEnded(record)) end(new TaskError("detached", "The task has ended.", { taskId: id }));
    } catch {
      // The store fails now; it is asked again.
    } finally {
      reading = false;
      if (again) void look();
    }
  }
  void look();

  return {
    until: (of) =>
      new Promise((resolve, reject) => {
        if (over !== undefined) return reject(over);
        const tell = (record: GuestRecord | undefined, ended: TaskError | undefined): void => {
          const found = record === undefined || hasEnded(record) ? undefined : of(record);
          if (found === undefined && ended === undefined) return;
          waiting.delete(tell);
          if (found === undefined) reject(ended);
          else resolve(found);
        };
        waiting.add(tell);
        void look();
      }),
    end: () => end(new TaskError("detached", "The task has ended.", { taskId: id })),
  };
}

function partsOf(record: GuestRecord): Parts {
  const parts = isObject(record.payload) ? record.payload : {};
  const { requests, answers } = parts;
  return { ...parts, requests: isObject(requests) ? requests : {}, answers: isObject(answers) ? answers : {} };
}

function isAnswered({ requests, answers }: Parts): boolean {
  return Object.keys(requests).every((key) => Object.hasOwn(answers, key));
}

function hasEnded({ state }: GuestRecord): boolean {
  return !["working", "input_required"].includes(String(state["status"]));
}

function taskOf(taskId: string, state: Json): ExtensionTask {
  const { status, ttl, poll, message } = state;
  return {
    taskId,
    status: status as TaskStatus,
    ...(typeof message === "string" && { statusMessage: message }),
    createdAt: isoTime(state["created"]),
    lastUpdatedAt: isoTime(state["updated"]),
    ttlMs: isWhole(ttl, 0) ? ttl : null,
    ...(isWhole(poll, 0) && { pollIntervalMs: poll }),
  };
}

function detailOf(record: GuestRecord): ExtensionDetailedTask {
  const { status, ...rest } = taskOf(record.id, record.state);
  const parts = partsOf(record);
  if (status === "input_required") {
    const inputRequests: ExtensionInputs = {};
    for (const [key, request] of Object.entries(parts.requests))
      if (!Object.hasOwn(parts.answers, key)) define(inputRequests, key, request);
    return { ...rest, status, inputRequests };
  }
  const { result, error } = parts;
  if (status === "completed") return { ...rest, status, result: isObject(result) ? result : { content: [] } };
  if (status === "failed") return { ...rest, status, error: isObject(error) ? error : {} };
  return { ...rest, status };
}

function requireJson(value: unknown, taskId: string): void {
  if (!isObject(value) || toJson(value) === undefined)
    throw new TaskError("invalid_argument", "Results, errors, input requests and their answers are JSON objects.", {
      taskId,
    });
}

function wrong(what: string): TaskError {
  return new TaskError("invalid_argument", `A task's ${what}.`);
}
