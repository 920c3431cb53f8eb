import { own } from "../json.ts";
import type { TaskError } from "../errors.ts";
import type { Extra, Listener, Message, SendOptions, Wire } from "../tap.ts";
import { revisionOfNotification } from "../wire/revisions.ts";
import * as core from "../wasm/generated/client.js";
import { Calls } from "./calls.ts";
import { hostOf } from "./host.ts";
import { Input } from "./input.ts";
import { Link } from "./link.ts";
import { answeredId, httpStatus } from "./facts.ts";
import type { Shared } from "./call-plan.ts";
import { Port, type PortOwner, type RequestorHost } from "./port.ts";
import { isOwnId, Registry } from "./registry.ts";
import { Related } from "./related.ts";
import { Session } from "./session.ts";
import { Snapshots } from "./snapshots.ts";
import { Streams } from "./streams.ts";
import { Tasks } from "./tasks.ts";

/** One tapped transport: which part of ours, or of the SDK's, each message is for. */
export class Connection implements Listener, PortOwner {
  readonly session: Session;
  readonly host: RequestorHost;
  readonly #link: Link;
  readonly #registry = new Registry();
  readonly #port: Port;
  readonly #calls: Calls;
  readonly #tasks: Tasks;
  readonly #input: Input;
  readonly #streams: Streams;
  readonly #snapshots: Snapshots;
  readonly #related = new Related();

  constructor(wire: Wire, shared: Shared) {
    const link = (this.#link = new Link(wire, shared));
    const port = (this.#port = new Port(this, link));
    const registry = this.#registry;
    const session = (this.session = new Session(port, shared.methods));
    const snapshots = (this.#snapshots = new Snapshots(port, registry));
    this.#calls = new Calls(port, link, registry, session, snapshots);
    this.#tasks = new Tasks(port, link, registry, session, snapshots, this.#calls);
    this.#input = new Input(port, link, registry, session, this.#calls);
    this.#streams = new Streams(port, link, registry, session, snapshots);
    this.host = hostOf(port.assembler, this.#calls, this.#tasks, this.#input, this.#streams);
  }

  outbound(message: Message, options: SendOptions): Promise<void> {
    const { method, id } = message;
    const { wire, shared, state } = this.#link;
    const called = method === undefined || id === undefined ? undefined : shared.methods.get(method);
    if (called !== undefined) return this.#input.takes(message, options) ?? this.#calls.start(message, called, options);
    if (state !== "open") return wire.send(message, options);
    if (method === undefined) return wire.send(this.#related.named(message), options);
    if (id === undefined) return this.#calls.notification(message, options);
    switch (method) {
      case "initialize":
      case "server/discover":
        this.#registry.awaited.set(id, method);
        break;
      case "tools/list":
        if (!this.session.introduced) this.session.introduceFromClient();
        this.#registry.awaited.set(id, own(message, "params", "cursor") === undefined ? method : "tools/list more");
        break;
    }
    return wire.send(message, options);
  }

  inbound(message: Message, extra: Extra): void {
    const { method } = message;
    const { wire, state } = this.#link;
    const { awaited, callsById, requests } = this.#registry;
    const id = method === undefined && !this.#registry.isOpen(message.id) ? answeredId(message.id) : message.id;
    if (state !== "open") return wire.deliver(message, extra);
    if (this.#streams.takes(message)) return;
    if (method !== undefined) {
      if (this.#inboundMethod(message, method, id)) wire.deliver(message, extra);
      return;
    }
    const request = requests.get(id);
    if (request !== undefined) return this.#tasks.answer(id, message, request);
    const introduction = awaited.get(id);
    if (introduction !== undefined) {
      awaited.delete(id);
      return wire.deliver(this.session.learn(message, introduction), extra);
    }
    const call = callsById.get(id);
    if (call !== undefined && (call.wireId ?? call.id) === id && call.task === undefined && call.handed)
      return this.#calls.reply(message, call);
    // An answer that nothing waits for any more.
    if (isOwnId(id)) return;
    wire.deliver(message, extra);
  }

  closed(): void {
    this.#close(true);
    this.#link.shared.onclose(this);
    this.#link.wire.closed();
  }

  /** A session that the server does not know is over; after any other trouble a look shows how the tasks are. */
  troubled(error: unknown): void {
    if (httpStatus(error) !== 404 || this.#link.wire.sessionId() === undefined) return this.#port.enter(core.trouble);
    this.#port.enter(core.sessionLost);
    // The request that was refused fails with the SDK's own error; whatever else waits has no answer to wait for.
    setTimeout(() => {
      this.#port.enter((requestor) => core.close(requestor, true));
      this.#registry.requests.clear();
    });
  }

  /** Follows nothing any more; tasks go on. */
  stop(): void {
    this.#close(false);
  }

  wake(): void {
    this.#port.enter(core.timer);
  }

  drained(): void {
    this.#input.promptInCalls();
  }

  /** The caller learned from the SDK that its call failed, and this connection may not know. */
  gaveUp(plan: object): void {
    this.#calls.gaveUp(plan);
  }

  broken(error: TaskError): void {
    if (this.#link.state === "broken") return;
    this.#link.state = "broken";
    this.#link.shared.alarm.set(this, Infinity);
    this.#streams.stop();
    this.#link.report(error);
    const rpc = { code: -32603, message: error.message, data: { reason: "internal" } };
    for (const task of this.#registry.tasks.values())
      if (task.outcome === undefined) task.settle({ error: rpc, code: "internal" });
    for (const settle of this.#registry.waiters.values()) settle(undefined, error);
    for (const call of [...this.#registry.calls.values()])
      if (call.task !== undefined || !call.handed) this.#calls.finish(call, { error: rpc });
  }

  #close(connection: boolean): void {
    if (this.#link.state !== "open") return;
    this.#port.enter((requestor) => {
      if (connection) this.#link.state = "closed";
      core.close(requestor, connection);
    });
    this.#link.state = "closed";
    const { alarm } = this.#link.shared;
    alarm.set(this, Infinity);
    for (const { prompts } of this.#registry.tasks.values()) for (const prompt of prompts.values()) prompt.abort();
    for (const call of this.#registry.calls.values()) alarm.set(call, Infinity);
    this.#registry.clear();
    this.#related.clear();
  }

  /** Looks at a request or notification of the server; answers whether the SDK should see it. */
  #inboundMethod(message: Message, method: string, id: unknown): boolean {
    if (id !== undefined) return this.#related.isNew(message);
    // A list of tools, of prompts or of resources.
    if (method.endsWith("/list_changed")) this.#port.enter(core.toolsChanged);
    switch (method) {
      case "notifications/progress":
        return this.#calls.progressed(message.params);
      case "notifications/cancelled":
        this.#related.forget(own(message, "params", "requestId"));
        break;
      default: {
        const news = revisionOfNotification(method);
        if (news !== undefined) this.#snapshots.pushed(news, message.params);
      }
    }
    return true;
  }
}
