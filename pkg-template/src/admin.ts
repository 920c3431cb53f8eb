// What operators see and do, on a store and without a server: an entry of its own.
import { TaskError } from "./errors.ts";
import { isObject, isWhole } from "./json.ts";
import { FUNCTION, type Kinds, check, checkKinds } from "./options-check.ts";
import { PartCode } from "./core/codes.ts";
import { serverCore } from "./server/core.ts";
import { Payload } from "./server/payload.ts";
import { sealed } from "./server/sealed.ts";
import { Fault, rowOf } from "./server/stored-row.ts";
import type { OwnerPosition, StoredTask, TaskStore } from "./store.ts";
import type { PayloadProtection } from "./types.ts";
import { callMethodNumbered } from "./wire/methods.ts";
import * as core from "./wasm/generated/server.js";

/** What {@link taskAdmin} takes. */
export interface TaskAdminOptions {
  /** Where the servers keep their tasks. */
  readonly store: TaskStore;
  /** As the servers have it. Without it, sealed payloads cannot be read; everything else can be done. */
  readonly payloads?: PayloadProtection | undefined;
  /** As the servers have it: by how much clocks may differ, in ms. Default 1 200 000: 20 minutes. */
  readonly clockSkew?: number | undefined;
}

/** Where a task stands, as stores keep it: a completed tool that says that it failed is told apart. */
export type AdminStatus = "working" | "input_required" | "completed" | "tool_failed" | "failed" | "cancelled";

/** A stored task, without its payload. Times are in ms since the epoch. */
export interface AdminTask {
  /** Whose it is; `""` where nobody was authenticated. */
  readonly owner: string;
  /** Its id. */
  readonly taskId: string;
  /** Where it stands. */
  readonly status: AdminStatus;
  /** Why the server itself has ended it: `"expired"`, `"lost"`, `"too_large"`, … */
  readonly failure?: string | undefined;
  /** The method that was called. */
  readonly method: string;
  /** The tool, the prompt or the URI that was called; may be empty. */
  readonly tool: string;
  /** What it last said of itself, for people. */
  readonly statusMessage?: string | undefined;
  /** When it was created. */
  readonly createdAt: number;
  /** When it last changed. */
  readonly updatedAt: number;
  /** When its time to live ends; `null` for no end. */
  readonly expiresAt: number | null;
  /** The process that runs it, while one does. */
  readonly holder?: string | undefined;
  /** How many of its questions are not answered. */
  readonly questions: number;
}

/** A task with what it was called with, and how it has ended. */
export interface AdminDetail extends AdminTask {
  /** The parameters of the call, while the task has not ended. */
  readonly request?: unknown;
  /** The result. */
  readonly result?: unknown;
  /** The JSON-RPC error. */
  readonly error?: unknown;
}

/** Which tasks: all of these hold. */
export interface AdminFilter {
  /** Of this owner alone. A store without {@link TaskStore.all} has to be asked so. */
  readonly owner?: string | undefined;
  /** Of this tool (prompt, URI) alone. */
  readonly tool?: string | undefined;
  /** In these states alone. */
  readonly status?: AdminStatus | readonly AdminStatus[] | undefined;
  /** Created this many ms ago or earlier. */
  readonly olderThan?: number | undefined;
  /** Created this many ms ago or later. */
  readonly youngerThan?: number | undefined;
}

/** Some of the tasks. */
export interface AdminPage {
  /** By owner, then by creation. */
  readonly tasks: readonly AdminTask[];
  /** Where the next page begins; `undefined` where there is none. A page may be empty and not the last. */
  readonly cursor?: string | undefined;
  /** Records that this version cannot read; they are left alone. */
  readonly unreadable: readonly { readonly owner: string; readonly taskId: string }[];
}

/** The tasks of one tool in one state. */
export interface AdminCount {
  /** The method that was called. */
  readonly method: string;
  /** The tool, the prompt or the URI that was called. */
  readonly tool: string;
  /** Where they stand. */
  readonly status: AdminStatus;
  /** How many. */
  readonly tasks: number;
  /** When the oldest of them was created, in ms since the epoch. */
  readonly oldest: number;
  /** When the one that has not changed for longest last changed, in ms since the epoch. */
  readonly stillest: number;
}

