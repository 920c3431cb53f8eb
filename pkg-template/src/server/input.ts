// What handlers ask their clients: owed until it is answered, whichever connection or stream carries it.
import { Withdrawal } from "../core/codes.ts";
import { TaskError, type TaskErrorCode } from "../errors.ts";
import type { Extra, Message, SendOptions } from "../tap.ts";
import type { InputRequest } from "../types.ts";
import { inputKind } from "../wasm/generated/server.js";
import type { PendingInput } from "./pending-input.ts";
import { LONGEST_KEY, bounded } from "./bounds.ts";
import type { Call } from "./pending-call.ts";
import { isObject, own, textOf } from "../json.ts";
import { ASK_PREFIX, cancelled, getOrMake, unguessable } from "./facts.ts";
import { misfitOf } from "./form.ts";
import type { Link } from "./link.ts";
import { storableText } from "./payload.ts";
import type { Port } from "./port.ts";
import type { Registry } from "./registry.ts";
import { knowsCalls } from "./current-call.ts";
import * as core from "../wasm/generated/server.js";

/** Why an input request is not answered. */
const WITHDRAWALS: Readonly<Record<Withdrawal, readonly [code: TaskErrorCode, message: string]>> = {
  [Withdrawal.Ended]: ["cancelled", "The task has ended; its input is no longer needed."],
  [Withdrawal.Undeclared]: ["unsupported", "The client did not declare the capability that this request needs."],
  [Withdrawal.TooMany]: ["limit", "Too many input requests are outstanding for this task, or were made in its life."],
  [Withdrawal.NotATask]: [
    "unsupported",
    "The call is not a task: call `tasks.create(ctx)` first, or let its policy make it one.",
  ],
  [Withdrawal.Storage]: ["storage", "The task store failed; the input request could not be stored."],
  [Withdrawal.NoCarrier]: [
    "unsupported",
    "No stream carries this request to the client: its transport answers with JSON alone (`enableJsonResponse`).",
  ],
};

/** The kind of input that the core does not know. */
export const UNKNOWN_KIND = 255;

/** The core's number for what an input request asks for; {@link UNKNOWN_KIND} where it knows no such. */
export function inputKindOf(message: unknown): number {
  const params = own(message, "params");
  const method = textOf(message, "method") ?? "";
  return inputKind(method, own(params, "mode") === "url", own(params, "tools") !== undefined) ?? UNKNOWN_KIND;
}

/** Whether the parameters of a request can be sent and stored; what cannot would be waited for in vain. */
function isSendable(params: unknown): boolean {
  return params === undefined || (isObject(params) && storableText(params) !== undefined);
}

const NO_REQUEST = "requireInput() takes a request with a `method`, and a key that is a text.";
const NOT_SENDABLE = "The `params` of an input request must be an object that JSON can hold.";

/** The input requests of one server's handlers. */
export class Input {
  readonly #port: Port;
  readonly #registry: Registry;
  readonly #idPrefix: string;
  /** Those that went out to clients, by task. */
  readonly #carried = new Map<string, Set<number>>();
  /** Those that went out on connections of several streams, by id. */
  readonly #byId = new Map<string, number>();

  constructor(port: Port, registry: Registry, idPrefix: string) {
    this.#port = port;
    this.#registry = registry;
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
    // A client without tasks gets no question before the call is one.
    if (call.translate !== undefined && call.taskId === undefined) {
      this.#port.enter(core.promote, call.number);
      if (call.taskId === undefined && core.isCreating(this.#port.receiver, call.number))
        return new Promise<void>((resolve) => call.whenSettled(resolve)).then(() =>
          this.#ask(call, method, params, key),
        );
    }
    return this.#ask(call, method, params, key);
  }

  #ask(
    call: Call,
    method: string,
    params: InputRequest["params"],
    key: string | undefined,
  ): Promise<Record<string, unknown>> {
    const number = this.#registry.next();
    const message: Message = { jsonrpc: "2.0", method, ...(params && { params }) };
    const name = bounded(key ?? method.slice(method.indexOf("/") + 1), LONGEST_KEY);
    return new Promise((resolve, reject) => {
      this.#registry.asks.set(number, { call, message, own: undefined, settle: { resolve, reject }, ids: new Map() });
      if (this.#port.enter(core.ask, call.number, number, name, inputKindOf(message), false)) return;
      this.#registry.asks.delete(number);
      reject(new TaskError("invalid_argument", `requireInput() cannot ask with the method "${method}".`));
    });
  }

  /**
   * A handler asks the client by a request of the SDK's own: the task takes it over, or says that it does not. Rejects
   * with {@link TaskError} what cannot be sent.
   */
  takeOver(link: Link, call: Call, message: Message, kind: number, options: SendOptions): boolean | Promise<never> {
    if (!isSendable(message.params)) return Promise.reject(new TaskError("invalid_argument", NOT_SENDABLE));
    const number = this.#registry.next();
    const isGuess = options?.relatedRequestId === undefined && !knowsCalls;
    this.#registry.asks.set(number, {
      call,
      message,
      own: link,
      settle: undefined,
      ids: new Map(),
      isGuess,
      options,
    });
    link.takenOver.set(message.id, number);
    if (this.#port.enter(core.ask, call.number, number, "input", kind, true)) return true;
    this.#registry.asks.delete(number);
    link.takenOver.delete(message.id);
    return false;
  }

  /** A response of `owner`'s that came on `link`; whether it is one to a request of a task's. */
  claim(link: Link, message: Message, extra: Extra, owner: string | undefined): boolean {
    const { id } = message;
    const number = link.askUnder(id) ?? (typeof id === "string" ? this.#byId.get(id) : undefined);
    if (number === undefined) return typeof id === "string" && id.startsWith(ASK_PREFIX);
    const ask = this.#registry.asks.get(number);
    if (ask !== undefined && ask.response === undefined && ask.call.owner === owner && mayAnswer(ask, link)) {
      ask.response = { message, extra };
      if (ask.outlives === true) this.answered(number, 0, "");
      else this.#port.enter(core.answer, number);
    }
    return true;
  }

  /**
   * The id of a request where it goes out. On one stream, where nobody else can answer, it is a small number, because
   * there are peers that keep no other; elsewhere it is the same on every stream, and nobody can guess it. Like a
   * task's id it says where it comes from, because an answer names no task.
   */
  #idOn(link: Link, number: number, ask: PendingInput): unknown {
    let id = ask.ids.get(link);
    if (id === undefined) {
      id = link.askId(number) ?? (ask.id ??= `${ASK_PREFIX}${this.#idPrefix}${unguessable()}`);
      ask.ids.set(link, id);
      if (id === ask.id) this.#byId.set(ask.id as string, number);
    }
    return id;
  }

  /** The handler of a request of the SDK's own gave it up. */
  givenUp(number: number): void {
    const ask = this.#registry.asks.get(number);
    if (ask === undefined) return;
    this.#port.enter(core.withdraw, ask.call.number, number);
    this.#take(number);
    this.#recant(ask);
  }

  #take(number: number): PendingInput | undefined {
    const ask = this.#registry.asks.get(number);
    if (ask === undefined) return undefined;
    this.#registry.asks.delete(number);
    if (ask.id !== undefined) this.#byId.delete(ask.id);
    for (const [link, id] of ask.ids) link.forgetAsk(id);
    return ask;
  }

