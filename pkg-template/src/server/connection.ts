import { TOOLS_CALL } from "./methods.ts";
import { TaskError } from "../errors.ts";
import type { Extra, Listener, Message, SendOptions, TransportLike, Wire } from "../tap.ts";
import type { Call } from "./pending-call.ts";
import { Calls } from "./calls.ts";
import { own, textOf } from "../json.ts";
import { CANCELLED, LISTEN, RELATED_TASK } from "../wire/names.ts";
import { Gate, type Product } from "./gate.ts";
import { UNKNOWN_KIND, inputKindOf } from "./input.ts";
import { Link, type PendingRequest } from "./link.ts";
import { PipeSubscriptions } from "./listen-pipe.ts";
import { Negotiation } from "./negotiation.ts";
import { type Completion, Passing, renumbered } from "./sdk-requests.ts";
import { ConnectionPeers } from "./peers.ts";
import { currentCall, runFor } from "./current-call.ts";
import { unguessable } from "./facts.ts";
import { Owners } from "./owner.ts";
import type { Shared } from "./shared-by-connections.ts";
import { TaskRequests } from "./task-requests.ts";
import { TaskTools } from "./task-tools.ts";
import * as core from "../wasm/generated/server.js";

/** One tapped transport: which part of ours, or of the SDK's, each message is for. */
export class Connection implements Listener {
  readonly #shared: Shared;
  /** Whether the tasks here are those of a client. */
  readonly #isClient: boolean;
  readonly #link: Link;
  readonly #peers: ConnectionPeers;
  readonly #negotiation: Negotiation;
  readonly #passing: Passing;
  readonly #requests: TaskRequests;
  readonly #taskTools: TaskTools;
  /** Subscriptions, where they pass this connection. */
  readonly #subscriptions: PipeSubscriptions | undefined;
  readonly calls: Calls;

