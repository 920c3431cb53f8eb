import { now } from "../clock.ts";
import { TaskError } from "../errors.ts";
import { isWhole, type Json, own, toJson } from "../json.ts";
import { checkKinds, FUNCTION, type Kinds } from "../options-check.ts";
import type { TaskPosition, TaskStore } from "../store.ts";
import type { TaskStatus } from "../types.ts";
import {
  GUEST_OPTIONS,
  type GuestOptions,
  type GuestRecord,
  GuestRecords,
  isOver,
  isoTime,
  memberOf,
} from "./records.ts";
import type { SdkResult, SdkTask, SdkTaskStore } from "./sdk-types.ts";
import { idOn, shelfIn, shelfOf } from "./shelves.ts";

/** What {@link sdkTaskStore} takes. */
export interface SdkTaskStoreOptions extends GuestOptions {
  /**
   * What a task is bound to, from the session of the request: a principal, say, so that a task is found again in the
   * next session. `undefined`: bound to nothing, and found by whoever knows its id. Default: the session.
   */
  readonly owner?: ((sessionId: string | undefined) => string | undefined) | undefined;
  /**
   * The longest time to live, in ms, from creation and again from the end; also that of tasks that are to live for
   * ever. `null` for no limit. Default 86,400,000 (24 h).
   */
  readonly maxTtl?: number | null | undefined;
  /** The interval that tasks suggest which are created without one, in ms. Default 1,000. */
  readonly pollInterval?: number | undefined;
  /** Tasks in a page of a list. Default 50. */
  readonly pageSize?: number | undefined;
}

const STATUSES: readonly string[] = ["working", "input_required", "completed", "failed", "cancelled"];
/** In ms: a task that is gone sooner could not be read at all. */
const SHORTEST_TTL = 1_000;

const KINDS: Kinds<SdkTaskStoreOptions> = {
  ...GUEST_OPTIONS,
  owner: FUNCTION,
  maxTtl: [
    (value: unknown) => value === null || isWhole(value, SHORTEST_TTL),
    `a whole number of ms from ${SHORTEST_TTL}, or null`,
  ],
  pollInterval: [(value: unknown) => isWhole(value, 1), "a positive whole number of ms"],
  pageSize: [(value: unknown) => isWhole(value, 1, 1_000), "a whole number from 1 to 1,000"],
};

/**
 * A store of this package as the `TaskStore` of SDK v1's experimental tasks, in the place of its `InMemoryTaskStore`:
 * tasks outlive the process, and processes share them.
 *
 * ```ts
 * const server = new McpServer(info, {
 *   taskStore: sdkTaskStore(sqliteStore(database)),
 *   taskMessageQueue: sdkTaskMessageQueue(sqliteStore(database)),
 * });
 * ```
 *
 * Each change is one compare-and-swap: of a result and a cancellation that come at once one wins, and the other is
 * refused. A task that was created in a session is not there for another one; where no session asks, as in code of your
 * own, the id is enough, and a list has the tasks that were created without one. What it cannot give is what that
 * interface has no word for: a task whose process is lost stays `working` until its time to live is over. `TaskServer`
 * notices it.
 *
 * The methods reject with {@link TaskError}: `not_found`, `invalid_argument` for wrong values, for a change of what has
 * ended, for a result that is not there, and `storage` or `limit` where the store fails or is full. Throws
 * `invalid_argument` for what is no store, and for wrong options.
 */
