import { TaskError } from "../errors.ts";
import type { SdkTask, SdkTaskStore } from "../guests/sdk-types.ts";
import { isObject, isWhole, type Json, own, textOf } from "../json.ts";
import { checkKinds, FUNCTION } from "../options-check.ts";
import type { Extra, Message, SendOptions, TransportLike } from "../tap.ts";
import type { AttachableTransport } from "../types.ts";
import { isMessage, metaOf } from "../wire/message.ts";
import { CANCELLED, PROTOCOL_VERSION, RELATED_TASK } from "../wire/names.ts";

/** What is used of a `TaskStore` of SDK v1. */
export type StoredTasks = Pick<SdkTaskStore, "getTask" | "getTaskResult" | "updateTaskStatus" | "listTasks">;

/** What {@link withStoredTasks} takes. */
export interface StoredTasksOptions {
  /** Hears of failures of the old store; the client hears that it may try again. */
  readonly onerror?: ((error: TaskError) => void) | undefined;
}

const INVALID_PARAMS = -32_602;
const INTERNAL = -32_603;
/** Begins the cursors of the old store's pages. */
const CURSOR = "stored.";
/** How often the old store is asked while a request waits for a result, in ms. */
const SHORTEST_POLL = 50;
const LONGEST_POLL = 5_000;
const ABOUT_ONE: readonly unknown[] = ["tasks/get", "tasks/result", "tasks/cancel"];

/**
 * A server's transport on which tasks that an earlier program began under a `TaskStore` of SDK v1 are still there,
 * beside those of a {@link TaskServer}: what that does not know is looked for in the old store, and a list goes on with
 * its tasks. Use what it returns in place of the transport, also for the HTTP requests that you hand to it.
 *
 * ```ts
 * await tasks.attach(server).connect(withStoredTasks(new StdioServerTransport(), oldStore));
 * ```
 *
 * `tasks/get`, `tasks/result`, `tasks/cancel` and `tasks/list` of 2025-11-25 are answered as SDK v1 answers them, with
 * the session that the transport is in. New tasks are never written to it: an interface that keeps a task and a result,
 * under ids of its own, cannot carry leases, inputs, owners and compare-and-swaps. What still runs an old task writes
 * its end to the old store; the questions in its message queue are not delivered.
 */
export function withStoredTasks<Transport extends AttachableTransport>(
  transport: Transport,
  store: StoredTasks,
  options: StoredTasksOptions = {},
): Transport {
  checkKinds("withStoredTasks", options, { onerror: FUNCTION });
  const inner = transport as unknown as TransportLike;
  if (!isObject(store) || typeof store.getTask !== "function" || typeof store.listTasks !== "function")
    throw new TaskError("invalid_argument", "withStoredTasks() takes a `TaskStore` of SDK v1.");
  // What the SDK and a tap set stays here: below them the transport is as it was.
  const set: Partial<TransportLike> = { onmessage: undefined, onclose: undefined, onerror: undefined };
  const outer = new Proxy(set, {
    has: (_, name) => name in set || name in inner,
    get(_, name) {
      if (name in set) return Reflect.get(set, name);
      const value: unknown = Reflect.get(inner, name, inner);
      return typeof value === "function" ? value.bind(inner) : value;
    },
  }) as TransportLike;
  const reader = new StoredTasksReader(inner, store, outer, options.onerror);
  set.send = (message, sending) => reader.outbound(message, sending);
  inner.onmessage = (message, extra) => reader.inbound(message, extra);
  inner.onclose = () => {
    reader.close();
    outer.onclose?.();
  };
  inner.onerror = (error) => outer.onerror?.(error);
  return outer as unknown as Transport;
}

/** A request whose answer is not there yet. */
interface Waiting {
  readonly message: Message;
  readonly stop: AbortController;
}

class StoredTasksReader {
  readonly #wire: TransportLike;
  readonly #store: StoredTasks;
  readonly #above: TransportLike;
  readonly #onerror: ((error: TaskError) => void) | undefined;
  readonly #waiting = new Map<unknown, Waiting>();

  constructor(wire: TransportLike, store: StoredTasks, above: TransportLike, onerror?: (error: TaskError) => void) {
    this.#wire = wire;
    this.#store = store;
    this.#above = above;
    this.#onerror = onerror;
  }

  inbound(message: Message, extra: Extra): void {
    const { id, method } = isMessage(message) ? message : ({} as Message);
    if (method === CANCELLED) this.#cancel(own(message.params, "requestId"));
    // What names its version itself is of a later generation, which has its own tasks.
    const isOurs =
      id !== undefined &&
      (ABOUT_ONE.includes(method) || method === "tasks/list") &&
      metaOf(message, PROTOCOL_VERSION) === undefined;
    if (isOurs) this.#waiting.set(id, { message, stop: new AbortController() });
    const cursor = isOurs && method === "tasks/list" ? textOf(message.params, "cursor") : undefined;
    if (cursor?.startsWith(CURSOR)) void this.#answer(id, undefined, () => this.#page(cursor));
    else this.#above.onmessage?.(message, extra);
  }

