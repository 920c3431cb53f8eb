import type { Extra, Message, SendOptions, Listener as TapListener, Wire } from "../tap.ts";
import { own } from "../json.ts";
import { metaOf } from "../wire/message.ts";
import { ACKNOWLEDGED, CANCELLED, SUBSCRIPTION_ID } from "../wire/names.ts";
import { cancelled } from "./facts.ts";
import type { Shared } from "./shared-by-connections.ts";
import { type Carrier, Subscription, asksForTasks, isEmpty, withTasks } from "./subscription.ts";

const METHOD_NOT_FOUND = -32601;

/** The subscriptions on a connection that is one stream (stdio, in-memory). */
export class PipeSubscriptions {
  readonly #shared: Shared;
  readonly #wire: Wire;
  readonly #sessionId: () => string | undefined;
  readonly #open = new Map<unknown, PipeSubscription>();

  constructor(shared: Shared, wire: Wire, sessionId: () => string | undefined) {
    this.#shared = shared;
    this.#wire = wire;
    this.#sessionId = sessionId;
  }

  /** A message from the client; whether it goes no further. */
  inbound(message: Message, extra: Extra): boolean {
    if (message.method === CANCELLED) {
      const id = own(message.params, "requestId");
      const open = this.#open.get(id);
      this.#open.delete(id);
      return open?.leave() === true;
    }
    if (!asksForTasks(this.#shared.settings, message)) return false;
    this.#open.get(message.id)?.leave();
    const open = new PipeSubscription(this.#shared, this.#wire, message, extra, this.#sessionId(), () =>
      this.#open.delete(message.id),
    );
    this.#open.set(message.id, open);
    open.begin();
    return true;
  }

  /** A message from the SDK; whether it goes no further. */
  outbound(message: Message): boolean {
    if (this.#open.size === 0) return false;
    if (message.method === ACKNOWLEDGED)
      return this.#open.get(metaOf(message, SUBSCRIPTION_ID))?.acknowledged(message) === true;
    if (message.method !== undefined) return false;
    return this.#open.get(message.id)?.ended(message) === true;
  }

  closed(): void {
    for (const open of this.#open.values()) open.leave();
    this.#open.clear();
  }
}

/** Finds the subscriptions on the connection below an entry that keeps them from its servers (`serveStdio`). */
export class PipeTap implements TapListener {
  readonly #wire: Wire;
  readonly #subscriptions: PipeSubscriptions;

  constructor(shared: Shared, wire: Wire) {
    this.#wire = wire;
    this.#subscriptions = new PipeSubscriptions(shared, wire, () => undefined);
  }

  inbound(message: Message, extra: Extra): void {
    // The entry hands nothing but messages to its servers, so nothing else says who the client is.
    if (!this.#subscriptions.inbound(message, undefined)) this.#wire.deliver(message, extra);
  }

  outbound(message: Message, options: SendOptions): Promise<void> {
    return this.#subscriptions.outbound(message) ? Promise.resolve() : this.#wire.send(message, options);
  }

  closed(): void {
    this.#subscriptions.closed();
    this.#wire.closed();
  }
}

/** One subscription: the core is asked first, then the SDK, whose acknowledgement is completed. */
class PipeSubscription implements Carrier {
  readonly #shared: Shared;
  readonly #wire: Wire;
  readonly #message: Message;
  readonly #extra: Extra;
  readonly #over: () => void;
  readonly #subscription: Subscription;
  /** Our acknowledgement, until the SDK's is here. */
  #ours: Message | undefined;
  /** The SDK has the subscription too. */
  #isSdks = false;

  constructor(
    shared: Shared,
    wire: Wire,
    message: Message,
    extra: Extra,
    sessionId: string | undefined,
    over: () => void,
  ) {
    this.#shared = shared;
    this.#wire = wire;
    this.#message = message;
    this.#extra = extra;
    this.#over = over;
    this.#subscription = new Subscription(shared, message, extra, sessionId, true, this);
  }

  begin(): void {
    this.#subscription.open();
  }

  /** The client gives it up; whether the SDK has never heard of it. */
  leave(): boolean {
    this.#subscription.leave();
    return !this.#isSdks && this.#ours === undefined;
  }

  acknowledge(notification: Message): void {
    this.#ours = notification;
    this.#deliver(this.#message);
  }

  /** The SDK acknowledges. */
  acknowledged(message: Message): boolean {
    const ours = this.#ours;
    if (ours === undefined) return false;
    this.#isSdks = true;
    this.#begin(withTasks(message, ours), isEmpty(message));
    return true;
  }

  /** The SDK answers the request: it ends it, or refuses it. An SDK that knows no subscriptions leaves it to us. */
  ended(message: Message): boolean {
    const ours = this.#ours;
    if (ours !== undefined && message.error?.code === METHOD_NOT_FOUND) {
      this.#begin(ours, true);
      return true;
    }
    this.#over();
    this.#subscription.leave();
    if (message.result === undefined) return false;
    this.#send(message);
    this.#sayCancelled();
    return true;
  }

  tell(notification: Message): void {
    this.#send(notification);
  }

  end(answer: Message): void {
    this.#over();
    if (this.#isSdks) this.#deliver(this.#cancelled);
    this.#send(answer);
    if (answer.result !== undefined) this.#sayCancelled();
  }

  #begin(acknowledgement: Message, alone: boolean): void {
    this.#ours = undefined;
    this.#send(acknowledgement);
    this.#subscription.listening(alone);
  }

  get #cancelled(): Message {
    return cancelled(this.#message.id, "The subscription has ended");
  }

  /** Here a server says so when it ends a subscription (G26-SUB-08). */
  #sayCancelled(): void {
    this.#send(this.#cancelled);
  }

  /** Hands a message to the SDK; what that throws is reported. */
  #deliver(message: Message): void {
    try {
      this.#wire.deliver(message, this.#extra);
    } catch (error) {
      this.#shared.port.failed(error);
    }
  }

  #send(message: Message): void {
    // What is told while the pipe is full waits there as the newest state.
    this.#subscription.flow(false);
    // The core is at work here, and must not hear of a transport that throws.
    (async () => this.#wire.send(message))()
      .catch(this.#shared.port.unsent)
      .finally(() => this.#subscription.flow(true));
  }
}