  /** Tells the client that a request it has is withdrawn (G25-INP-11). */
  #recant({ call, carrier, ids }: PendingInput): void {
    const route = carrier?.link.routeTo(carrier.on, call.owner);
    if (route === undefined) return;
    carrier?.link.sendForTask(call.taskId, cancelled(ids.get(carrier.link), "It is no longer needed"), route);
  }

  /** Before a client asks for its task: what streams carried to it that are no longer open is owed again (H08). */
  recall(taskId: string): void {
    for (const number of this.#carried.get(taskId) ?? []) {
      const ask = this.#registry.asks.get(number);
      if (ask?.carrier === undefined || ask.carrier.link.carries(ask.carrier.on, ask.call.owner)) continue;
      ask.carrier = undefined;
      core.undelivered(this.#port.receiver, number);
    }
  }

  /** The core was started anew: it is told of those that the store has, and nobody answers the others. */
  takeAlong(): void {
    for (const [number, ask] of this.#registry.asks) {
      if (ask.key !== undefined) this.#port.give(core.adoptAsk, ask.call.number, number, ask.key);
      else this.withdraw(number, false, Withdrawal.Storage);
    }
  }

  /** Nobody runs the task here any longer. */
  forget(taskId: string | undefined): void {
    if (taskId !== undefined) this.#carried.delete(taskId);
  }

  /** Sends it to the client: on the stream of the request `stream`, or on the connection itself for 0. */
  deliver(number: number, stream: number): void {
    const ask = this.#registry.asks.get(number);
    if (ask === undefined) return;
    const target = stream === 0 ? undefined : this.#registry.requests.get(stream);
    if (target !== undefined && !target.link.isStillAuthorized(target)) return this.#port.give(core.lapse, stream);
    if (target?.link.isLeft(target) === true) {
      // Its client has gone without a word.
      this.#registry.requests.delete(stream);
      return this.#port.give(core.waitEnded, stream);
    }
    // A poll carries it where nothing else does.
    const standing =
      target?.message.method === "tasks/get" ? ask.call.link.routeTo(undefined, ask.call.owner) : undefined;
    const link = target === undefined || standing !== undefined ? ask.call.link : target.link;
    const route = standing ?? link.routeTo(target, ask.call.owner);
    if (route === undefined) {
      if (link.isMute) return this.#port.give(core.uncarried, number);
      return core.undelivered(this.#port.receiver, number);
    }
    ask.carrier = { link, on: route.on };
    getOrMake(this.#carried, ask.call.taskId ?? "", () => new Set<number>()).add(number);
    link.sendForTask(ask.call.taskId, { ...ask.message, id: this.#idOn(link, number, ask) }, route);
  }

  /** Its answer is stored, or need not be: the response, or the value under `key` in the request `from`. */
  answered(number: number, from: number, key: string): void {
    if (from !== 0)
      return this.answeredElsewhere(
        number,
        own(own(this.#registry.requests.get(from)?.message.params, "inputResponses"), key),
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
  withdraw(number: number, delivered: boolean, reason: Withdrawal): void {
    const guessed = this.#registry.asks.get(number);
    if (guessed?.isGuess === true && delivered) {
      guessed.outlives = true;
      return;
    }
    const ask = this.#take(number);
    if (ask === undefined) return;
    if (ask.isGuess === true) return ask.own?.sendOwn(ask.message, ask.options);
    const [code, text] = WITHDRAWALS[reason];
    if (delivered) this.#recant(ask);
    if (ask.own !== undefined) ask.own.refuseOwn(ask.message.id, text);
    else ask.settle?.reject(new TaskError(code, text, { taskId: ask.call.taskId }));
  }
}

/**
 * Whether an answer of the task's owner may come on this connection: on one that carried the request, or on another
 * (H09), unless that is bound to a client that nothing else tells from others.
 */
function mayAnswer(ask: PendingInput, link: Link): boolean {
  if (ask.ids.has(link) || ask.call.owner !== "") return true;
  return !link.isBound && [...ask.ids.keys()].some((carrier) => !carrier.isBound);
}