  #cancel(id: unknown): void {
    this.#waiting.get(id)?.stop.abort();
    this.#waiting.delete(id);
  }

  /** An answer of the server above: the last page of a list goes on, and what it does not know may be an old task. */
  async outbound(message: Message, options: SendOptions): Promise<void> {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined || message.method !== undefined) return this.#wire.send(message, options);
    const { method, params } = waiting.message;
    if (method === "tasks/list") {
      const { result } = message;
      if (!isObject(result) || own(result, "nextCursor") !== undefined) return this.#settle(message, options);
      const more = await this.#try(async () => (await this.#store.listTasks(undefined, this.#session)).tasks.length);
      const whole = more ? { ...message, result: { ...result, nextCursor: CURSOR } } : message;
      return this.#settle(whole, options);
    }
    const id = textOf(params, "taskId");
    if (id === undefined || own(message.error, "code") !== INVALID_PARAMS) return this.#settle(message, options);
    return this.#answer(message.id, { message, options }, () => this.#about(String(method), id, waiting.stop.signal));
  }

  close(): void {
    for (const { stop } of this.#waiting.values()) stop.abort();
    this.#waiting.clear();
  }

  get #session(): string | undefined {
    return this.#wire.sessionId;
  }

  /** Answers a request by what `make` brings; where it brings nothing, by `otherwise`. */
  async #answer(
    id: unknown,
    otherwise: { readonly message: Message; readonly options: SendOptions } | undefined,
    make: () => Promise<Json | undefined>,
  ): Promise<void> {
    let answer: Message;
    try {
      const result = await make();
      if (result === undefined && otherwise !== undefined) return this.#settle(otherwise.message, otherwise.options);
      answer = { jsonrpc: "2.0", id, result } as Message;
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) this.#report(thrown);
      const { code, message, data } = thrown instanceof Refusal ? thrown : UNREADABLE;
      answer = { jsonrpc: "2.0", id, error: { code, message, ...(data !== undefined && { data }) } } as Message;
    }
    return this.#settle(answer, otherwise?.options);
  }

  /** A request that was cancelled meanwhile gets no answer. */
  async #settle(message: Message, options: SendOptions): Promise<void> {
    if (this.#waiting.delete(message.id)) await this.#wire.send(message, options);
  }

  async #about(method: string, id: string, signal: AbortSignal): Promise<Json | undefined> {
    const session = this.#session;
    let task = await this.#store.getTask(id, session);
    if (!isObject(task)) return undefined;
    if (method === "tasks/get") return { ...task };
    if (method === "tasks/cancel") {
      if (hasEnded(task)) throw new Refusal(INVALID_PARAMS, `The task has ended already: it is ${task.status}.`);
      await this.#store.updateTaskStatus(id, "cancelled", "The client has cancelled the task.", session);
      return { ...((await this.#store.getTask(id, session)) ?? task) };
    }
    while (!hasEnded(task)) {
      await pause(task.pollInterval, signal);
      if (signal.aborted) return {};
      task = await this.#store.getTask(id, session);
      if (!isObject(task)) throw new Refusal(INVALID_PARAMS, "The task is not there any more.");
    }
    if (task.status === "cancelled") throw new Refusal(INTERNAL, "The task was cancelled.", { status: task.status });
    const result = await this.#store.getTaskResult(id, session);
    const meta = own(result, "_meta");
    return { ...result, _meta: { ...(isObject(meta) ? meta : {}), [RELATED_TASK]: { taskId: id } } };
  }

  async #page(cursor: string): Promise<Json> {
    const after = cursor.slice(CURSOR.length);
    const page = await this.#store.listTasks(after === "" ? undefined : after, this.#session).catch((thrown) => {
      if (after === "") throw thrown;
      throw new Refusal(INVALID_PARAMS, "This cursor is not known (any more).");
    });
    const { tasks, nextCursor } = page;
    return { tasks: [...tasks], ...(nextCursor !== undefined && { nextCursor: CURSOR + nextCursor }) };
  }

  async #try<Value>(run: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await run();
    } catch (thrown) {
      this.#report(thrown);
      return undefined;
    }
  }

  #report(cause: unknown): void {
    try {
      this.#onerror?.(new TaskError("storage", "The task store of SDK v1 failed.", { cause }));
    } catch {
      // It is told, whatever it makes of it.
    }
  }
}

/** What a client hears of its request. */
class Refusal extends Error {
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

const UNREADABLE: Pick<Refusal, "code" | "message" | "data"> = {
  code: INTERNAL,
  message: "The task cannot be read now; try again later.",
  data: undefined,
};

function hasEnded({ status }: SdkTask): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Waits until the old store is to be asked again, or the request is cancelled. */
function pause(pollInterval: unknown, signal: AbortSignal): Promise<void> {
  const ms = isWhole(pollInterval, 1) ? pollInterval : LONGEST_POLL;
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.min(Math.max(ms, SHORTEST_POLL), LONGEST_POLL));
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