/** What became of an operator's wish. */
export type AdminOutcome =
  /** It is done. */
  | "done"
  /** Nothing to cancel: the task has ended. */
  | "ended"
  /** Not to be purged: the task has not ended, or somebody is still to be told of its end. */
  | "open"
  /** There is no such task. */
  | "missing";

/** What an operator can do. Each rejects with {@link TaskError} `storage` where the store fails. */
export interface TaskAdmin {
  /**
   * Tasks of all owners, page by page. `limit`: how many at most, from 1 to 1000, default 100. Rejects with
   * {@link TaskError} `unsupported` where the store cannot list all owners and none is named.
   */
  list(
    filter?: AdminFilter & { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  ): Promise<AdminPage>;
  /** One task with its payload; `undefined` where there is none. */
  read(owner: string, taskId: string): Promise<AdminDetail | undefined>;
  /**
   * Ends a task as cancelled, whatever its handler thinks of it. The process that runs it stops the handler when it
   * hears of it: through the store's `watch`, or within a third of its lease.
   */
  cancel(owner: string, taskId: string): Promise<AdminOutcome>;
  /** Deletes a task that has ended, with its result. */
  purge(owner: string, taskId: string): Promise<AdminOutcome>;
  /** How many tasks there are, by tool and state, and since when. Reads the heads of all of them. */
  count(filter?: AdminFilter): Promise<readonly AdminCount[]>;
}

/**
 * What operators see and do, beside running servers or without any: it needs no server and no handlers, and takes over
 * nothing. Every change is one compare-and-swap, by the rules that servers have. There is no retry: a task's arguments
 * are deleted with its end, so who has them calls again.
 *
 * Throws {@link TaskError} `invalid_argument` naming the option that is wrong.
 */
export function taskAdmin(options: TaskAdminOptions): TaskAdmin {
  checkKinds("taskAdmin", options, OPTIONS);
  check("taskAdmin", isObject(options.store), "store", "a store, such as `memoryStore()`");
  return new Admin(options);
}

const OPTIONS: Kinds<TaskAdminOptions> = {
  store: [(store: TaskStore) => isObject(store) && typeof store.list === "function", "a store"],
  payloads: [(hooks: PayloadProtection) => FUNCTION[0](hooks?.open as never), "an object with `seal` and `open`"],
  clockSkew: [(ms: number) => isWhole(ms, 0), "a whole number of milliseconds"],
};
const STATUSES = ["working", "input_required", "completed", "tool_failed", "failed", "cancelled"];
const AGE = [(ms: number) => Number.isFinite(ms) && ms >= 0, "a number of milliseconds"] as const;
const TEXT = [(text: unknown) => typeof text === "string", "a text"] as const;
const FILTER: Kinds<AdminFilter> = {
  owner: TEXT,
  tool: TEXT,
  status: [(one: string | string[]) => [one].flat().every((name) => STATUSES.includes(name)), STATUSES.join(", ")],
  olderThan: AGE,
  youngerThan: AGE,
};
const PAGE: Kinds<NonNullable<Parameters<TaskAdmin["list"]>[0]>> = {
  ...FILTER,
  limit: [(limit: number) => isWhole(limit, 1) && limit <= 1000, "a whole number from 1 to 1000"],
  cursor: TEXT,
};

const CLOCK_SKEW = 1_200_000;
/** How many records are asked for at once, and looked at for one page at most. */
const AT_ONCE = 500;
const AT_MOST = 10_000;
/** How often a lost race is run again. */
const RACES = 20;

class Admin implements TaskAdmin {
  readonly #store: TaskStore;
  readonly #payloads: PayloadProtection | undefined;
  readonly #clockSkew: number;

  constructor({ store, payloads, clockSkew = CLOCK_SKEW }: TaskAdminOptions) {
    this.#store = store;
    this.#payloads = payloads;
    this.#clockSkew = clockSkew;
  }