export function sdkTaskStore(store: TaskStore, options: SdkTaskStoreOptions = {}): SdkTaskStore {
  checkKinds("sdkTaskStore", options, KINDS);
  const { owner = (sessionId) => sessionId, maxTtl = 86_400_000, pollInterval = 1_000, pageSize = 50 } = options;
  const records = new GuestRecords(store, "sdk-v1", options);

  /** Where a task is, if this session may see it. */
  async function placeOf(id: string, sessionId: string | undefined): Promise<string | undefined> {
    const shelf = shelfIn(id);
    if (shelf === undefined || shelf === "") return shelf;
    const key = owner(sessionId);
    return key === undefined || (await shelfOf(key)) === shelf ? shelf : undefined;
  }

  async function find(id: string, sessionId: string | undefined): Promise<GuestRecord | undefined> {
    const shelf = await placeOf(id, sessionId);
    return shelf === undefined ? undefined : records.read(shelf, id);
  }

  /** Sets members of a task that has not ended. */
  async function change(id: string, sessionId: string | undefined, changed: Json, result?: SdkResult): Promise<void> {
    const shelf = await placeOf(id, sessionId);
    if (shelf === undefined) throw missing(id);
    await records.change(shelf, id, (record) => {
      if (record === undefined) throw missing(id);
      const { state } = record;
      if (isTerminal(state["status"]))
        throw new TaskError("invalid_argument", `The task has ended already: it is ${memberOf(state, "status")}.`, {
          taskId: id,
        });
      const updated = now();
      const until = isTerminal(changed["status"]) ? endOf(state["ttl"], updated) : state.until;
      return { state: { ...state, ...changed, updated, until }, ...(result !== undefined && { payload: { result } }) };
    });
  }

  return {
    async createTask(params, _requestId, request, sessionId) {
      const ttl = lifeOf(params.ttl, maxTtl);
      const poll = isWhole(params.pollInterval, 1) ? params.pollInterval : pollInterval;
      const shelf = await shelfOf(owner(sessionId));
      const id = idOn(shelf);
      const created = now();
      const about = { method: shortened(request.method), tool: shortened(own(request.params, "name")) };
      const state = { status: "working", created, updated: created, ttl, poll, until: endOf(ttl, created), ...about };
      await records.change(shelf, id, () => ({ state, payload: null }));
      return taskOf(id, state);
    },

    async getTask(id, sessionId) {
      const record = await find(id, sessionId);
      return record === undefined ? null : taskOf(id, record.state);
    },

    async storeTaskResult(id, status, result, sessionId) {
      if (!isTerminal(status))
        throw new TaskError("invalid_argument", "A result ends a task: `completed` or `failed`.");
      if (toJson(result) === undefined)
        throw new TaskError("invalid_argument", "A task's result must be JSON.", { taskId: id });
      await change(id, sessionId, { status }, result);
    },

    async getTaskResult(id, sessionId) {
      const record = await find(id, sessionId);
      if (record === undefined) throw missing(id);
      const result = own(record.payload, "result");
      if (result === undefined)
        throw new TaskError("invalid_argument", "The task has no result stored.", { taskId: id });
      return result as SdkResult;
    },

    async updateTaskStatus(id, status, statusMessage, sessionId) {
      if (!STATUSES.includes(status)) throw new TaskError("invalid_argument", "This is no status of a task.");
      const message = typeof statusMessage === "string" && statusMessage !== "" ? { message: statusMessage } : {};
      await change(id, sessionId, { status, ...message });
    },

    async listTasks(cursor, sessionId) {
      const after = cursor === undefined ? undefined : positionOf(cursor);
      const key = owner(sessionId);
      const shelves = key === undefined ? [""] : ["", await shelfOf(key)];
      const found = await Promise.all(shelves.map((shelf) => records.list(shelf, after, pageSize + 1)));
      const all = found.flat().sort(byCreation);
      const page = all.slice(0, pageSize);
      const last = page.at(-1);
      return {
        tasks: page.filter((record) => !isOver(record)).map(({ id, state }) => taskOf(id, state)),
        ...(last !== undefined && all.length > pageSize && { nextCursor: `${last.createdAt}.${last.id}` }),
      };
    },

    sweep: () => records.sweep(),
  };
}

export function isTerminal(status: unknown): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** How long a task lives that is to live so long. */
function lifeOf(ttl: unknown, maxTtl: number | null): number | null {
  if (typeof ttl !== "number" || !(ttl < Number.MAX_SAFE_INTEGER)) return maxTtl;
  return Math.min(Math.max(Math.ceil(ttl), SHORTEST_TTL), maxTtl ?? Number.MAX_SAFE_INTEGER);
}

function endOf(ttl: unknown, from: number): number | null {
  return isWhole(ttl, 0) ? Math.min(from + ttl, Number.MAX_SAFE_INTEGER) : null;
}

/** For the operator who reads the record. */
function shortened(text: unknown): string | undefined {
  return typeof text === "string" ? text.slice(0, 256).toWellFormed() : undefined;
}

function taskOf(taskId: string, state: Json): SdkTask {
  const { status, ttl, poll, message } = state;
  return {
    taskId,
    status: status as TaskStatus,
    ttl: isWhole(ttl, 0) ? ttl : null,
    createdAt: isoTime(state["created"]),
    lastUpdatedAt: isoTime(state["updated"]),
    ...(isWhole(poll, 1) && { pollInterval: poll }),
    ...(typeof message === "string" && { statusMessage: message }),
  };
}

function positionOf(cursor: string): TaskPosition {
  const [, createdAt, id] = /^(\d{1,16})\.([\w-]{1,128})$/.exec(cursor) ?? [];
  if (createdAt === undefined || id === undefined)
    throw new TaskError("invalid_argument", "This cursor is not from here.");
  return { createdAt: Number(createdAt), id };
}

function byCreation(one: GuestRecord, other: GuestRecord): number {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
}

function missing(taskId: string): TaskError {
  return new TaskError("not_found", "There is no such task.", { taskId });
}