  /** `product`: the SDK server, where it is known. */
  constructor(shared: Shared, wire: Wire, transport: TransportLike, product: Product | undefined) {
    const { port, registry, settings } = shared;
    this.#shared = shared;
    this.#isClient = settings.policies.side === "client";
    // A client knows the server of each connection apart; who that is, only its host can say.
    const unnamed = this.#isClient ? unguessable() : "";
    const owners = this.#isClient ? new Owners(shared.hooks, () => unnamed) : shared.owners;
    const peers = (this.#peers = new ConnectionPeers(shared.peers));
    const isSole = (owner: string | undefined): boolean => peers.isSole(owner);
    const link = (this.#link = new Link(port, owners, wire, transport, !settings.limitsResults, isSole));
    const gate = new Gate(shared, product);
    this.#negotiation = new Negotiation(shared, link, gate);
    this.#passing = new Passing(registry, link);
    this.calls = new Calls(shared, link, gate, this.#negotiation, peers, () => this.#left());
    this.#requests = new TaskRequests(shared, this.calls, this.#negotiation, peers);
    this.#taskTools = new TaskTools(shared, link, gate, this.#requests);
    if (link.isSingleStream && !this.#isClient)
      this.#subscriptions = new PipeSubscriptions(shared, wire, () => link.sessionId);
  }

  /** Never throws: an entry that hears of an error answers it in its own way, or ends the process. */
  inbound(received: Message, extra: Extra): void {
    // Its client left before the transport handed it over: an answer reaches nothing, and nothing would close once
    // more.
    if (this.#link.isClosed) return;
    this.#link.takeIn(received, () => {
      // A client in this process may send from within a handler; it is no work for that handler's call.
      if (currentCall() === undefined) this.#inbound(received, extra);
      else runFor(undefined, () => this.#inbound(received, extra));
    });
  }

  #inbound(received: Message, extra: Extra): void {
    this.#shared.port.refresh();
    const message = withoutMalformedKey(received);
    const { id, method } = message;
    if (method === undefined) return this.#response(message, extra);
    if (id === undefined) return this.#notification(message, extra);
    if (method === LISTEN && this.#subscriptions?.inbound(message, extra) === true) return;
    this.#negotiation.heard(message);
    const called = this.#shared.settings.policies.methods.get(method);
    if (called === TOOLS_CALL) {
      this.#link.signs.begin(message, this.#link.streams?.of(id));
      if (this.#offersTools(message) && this.#taskTools.take(message, extra)) return;
    }
    const isTaken =
      called === undefined ? this.#takeRequest(method, message, extra) : this.calls.take(message, called, extra);
    if (isTaken) return;
    const isOurs = called !== undefined || method.startsWith("tasks/");
    const complete = isOurs || this.#isClient ? undefined : this.#completion(message, extra);
    this.#passing.pass(this.#negotiation.plain(message), extra, complete);
  }

  /** Whether the client of a request is offered tools of ours, because it has no tasks. */
  #offersTools(message: Message): boolean {
    return this.#shared.settings.policies.offeredPlainly && !this.#negotiation.hasTasks(message);
  }

  #completion(message: Message, extra: Extra): Completion | undefined {
    const complete = this.#negotiation.completion(message, extra);
    if (message.method !== "tools/list" || !this.#offersTools(message)) return complete;
    return (result) => this.#taskTools.listed({ ...result, ...complete?.(result) });
  }

  #takeRequest(method: string, message: Message, extra: Extra): boolean {
    return method.startsWith("tasks/") && this.#requests.take(message, extra);
  }

  #response(message: Message, extra: Extra): void {
    this.#negotiation.introduced(message);
    if (this.#shared.input.claim(this.#link, message, extra, this.#link.ownerOf(extra))) return;
    // What a task has taken over is answered through the task alone. The SDKs read any id of an answer as a number.
    if (this.#link.takenOver.has(message.id) || this.#link.takenOver.has(Number(message.id))) return;
    this.#link.deliver(message, extra);
  }

  #notification(message: Message, extra: Extra): void {
    if (message.method !== CANCELLED) return this.#link.deliver(message, extra);
    if (this.#subscriptions?.inbound(message, extra) === true) return;
    const id = own(message.params, "requestId");
    const waits = this.#link.blocked.size + this.calls.size > 0;
    const peer = waits ? this.#peers.of(this.#link.ownerOf(extra)) : undefined;
    const isIt = (request: PendingRequest): boolean => request.id === id && request.peer === peer;
    this.#link.signs.end(id);
    if (this.#taskTools.cancel(id, extra)) return;
    // Only the request ends, never the task (G25-RES-10, G26-CAN-08).
    if (this.#requests.cancel(isIt)) return;
    const call = this.calls.cancelled(isIt);
    if (call === undefined) return this.#passing.cancel(message, id, extra);
    if (this.#shared.port.enter(core.dropped, call.number, false))
      this.#link.deliver(renumbered(message, call.sdkId), extra);
  }

  outbound(message: Message, options: SendOptions): Promise<void> {
    try {
      return this.#outbound(message, options);
    } catch (error) {
      this.#shared.port.failed(error);
      const call = message.method === undefined ? this.calls.under(message.id) : undefined;
      if (call !== undefined) this.calls.fail(call);
      return Promise.reject(
        error instanceof Error ? error : new TaskError("internal", "A message could not be handled.", { cause: error }),
      );
    }
  }

  #outbound(message: Message, options: SendOptions): Promise<void> {
    if (message.method === "initialize") return this.#link.forward(this.#negotiation.introducing(message), options);
    if (this.#subscriptions?.outbound(message) === true) return Promise.resolve();
    if (message.method === undefined) return this.#answerOfSdk(message, options);
    const related = options?.relatedRequestId;
    const call = related === undefined ? undefined : this.calls.under(related);
    if (call === undefined && this.calls.hasEnded(related)) {
      // A handler goes on after its task has ended: its client hears no more of it (G25-PRG-02).
      if (message.id !== undefined) this.#link.refuseOwn(message.id, "The task has ended.");
      return Promise.resolve();
    }
    if (message.id === undefined) return this.#notificationOfHandler(message, options, call);
    return this.#requestOfHandler(message, options, call ?? (related === undefined ? this.calls.working() : undefined));
  }

  #answerOfSdk(message: Message, options: SendOptions): Promise<void> {
    const call = this.calls.under(message.id);
    if (call === undefined) return this.#passing.answer(message, options);
    this.calls.outcome(call, message);
    return Promise.resolve();
  }

  /** A handler asks the client: as a task, through the core. */
  #requestOfHandler(message: Message, options: SendOptions, call: Call | undefined): Promise<void> {
    const kind = inputKindOf(message);
    if (call === undefined || kind === UNKNOWN_KIND) return this.#sendRelated(message, options);
    const taken = this.#shared.input.takeOver(this.#link, call, message, kind, options);
    if (taken === false) return this.#sendRelated(message, options);
    return taken === true ? Promise.resolve() : taken;
  }

  #notificationOfHandler(message: Message, options: SendOptions, call: Call | undefined): Promise<void> {
    if (message.method === CANCELLED) {
      const id = own(message.params, "requestId");
      const ask = this.#link.takenOver.get(id);
      if (ask === undefined) return this.#sendRelated(message, options);
      this.#link.takenOver.delete(id);
      this.#shared.input.givenUp(ask);
      return Promise.resolve();
    }
    if (call === undefined || this.#shared.progress.isOrdinary(call, message))
      return this.#sendRelated(message, options);
    return Promise.resolve();
  }

  #sendRelated(message: Message, options: SendOptions): Promise<void> {
    return this.#passing.sendRelated(message, options, this.calls.under(options?.relatedRequestId));
  }

  closed(): void {
    if (this.#link.isClosed) return;
    this.#link.isClosed = true;
    const running = this.calls.closed();
    this.#requests.closed();
    this.#passing.clear();
    this.#taskTools.closed();
    this.#link.signs.closed();
    this.#subscriptions?.closed();
    // The core still needs the peer of a running task, to know to which owner it belongs.
    if (running) this.#peers.gone();
    else this.#peers.close();
    if (this.calls.size === 0) this.#link.tellClosed();
  }

  /** The connection is closed, and its last call has ended. */
  #left(): void {
    this.#peers.close();
    this.#link.tellClosed();
  }
}

/** The message without a related-task key that names nothing (G25-REL-07); SDK v1 answers nothing that holds one. */
function withoutMalformedKey(message: Message): Message {
  for (const member of ["params", "result"] as const) {
    const meta = own(message[member], "_meta");
    const related = own(meta, RELATED_TASK);
    if (related === undefined || textOf(related, "taskId") !== undefined) continue;
    const { [RELATED_TASK]: _related, ...rest } = meta as Record<string, unknown>;
    return { ...message, [member]: { ...message[member], _meta: rest } };
  }
  return message;
}