  async list(filter: NonNullable<Parameters<TaskAdmin["list"]>[0]> = {}): Promise<AdminPage> {
    checkKinds("list()", filter, PAGE);
    const { limit = 100, cursor } = filter;
    const tasks: AdminTask[] = [];
    const unreadable: { owner: string; taskId: string }[] = [];
    let place = cursor === undefined ? undefined : placeOf(cursor);
    const fits = fitting(filter);
    for (let seen = 0; seen < AT_MOST; ) {
      const rows = await this.#heads(filter.owner, place, AT_ONCE);
      for (const row of rows) {
        seen += 1;
        place = { owner: row.owner, createdAt: row.createdAt, id: row.id };
        const task = described(row);
        if (task === undefined) unreadable.push({ owner: row.owner, taskId: row.id });
        else if (task !== "none" && fits(task)) tasks.push(task);
        if (tasks.length >= limit) return { tasks, unreadable, cursor: cursorOf(place) };
      }
      if (rows.length === 0) return { tasks, unreadable };
    }
    return { tasks, unreadable, cursor: place && cursorOf(place) };
  }

  async count(filter: AdminFilter = {}): Promise<readonly AdminCount[]> {
    checkKinds("count()", filter, FILTER);
    const counts = new Map<string, AdminCount>();
    const fits = fitting(filter);
    let place: OwnerPosition | undefined;
    for (;;) {
      const rows = await this.#heads(filter.owner, place, AT_ONCE);
      const last = rows.at(-1);
      if (last === undefined) return [...counts.values()];
      place = { owner: last.owner, createdAt: last.createdAt, id: last.id };
      for (const row of rows) {
        const task = described(row);
        if (task === undefined || task === "none" || !fits(task)) continue;
        const { method, tool, status, createdAt, updatedAt } = task;
        const key = JSON.stringify([method, tool, status]);
        const sum = counts.get(key);
        counts.set(key, {
          method,
          tool,
          status,
          tasks: (sum?.tasks ?? 0) + 1,
          oldest: Math.min(sum?.oldest ?? createdAt, createdAt),
          stillest: Math.min(sum?.stillest ?? updatedAt, updatedAt),
        });
      }
    }
  }

  async read(owner: string, taskId: string): Promise<AdminDetail | undefined> {
    const store = this.#payloads === undefined ? this.#store : sealed(this.#store, this.#payloads);
    const row = await asked(() => store.get(owner, taskId), "read");
    const task = row === undefined ? "none" : described(sound(row));
    if (row === undefined || task === "none") return undefined;
    if (task === undefined) throw unreadable(taskId);
    const payload = new Payload(row.payload);
    if (!payload.isWhole())
      throw new TaskError("storage", "The payload cannot be read. Where it is sealed, give taskAdmin `payloads`.", {
        taskId,
      });
    const parts = { request: PartCode.Request, result: PartCode.Result, error: PartCode.Error };
    const found = Object.entries(parts).map(([name, part]) => [name, payload.part(part)] as const);
    return { ...task, ...Object.fromEntries(found.filter(([, value]) => value !== undefined)) };
  }

  cancel(owner: string, taskId: string): Promise<AdminOutcome> {
    return this.#change(owner, taskId, (row) => {
      const ended = entered(() => {
        const note = new Note();
        return core.operatorCancels(note, row.state, Date.now(), this.#clockSkew, writeId()) ? note.written : undefined;
      });
      if (ended === undefined) return "ended";
      return () => this.#store.put({ ...row, version: row.version + 1, ...ended, payload: null });
    });
  }

  purge(owner: string, taskId: string): Promise<AdminOutcome> {
    return this.#change(owner, taskId, (row) => {
      if (!entered(() => core.operatorDeletes(row.state))) return "open";
      return () => this.#store.delete(owner, taskId, row.version);
    });
  }

  /** Decides about a task and writes it, until nobody was quicker. */
  async #change(
    owner: string,
    taskId: string,
    decide: (row: StoredTask) => AdminOutcome | (() => boolean | Promise<boolean>),
  ): Promise<AdminOutcome> {
    for (let races = 0; races < RACES; races += 1) {
      const found = await asked(() => this.#store.get(owner, taskId, { payload: false }), "read");
      if (found === undefined) return "missing";
      const row = sound(found);
      const task = described(row);
      if (task === "none") return "missing";
      if (task === undefined) throw unreadable(taskId);
      const decided = decide(row);
      if (typeof decided === "string") return decided;
      if (await asked(decided, "write")) return "done";
    }
    throw new TaskError("storage", "The task changes all the time. Try again.", { taskId });
  }

  /** Sound rows without payloads, after a place. */
  async #heads(owner: string | undefined, after: OwnerPosition | undefined, limit: number): Promise<StoredTask[]> {
    const { all } = this.#store;
    if (owner === undefined && all === undefined)
      throw new TaskError("unsupported", "This store cannot list the tasks of all owners: name one as `owner`.");
    const rows = await asked(
      () =>
        owner === undefined
          ? (all as NonNullable<typeof all>).call(this.#store, { after, limit })
          : this.#store.list(owner, { after, limit }),
      "list",
    );
    return rows.map(sound);
  }
}

