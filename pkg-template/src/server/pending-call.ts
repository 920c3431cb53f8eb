import { Stop } from "../core/codes.ts";
import type { CallMethod } from "../wire/methods.ts";
import type { Revision } from "../wire/revision.ts";
import { TaskError, type TaskErrorCode } from "../errors.ts";
import type { Extra, Message } from "../tap.ts";
import type { Link, PendingRequest, Translation } from "./link.ts";
import { type Payload, storableText } from "./payload.ts";
import type { Work } from "./current-call.ts";

/** The calls of one connection, as a call knows them. */
export interface Caller {
  readonly link: Link;
  /** Hands a call to the SDK, under the id by which its handler finds the task. */
  forward(call: Call): void;
  /** The core no longer needs the call. */
  ended(call: Call): void;
  /** Sends the latest progress of a task's handler. */
  tellProgress(call: Call): void;
  /** Hands an outcome over again, to a core that was started anew. */
  repeatOutcome(call: Call): void;
}

/** A call on its way through the SDK; it waits for its answer until it is released. */
export class Call implements PendingRequest {
  readonly number: number;
  readonly caller: Caller;
  peer: number;
  readonly method: CallMethod;
  readonly revision: Revision;
  /** What the request said of itself, as the core's bits. */
  readonly flags: number;
  readonly message: Message;
  readonly extra: Extra;
  /** The JSON-RPC id under which the client knows the call, and the stream that it came on. */
  readonly id: unknown;
  readonly stream: string | undefined;
  /** The JSON-RPC id under which the SDK knows the call. */
  readonly sdkId: string;
  /** For a client without tasks: its answer as that client takes it. */
  translate: Translation | undefined;
  /** The task it became. */
  taskId: string | undefined;
  /** Whose task it is. */
  owner = "";
  /** What the handler ended with. */
  outcome: Message | undefined;
  outcomeText: string | undefined;
  readonly kept: boolean = true;
  /** How often the outcome was handed to the core; again only to one that was started anew. */
  handovers: number = 0;
  /** The latest progress that was not sent: too soon after another, or nobody listened (X-PRG-01). */
  unsent: Message | undefined;
  /** How many steps its handler has taken. */
  steps: number = 0;
  /** What was stored when its handler began to run again: steps are among it. */
  stored: Payload | undefined;
  /** Its server is there for this call alone. */
  hasOwnServer = false;
  /** What its handler does. */
  readonly work: Work<Call> = { call: this };
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #joined = false;
  #gate: { resolve(): void; reject(error: Error): void } | undefined;
  #opened: boolean | undefined;
  #settled: (() => void)[] = [];

  constructor(
    number: number,
    caller: Caller,
    peer: number,
    method: CallMethod,
    revision: Revision,
    flags: number,
    message: Message,
    extra: Extra,
    sdkId: string,
    stream?: string,
  ) {
    this.number = number;
    this.caller = caller;
    this.peer = peer;
    this.method = method;
    this.revision = revision;
    this.flags = flags;
    this.message = message;
    this.extra = extra;
    this.id = message.id;
    this.stream = stream;
    this.sdkId = sdkId;
  }

  get link(): Link {
    return this.caller.link;
  }

  /** Fires when the handler is to stop, with a {@link TaskError} that says why. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** The same, firing with the SDK's signal too. */
  with(signal: AbortSignal | undefined): AbortSignal {
    if (signal !== undefined && !this.#joined) {
      this.#joined = true;
      if (signal.aborted) this.#stop(signal.reason);
      else signal.addEventListener("abort", () => this.#stop(signal.reason), { once: true });
    }
    return this.signal;
  }

  #stop(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }

  /** The call is a task now. */
  bind(id: string): void {
    this.taskId = id;
    this.settle();
  }

  /** Runs `then` when it is known whether the call becomes a task. */
  whenSettled(then: () => void): void {
    this.#settled.push(then);
  }

  /** It stays an ordinary call. */
  settle(): void {
    for (const settled of this.#settled.splice(0)) settled();
  }

  /** Resolves when the handler may begin; rejects if the call ends before. */
  wait(): Promise<void> {
    if (this.#opened === true) return Promise.resolve();
    if (this.#opened === false) return Promise.reject(this.#aborted?.reason as Error);
    return new Promise((resolve, reject) => {
      this.#gate = { resolve, reject };
    });
  }

  open(): void {
    this.settle();
    if (this.#opened !== undefined) return;
    this.#opened = true;
    this.#gate?.resolve();
  }

  abort(reason: Stop): void {
    this.settle();
    this.#stop(stopped(reason, this.taskId));
    if (this.#opened !== undefined) return;
    this.#opened = false;
    this.#gate?.reject(stopped(reason, this.taskId));
  }

  /** Keeps what the handler ended with; a task's outcome is made text once. Says whether it can be. */
  end(message: Message): boolean {
    this.outcome = message;
    if (this.taskId === undefined) return true;
    this.outcomeText = storableText(message.result ?? message.error);
    return this.outcomeText !== undefined;
  }
}

/** Why a handler is to stop. */
const REASONS: Readonly<Record<Stop, readonly [code: TaskErrorCode, message: string]>> = {
  [Stop.Cancelled]: ["cancelled", "The task was cancelled; stop."],
  [Stop.Expired]: ["expired", "The time to live of the task is over; stop."],
  [Stop.HandedOver]: ["handed_over", "The task goes on in another process; stop here, and leave alone what goes on."],
  [Stop.Lost]: ["lost", "Another process took the task over, or it ended with this one; stop."],
};

export function stopped(reason: Stop, taskId: string | undefined): TaskError {
  return new TaskError(...REASONS[reason], { taskId });
}
