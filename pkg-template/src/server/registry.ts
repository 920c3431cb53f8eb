import type { Extra, Message } from "../tap.ts";
import { Numbers } from "../numbers.ts";
import type { PendingInput } from "./pending-input.ts";
import type { Call } from "./pending-call.ts";
import { OUR_IDS, unguessable } from "./facts.ts";
import type { Link, PendingRequest, Translation } from "./link.ts";
import type { PendingStep } from "./pending-step.ts";

/** A `subscriptions/listen` that names tasks, as the core speaks of it. */
export interface ActiveSubscription {
  /** The JSON-RPC id of the request. */
  readonly id: unknown;
  /** The core has a notification for it. */
  told(notification: Message): void;
  /** The core answers the request: it is over. `limited`: refused because of a limit. */
  answered(answer: Message, limited: boolean): void;
  /** The core was started anew, and does not know what was listened to. */
  again(): void;
  /** The server gives it up. */
  giveUp(): void;
}

interface Held {
  readonly number: number;
  readonly request: PendingRequest;
}

/** What the core knows by number, and the numbers. */
export class Registry {
  readonly requests: Map<number, PendingRequest> = new Map();
  readonly calls: Map<number, Call> = new Map();
  /** What handlers ask their clients. */
  readonly asks: Map<number, PendingInput> = new Map();
  /** What steps of handlers have led to, until it is stored. */
  readonly steps: Map<number, PendingStep> = new Map();
  readonly subscriptions: Map<number, ActiveSubscription> = new Map();
  /** What the ids begin with under which the SDK knows calls. */
  readonly #sdkIds: string = `${OUR_IDS}${unguessable()}/`;
  readonly #numbers = new Numbers(
    (number) =>
      this.requests.has(number) ||
      this.calls.has(number) ||
      this.asks.has(number) ||
      this.steps.has(number) ||
      this.subscriptions.has(number),
  );
  #idle: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  /** A number that nothing has that lives. */
  next(): number {
    return this.#numbers.next();
  }

  /** The JSON-RPC id under which the SDK knows what has this number here. */
  sdkId(number: number): string {
    return `${this.#sdkIds}${number}`;
  }

  /** Whether an id is one of those. */
  isSdkId(id: unknown): id is string {
    return typeof id === "string" && id.startsWith(this.#sdkIds);
  }

  /** The call that the SDK knows under this id. */
  callUnder(id: unknown): Call | undefined {
    return this.isSdkId(id) ? this.calls.get(Number(id.slice(this.#sdkIds.length))) : undefined;
  }

  /**
   * Keeps a request until it is answered. One that waits is held as long as its task runs: of what is not `kept`,
   * nothing is held that is not read.
   */
  hold(
    link: Link,
    peer: number,
    message: Message,
    extra: Extra,
    kept: boolean,
    owner = "",
    taskId = "",
    translate?: Translation,
  ): Held {
    const number = this.next();
    const { id, method } = message;
    const held: Message = kept || method === undefined ? message : { jsonrpc: "2.0", id, method };
    const request = {
      link,
      peer,
      message: held,
      id,
      stream: link.streams?.of(id),
      extra,
      owner,
      taskId,
      kept,
      translate,
    };
    this.requests.set(number, request);
    return { number, request };
  }

  /** Forgets a call and its request. */
  release(number: number): void {
    this.calls.delete(number);
    this.requests.delete(number);
  }

  /** Ends a request without an answer: its client is to ask again, and perhaps another server (X-STO-11). */
  hangUp(number: number): void {
    const request = this.requests.get(number);
    this.requests.delete(number);
    request?.link.hangUp(request);
  }

  /** Resolves when no handler runs as a task. */
  whenIdle(): Promise<void> {
    if (this.calls.size === 0) return Promise.resolve();
    // One for all who wait: where something always runs, each request would add another.
    return (this.#idle ??= new Promise((resolve) => (this.#whenIdle = resolve)));
  }

  /** If no call runs any longer, whoever waits for that hears of it. */
  tellIdle(): void {
    if (this.calls.size > 0) return;
    this.#idle = undefined;
    this.#whenIdle?.();
  }
}
