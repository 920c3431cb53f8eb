// What handlers ask their clients: owed until it is answered, whichever connection or stream carries it.
import { TaskError } from "../errors.ts";
import type { Message } from "../tap.ts";
import type { InputRequest } from "../types.ts";
import * as core from "../wasm/generated/server.js";
import type { Call } from "./call.ts";
import { ASK_PREFIX, cancelled, getOrMake, own } from "./facts.ts";
import { misfitOf } from "./form.ts";
import type { Listener } from "./listener.ts";
import type { Runtime } from "./runtime.ts";

/** An input request whose handler waits. */
export interface Ask {
  readonly call: Call;
  readonly message: Message;
  /** It is the SDK's own request on this connection; otherwise it was made through the task. */
  readonly own: Listener | undefined;
  readonly settle: { resolve(answer: Record<string, unknown>): void; reject(error: Error): void } | undefined;
  response?: { message: Message; extra: Record<string, unknown> | undefined };
  /** What carried it to the client: a connection, and the JSON-RPC id of the request on whose stream it went, if on one. */
  carrier?: { readonly listener: Listener; readonly on: unknown } | undefined;
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
] as const;

/** The core's number for what an input request asks for; 255 where nobody knows it. */
export function inputKindOf(message: Message): number {
  const params = message.params;
  return core.inputKind(message.method ?? "", own(params, "mode") === "url", own(params, "tools") !== undefined);
}

/** The input requests of one server's handlers. */
export class Asks {
  readonly all: Map<number, Ask> = new Map();
  readonly #runtime: Runtime;
  readonly #idPrefix: string;
  /** Those that went out to clients, by task. */
  readonly #carried = new Map<string, Set<number>>();
  #prefixText: string | undefined;

  constructor(runtime: Runtime, idPrefix: string) {
    this.#runtime = runtime;
    this.#idPrefix = idPrefix;
  }

  /**
   * Tells this process's requests from another's, and like a task's id where they come from, because an answer names no task. Made
   * on first use: some platforms forbid it earlier.
   */
  get #prefix(): string {
    return (this.#prefixText ??= `${ASK_PREFIX}${this.#idPrefix}${crypto.randomUUID().slice(0, 8)}/`);
  }

  /** A handler asks the client through its task. */
  require(call: Call, request: InputRequest, key: string | undefined): Promise<Record<string, unknown>> {
    const number = this.#runtime.next();
    const { method, params } = request;
    const message: Message = { jsonrpc: "2.0", method, ...(params && { params }) };
    return new Promise((resolve, reject) => {
      this.all.set(number, { call, message, own: undefined, settle: { resolve, reject } });
      this.#runtime.enter((receiver, now) => {
        const kind = inputKindOf(message);
        if (!core.ask(receiver, now, call.number, number, key ?? method.slice(method.indexOf("/") + 1), kind, false)) {
          this.all.delete(number);
          reject(new TaskError("invalid_argument", `requireInput() cannot ask with the method "${method}".`));
        }
      });
    });
  }

  /** A response of `owner`'s to a request of a task's, on whichever connection it comes (H09); whether it was one. */
  claim(message: Message, extra: Record<string, unknown> | undefined, owner: string | undefined): boolean {
    if (typeof message.id !== "string" || !message.id.startsWith(this.#prefix)) return false;
    const number = Number(message.id.slice(message.id.lastIndexOf("/") + 1));
    const ask = this.all.get(number);
    if (ask !== undefined && ask.response === undefined && ask.call.owner === owner) {
      ask.response = { message, extra };
      this.#runtime.enter(core.answer, number);
    }
    return true;
  }

  /** The request as the client gets it: its id is the same on every connection, and no other request's. */
  #asked(number: number, { message }: Ask): Message {
    return { ...message, id: `${this.#prefix}${number}` };
  }

  /** The handler of a request of the SDK's own gave it up. */
  givenUp(number: number): void {
    const ask = this.all.get(number);
    if (ask === undefined) return;
    this.#runtime.enter(core.withdraw, ask.call.number, number);
    this.all.delete(number);
    this.#recant(number, ask);
  }

  #take(number: number): Ask | undefined {
    const ask = this.all.get(number);
    this.all.delete(number);
    return ask;
  }

  /** Tells the client that a request it has is withdrawn (G25-INP-11). */
  #recant(number: number, ask: Ask): void {
    const way = ask.carrier?.listener.way(ask.carrier.on);
    if (way !== undefined) ask.carrier?.listener.sendForTask(ask.call, cancelled(this.#asked(number, ask).id, "It is no longer needed"), way);
  }

  /** Before a client asks for its task: what streams carried to it that are no longer open is owed again (H08). */
  recall(taskId: string): void {
    for (const number of this.#carried.get(taskId) ?? []) {
      const ask = this.all.get(number);
      if (ask?.carrier === undefined || ask.carrier.listener.carries(ask.carrier.on)) continue;
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
    if (target !== undefined && !target.listener.stillSpeaks(target)) return this.#runtime.give(core.lapse, stream);
    if (target !== undefined && target.listener.isLeft(target.message.id)) {
      // Its client has gone without a word.
      this.#runtime.requests.delete(stream);
      return this.#runtime.give(core.waitEnded, stream);
    }
    const listener = target?.listener ?? ask.call.listener;
    const way = listener.way(target?.message.id);
    if (way === undefined) return core.undelivered(this.#runtime.receiver, number);
    ask.carrier = { listener, on: way.relatedRequestId };
    getOrMake(this.#carried, ask.call.taskId ?? "", () => new Set<number>()).add(number);
    listener.sendForTask(ask.call, this.#asked(number, ask), way);
  }

  /** Its answer is stored, or need not be: the response, or the value under `key` in the request `from`. */
  answered(number: number, from: number, key: string): void {
    if (from !== 0) return this.answeredElsewhere(number, own(own(this.#runtime.requests.get(from)?.message.params, "inputResponses"), key));
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
    this.#take(number)?.settle?.resolve(structuredClone(answer) as Record<string, unknown>);
  }

  /** It will not be answered. `delivered`: the client knows of it. */
  withdraw(number: number, delivered: boolean, reason: number): void {
    const ask = this.#take(number);
    if (ask === undefined) return;
    const [code, text] = WITHDRAWALS[reason] ?? WITHDRAWALS[0];
    if (delivered) this.#recant(number, ask);
    if (ask.own !== undefined) ask.own.refuseOwn(ask.message.id, text);
    else ask.settle?.reject(new TaskError(code, text, { taskId: ask.call.taskId }));
  }
}
