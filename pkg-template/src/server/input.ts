// What handlers ask their clients: owed until it is answered, whichever connection or stream carries it.
import { TaskError } from "../errors.ts";
import type { Message, SendOptions } from "../tap.ts";
import type { InputRequest } from "../types.ts";
import * as core from "../wasm/generated/server.js";
import { LONGEST_KEY, bounded } from "./bounds.ts";
import type { Call } from "./call.ts";
import { ASK_PREFIX, cancelled, getOrMake, isObject, own, textOf, unguessable } from "./facts.ts";
import { misfitOf } from "./form.ts";
import type { Connection } from "./connection.ts";
import { toJson } from "./payload.ts";
import type { Origin } from "./streams.ts";
import type { Runtime } from "./runtime.ts";

/** An input request whose handler waits. */
export interface Ask {
  readonly call: Call;
  readonly message: Message;
  /** It is the SDK's own request on this connection; otherwise it was made through the task. */
  readonly own: Connection | undefined;
  readonly settle: { resolve(answer: Record<string, unknown>): void; reject(error: Error): void } | undefined;
  /** Nobody said that it belongs to the task: it does not fail with it. How the SDK would have sent it. */
  readonly isGuess?: boolean;
  readonly options?: SendOptions;
  /** Its client has it, and answers it though the task has ended. */
  outlives?: boolean;
  response?: { message: Message; extra: Record<string, unknown> | undefined };
  /** What carried it to the client last: a connection, and the request on whose stream it went, if on one. */
  carrier?: { readonly connection: Connection; readonly on: Origin | undefined } | undefined;
  /** The connections that have carried it, and the JSON-RPC id that it has on each. */
  readonly ids: Map<Connection, unknown>;
  /** Its id where connections have several streams. */
  id?: string;
  /** Where the store has it, if tasks show it. */
  key?: string;
}

/** By the core's number for the reason. */
const WITHDRAWALS = [
  ["cancelled", "The task has ended; its input is no longer needed."],
  ["unsupported", "The client did not declare the capability that this request needs."],
  ["limit", "Too many input requests are outstanding for this task, or were made in its life."],
  ["unsupported", "The call is not a task: call `tasks.create(ctx)` first, or let its policy make it one."],
  ["storage", "The task store failed; the input request could not be stored."],
  [
    "unsupported",
    "No stream carries this request to the client: its transport answers with JSON alone (`enableJsonResponse`).",
  ],
] as const;

/** The core's number for what an input request asks for; 255 where nobody knows it. */
export function inputKindOf(message: unknown): number {
  const params = own(message, "params");
  const method = textOf(message, "method") ?? "";
  return core.inputKind(method, own(params, "mode") === "url", own(params, "tools") !== undefined);
}

/** Whether the parameters of a request can be sent and stored; what cannot would be waited for in vain. */
export function isSendable(params: unknown): boolean {
  return params === undefined || (isObject(params) && toJson(params) !== undefined);
}

const NO_REQUEST = "requireInput() takes a request with a `method`, and a key that is a text.";
export const NOT_SENDABLE = "The `params` of an input request must be an object that JSON can hold.";

/** The input requests of one server's handlers. */
export class Asks {
  readonly all: Map<number, Ask> = new Map();
  readonly #runtime: Runtime;
  readonly #idPrefix: string;
  /** Those that went out to clients, by task. */
  readonly #carried = new Map<string, Set<number>>();
  /** Those that went out on connections of several streams, by id. */
  readonly #byId = new Map<string, number>();

  constructor(runtime: Runtime, idPrefix: string) {
    this.#runtime = runtime;
    this.#idPrefix = idPrefix;
  }