/** Takes what the core tells of a task, or wants written; twin of `OperatorHost` in `src/bindings/operator.rs`. */
class Note {
  told: Omit<AdminTask, "owner" | "taskId" | "createdAt"> | undefined;
  written: { readonly state: string; readonly dueAt: number | null } | undefined;

  task(
    status: string,
    failure: string,
    method: number,
    tool: string,
    message: string,
    updatedAt: number,
    expiresAt: number,
    holder: string,
    questions: number,
  ): void {
    this.told = {
      status: status as AdminStatus,
      ...(failure !== "" && { failure }),
      method: callMethodNumbered(method).name,
      tool,
      ...(message !== "" && { statusMessage: message }),
      updatedAt,
      expiresAt: Number.isNaN(expiresAt) ? null : expiresAt,
      ...(holder !== "" && { holder }),
      questions,
    };
  }

  put(state: string, dueAt: number): void {
    this.written = { state, dueAt: Number.isNaN(dueAt) ? null : dueAt };
  }
}

/** What the core says of a record: a task, `"none"` where it is none, `undefined` where it cannot be read. */
function described({ owner, id: taskId, createdAt, state }: StoredTask): AdminTask | "none" | undefined {
  const note = entered(() => {
    if (!core.operatorHasTasks(owner)) return "none";
    const read = new Note();
    return core.operatorReads(read, state) ? read.told : undefined;
  });
  return note === "none" || note === undefined ? note : { owner, taskId, createdAt, ...note };
}

/** Tells a write from every other. */
function writeId(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 0x10000) * 2 ** 32 + low;
}

/** Enters the core. */
function entered<Value>(work: () => Value): Value {
  const instance = serverCore.load();
  try {
    return work();
  } catch (error) {
    throw serverCore.poison(instance, error);
  }
}

/** What the store answers, or an error of ours. */
async function asked<Value>(ask: () => Value | Promise<Value>, what: string): Promise<Value> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof TaskError) throw cause;
    throw new TaskError("storage", `The store failed to ${what}; \`cause\` is its error.`, { cause });
  }
}

/** A row whose members are what they must be. */
function sound(row: StoredTask): StoredTask {
  const found = rowOf(row);
  if (!(found instanceof Fault)) return found;
  throw new TaskError("storage", `The store returned what is no record: ${found.reason}`, { taskId: found.id });
}

const unreadable = (taskId: string): TaskError =>
  new TaskError("storage", "This version cannot read the record of the task, and leaves it alone.", { taskId });

function fitting({ tool, status, olderThan, youngerThan }: AdminFilter): (task: AdminTask) => boolean {
  const now = Date.now();
  const states = status === undefined ? undefined : [status].flat();
  return (task) =>
    (tool === undefined || task.tool === tool) &&
    (states === undefined || states.includes(task.status)) &&
    (olderThan === undefined || now - task.createdAt >= olderThan) &&
    (youngerThan === undefined || now - task.createdAt <= youngerThan);
}

const cursorOf = ({ owner, createdAt, id }: OwnerPosition): string => JSON.stringify([createdAt, id, owner]);

function placeOf(cursor: string): OwnerPosition {
  try {
    const [createdAt, id, owner] = JSON.parse(cursor) as unknown[];
    if (typeof createdAt === "number" && typeof id === "string" && typeof owner === "string")
      return { createdAt, id, owner };
  } catch {
    // It is told below.
  }
  throw new TaskError("invalid_argument", "`cursor` of list() must be what an earlier page had as `cursor`.");
}