  /** A handler asks the client through its task. */
  require(call: Call, request: InputRequest, key: string | undefined): Promise<Record<string, unknown>> {
    const { method, params } = Object(request) as Partial<InputRequest>;
    // What is no text must not reach the core, which would fail for every task.
    if (typeof method !== "string" || (key !== undefined && typeof key !== "string")) {
      return Promise.reject(new TaskError("invalid_argument", NO_REQUEST));
    }
    if (!isSendable(params)) return Promise.reject(new TaskError("invalid_argument", NOT_SENDABLE));
    const number = this.#runtime.next();
    const message: Message = { jsonrpc: "2.0", method, ...(params && { params }) };
    const name = bounded(key ?? method.slice(method.indexOf("/") + 1), LONGEST_KEY);
    return new Promise((resolve, reject) => {
      this.all.set(number, { call, message, own: undefined, settle: { resolve, reject }, ids: new Map() });
      this.#runtime.enter((receiver, now) => {
        const kind = inputKindOf(message);
        if (!core.ask(receiver, now, call.number, number, name, kind, false)) {
          this.all.delete(number);
          reject(new TaskError("invalid_argument", `requireInput() cannot ask with the method "${method}".`));
        }
      });
    });
  }

  /** A response of `owner`'s that came on `connection`; whether it is one to a request of a task's. */
  claim(
    connection: Connection,
    message: Message,
    extra: Record<string, unknown> | undefined,
    owner: string | undefined,
  ): boolean {
    const { id } = message;
    const number = connection.askUnder(id) ?? (typeof id === "string" ? this.#byId.get(id) : undefined);
    if (number === undefined) return typeof id === "string" && id.startsWith(ASK_PREFIX);
    const ask = this.all.get(number);
    if (ask !== undefined && ask.response === undefined && ask.call.owner === owner && mayAnswer(ask, connection)) {
      ask.response = { message, extra };
      if (ask.outlives === true) this.answered(number, 0, "");
      else this.#runtime.enter(core.answer, number);
    }
    return true;
  }

  /**
   * The id of a request where it goes out. On one stream, where nobody else can answer, it is a small number, because
   * there are peers that keep no other; elsewhere it is the same on every stream, and nobody can guess it. Like a
   * task's id it says where it comes from, because an answer names no task.
   */
  #idOn(connection: Connection, number: number, ask: Ask): unknown {
    let id = ask.ids.get(connection);
    if (id === undefined) {
      id = connection.askId(number) ?? (ask.id ??= `${ASK_PREFIX}${this.#idPrefix}${unguessable()}`);
      ask.ids.set(connection, id);
      if (id === ask.id) this.#byId.set(ask.id as string, number);
    }
    return id;
  }

  /** The handler of a request of the SDK's own gave it up. */
  givenUp(number: number): void {
    const ask = this.all.get(number);
    if (ask === undefined) return;
    this.#runtime.enter(core.withdraw, ask.call.number, number);
    this.#take(number);
    this.#recant(ask);
  }

  #take(number: number): Ask | undefined {
    const ask = this.all.get(number);
    if (ask === undefined) return undefined;
    this.all.delete(number);
    if (ask.id !== undefined) this.#byId.delete(ask.id);
    for (const [connection, id] of ask.ids) connection.forgetAsk(id);
    return ask;
  }

  /** Tells the client that a request it has is withdrawn (G25-INP-11). */
  #recant({ call, carrier, ids }: Ask): void {
    const route = carrier?.connection.routeTo(carrier.on, call.owner);
    if (route === undefined) return;
    carrier?.connection.sendForTask(call, cancelled(ids.get(carrier.connection), "It is no longer needed"), route);
  }

  /** Before a client asks for its task: what streams carried to it that are no longer open is owed again (H08). */
  recall(taskId: string): void {
    for (const number of this.#carried.get(taskId) ?? []) {
      const ask = this.all.get(number);
      if (ask?.carrier === undefined || ask.carrier.connection.carries(ask.carrier.on, ask.call.owner)) continue;
      ask.carrier = undefined;
      core.undelivered(this.#runtime.receiver, number);
    }
  }

  /** The core was started anew: it is told of those that the store has, and nobody answers the others. */
  takeAlong(): void {
    for (const [number, ask] of this.all) {
      if (ask.key !== undefined) this.#runtime.give(core.adoptAsk, ask.call.number, number, ask.key);
      else this.withdraw(number, false, 4);
    }
  }

  /** Nobody runs the task here any longer. */
  forget(taskId: string | undefined): void {
    if (taskId !== undefined) this.#carried.delete(taskId);
  }

  /** Sends it to the client: on the stream of the request `stream`, or on the connection itself for 0. */
  deliver(number: number, stream: number): void {
    const ask = this.all.get(number);
    if (ask === undefined) return;
    const target = stream === 0 ? undefined : this.#runtime.requests.get(stream);
    if (target !== undefined && !target.connection.isStillAuthorized(target))
      return this.#runtime.give(core.lapse, stream);
    if (target !== undefined && target.connection.isLeft(target)) {
      // Its client has gone without a word.
      this.#runtime.requests.delete(stream);
      return this.#runtime.give(core.waitEnded, stream);
    }
    // A poll carries it where nothing else does.
    const standing =
      target?.message.method === "tasks/get" ? ask.call.connection.routeTo(undefined, ask.call.owner) : undefined;
    const connection = target === undefined || standing !== undefined ? ask.call.connection : target.connection;
    const route = standing ?? connection.routeTo(target, ask.call.owner);
    if (route === undefined) {
      if (connection.isMute) return this.#runtime.give(core.uncarried, number);
      return core.undelivered(this.#runtime.receiver, number);
    }
    ask.carrier = { connection, on: route.on };
    getOrMake(this.#carried, ask.call.taskId ?? "", () => new Set<number>()).add(number);
    connection.sendForTask(ask.call, { ...ask.message, id: this.#idOn(connection, number, ask) }, route);
  }

  /** Its answer is stored, or need not be: the response, or the value under `key` in the request `from`. */
  answered(number: number, from: number, key: string): void {
    if (from !== 0)
      return this.answeredElsewhere(
        number,
        own(own(this.#runtime.requests.get(from)?.message.params, "inputResponses"), key),
      );
    const ask = this.#take(number);
    if (ask?.response === undefined) return;
    const { message, extra } = ask.response;
    if (ask.own !== undefined) ask.own.deliverAnswer({ ...message, id: ask.message.id }, extra);
    else if (message.error !== undefined) {
      const { code, message: text, data } = message.error;
      ask.settle?.reject(new TaskError("failed", text, { cause: { code, message: text, data }, data }));
    } else {
      const misfit = misfitOf(ask.message, message.result ?? {});
      if (misfit === undefined) return ask.settle?.resolve(message.result ?? {});
      const text = `The client's answer is not what the form asked for: ${misfit}.`;
      ask.settle?.reject(new TaskError("protocol", text, { taskId: ask.call.taskId }));
    }
  }

  /** Its answer came in a request, here or to another process. */
  answeredElsewhere(number: number, answer: unknown): void {
    const ask = this.#take(number);
    if (ask === undefined) return;
    const result = structuredClone(answer) as Record<string, unknown>;
    this.#recant(ask);
    if (ask.own !== undefined) ask.own.deliverAnswer({ jsonrpc: "2.0", id: ask.message.id, result }, undefined);
    else ask.settle?.resolve(result);
  }

  /** It will not be answered. `delivered`: the client knows of it. */
  withdraw(number: number, delivered: boolean, reason: number): void {
    const guessed = this.all.get(number);
    if (guessed?.isGuess === true && delivered) {
      guessed.outlives = true;
      return;
    }
    const ask = this.#take(number);
    if (ask === undefined) return;
    if (ask.isGuess === true) return ask.own?.sendOwn(ask.message, ask.options);
    const [code, text] = WITHDRAWALS[reason] ?? WITHDRAWALS[0];
    if (delivered) this.#recant(ask);
    if (ask.own !== undefined) ask.own.refuseOwn(ask.message.id, text);
    else ask.settle?.reject(new TaskError(code, text, { taskId: ask.call.taskId }));
  }
}

/**
 * Whether an answer of the task's owner may come on this connection: on one that carried the request, or on another
 * (H09), unless that is bound to a client that nothing else tells from others.
 */
function mayAnswer(ask: Ask, connection: Connection): boolean {
  if (ask.ids.has(connection) || ask.call.owner !== "") return true;
  return !connection.isBound && [...ask.ids.keys()].some((carrier) => !carrier.isBound);
}
