import type { Assembler } from "../assembler.ts";
import { TaskError } from "../errors.ts";
import type { Extra, Listener, Message, SendOptions, Wire } from "../tap.ts";
import { Calls } from "./calls.ts";
import { Port, isOwnId } from "./port.ts";
import type { RequestorHost } from "./host.ts";
import { Input } from "./input.ts";
import { Streams } from "./streams.ts";
import { answeredId, httpStatus, own } from "./message.ts";
import type { Shared } from "./plan.ts";
import { Related } from "./related.ts";
import { Session } from "./session.ts";
import { Tasks } from "./tasks.ts";
import * as core from "../wasm/generated/client.js";

/** Both sides of one tapped transport: the SDK client above, the server below, the core beside. */
export class Connection implements Listener {
  readonly port: Port;
  readonly session: Session;
  readonly calls: Calls;
  readonly tasks: Tasks;
  readonly input: Input;
  readonly streams: Streams;
  readonly related: Related = new Related();
  /** What the core asks of its host. */
  readonly host: RequestorHost;

  constructor(wire: Wire, shared: Shared) {
    this.port = new Port(this, wire, shared);
    this.session = new Session(this);
    this.calls = new Calls(this);
    this.tasks = new Tasks(this);
    this.input = new Input(this);
    this.streams = new Streams(this);
    this.host = hostOf(this.port.assembler, this.calls, this.tasks, this.input, this.streams);
  }

  outbound(message: Message, options: SendOptions): Promise<void> {
    const { method, id } = message;
    if (method === "tools/call" && id !== undefined) return this.calls.start(message, options);
    if (this.port.state !== "open") return this.port.wire.send(message, options);
    if (method === undefined) return this.port.wire.send(this.related.named(message), options);
    if (id === undefined) return this.calls.notification(message, options);
    switch (method) {
      case "initialize":
      case "server/discover":
        this.session.awaited.set(id, method);
        break;
      case "tools/list":
        if (!this.session.introduced) this.session.introduceFromClient();
        this.session.awaited.set(id, own(message, "params", "cursor") === undefined ? method : "tools/list more");
        break;
    }
    return this.port.wire.send(message, options);
  }

  inbound(message: Message, extra: Extra): void {
    const { method } = message;
    const id = method === undefined && !this.isOpen(message.id) ? answeredId(message.id) : message.id;
    if (this.port.state !== "open") return this.port.wire.deliver(message, extra);
    if (this.streams.takes(message)) return;
    if (method !== undefined) {
      if (this.#inboundMethod(message, method, id)) this.port.wire.deliver(message, extra);
      return;
    }
    const request = this.tasks.requests.get(id);
    if (request !== undefined) return this.tasks.answer(id, message, request);
    const awaited = this.session.awaited.get(id);
    if (awaited !== undefined) {
      this.session.awaited.delete(id);
      return this.port.wire.deliver(this.session.learn(message, awaited), extra);
    }
    const call = this.calls.byId.get(id);
    if (call !== undefined && (call.wireId ?? call.id) === id && call.task === undefined && call.handed)
      return this.calls.reply(message, call);
    // An answer that nobody waits for any more.
    if (isOwnId(id)) return;
    this.port.wire.deliver(message, extra);
  }

  closed(): void {
    this.#close(true);
    this.port.shared.onclose(this);
    this.port.wire.closed();
  }

  /** A session that the server does not know is over; after any other trouble a look shows how the tasks are. */
  troubled(error: unknown): void {
    if (httpStatus(error) !== 404 || this.port.wire.sessionId() === undefined) return this.port.enter(core.trouble);
    this.port.enter(core.sessionLost);
    // The request that was refused fails with the SDK's own error; whatever else waits has no answer to wait for.
    setTimeout(() => {
      this.port.enter((requestor) => core.close(requestor, true));
      this.tasks.requests.clear();
    });
  }

  /** Follows nothing any more; tasks go on. */
  stop(): void {
    this.#close(false);
  }

  /** Whether a request with this id waits for its answer. */
  isOpen(id: unknown): boolean {
    return this.tasks.requests.has(id) || this.calls.byId.has(id) || this.session.awaited.has(id);
  }

  wake(): void {
    this.port.enter(core.timer);
  }

  #close(connection: boolean): void {
    if (this.port.state !== "open") return;
    this.port.enter((requestor) => {
      if (connection) this.port.state = "closed";
      core.close(requestor, connection);
    });
    this.port.state = "closed";
    this.port.shared.alarm.set(this, Infinity);
    for (const { prompts } of this.tasks.all.values()) for (const prompt of prompts.values()) prompt.abort();
    for (const { patience } of this.calls.all.values()) this.port.shared.alarm.set(patience, Infinity);
    for (const map of [
      this.session.awaited,
      this.calls.all,
      this.calls.byId,
      this.tasks.all,
      this.tasks.requests,
      this.related.all,
      this.input.driven,
    ])
      map.clear();
  }

  /** Looks at a request or notification of the peer; answers whether the SDK should see it. */
  #inboundMethod(message: Message, method: string, id: unknown): boolean {
    if (id !== undefined) return this.related.isNew(message);
    if (method === "notifications/progress") {
      const token = own(message, "params", "progressToken");
      const call = this.calls.byId.get(token);
      if (call !== undefined && call.task === undefined) this.calls.wait(call);
      const progress = own(message, "params", "progress");
      if (call !== undefined && typeof progress === "number") call.progress = Math.max(call.progress, progress);
      // The SDKs take "1" for 1, which is another token (G25-PRG-07).
      if (typeof token === "string" && this.calls.progressToken(this.calls.byId.get(Number(token))) === Number(token))
        return false;
    } else if (method === "notifications/cancelled") {
      this.related.all.delete(own(message, "params", "requestId"));
    } else if (method === "notifications/tools/list_changed") {
      this.port.enter(core.toolsChanged);
    } else if (method === "notifications/tasks" || method === "notifications/tasks/status") {
      this.tasks.pushed(message.params, method === "notifications/tasks" ? 26 : 25);
    }
    return true;
  }

  /** The core is lost, and with it what it knew about this connection's tasks. */
  broken(error: TaskError): void {
    if (this.port.state === "broken") return;
    this.port.state = "broken";
    this.port.shared.alarm.set(this, Infinity);
    this.streams.stop();
    this.port.report(error);
    const rpc = { code: -32603, message: error.message, data: { reason: "internal" } };
    for (const task of this.tasks.all.values())
      if (task.outcome === undefined) task.settle({ error: rpc, code: "internal" });
    for (const settle of this.tasks.waiters.values()) settle(undefined, error);
    for (const call of [...this.calls.all.values()])
      if (call.task !== undefined || !call.handed) this.calls.finish(call, { error: rpc });
  }
}

/** What the core asks of its host, from the parts that do it. */
function hostOf(assembler: Assembler, calls: Calls, tasks: Tasks, input: Input, streams: Streams): RequestorHost {
  return {
    assembler,
    begin: tasks.begin.bind(tasks),
    list: tasks.list.bind(tasks),
    ask: tasks.ask.bind(tasks),
    created: tasks.created.bind(tasks),
    changed: tasks.changed.bind(tasks),
    hold: tasks.hold.bind(tasks),
    dropInput: tasks.dropInput.bind(tasks),
    report: tasks.report.bind(tasks),
    refused: tasks.refused.bind(tasks),
    ended: tasks.ended.bind(tasks),
    cancelled: tasks.cancelled.bind(tasks),
    forget: tasks.forget.bind(tasks),
    sendCall: calls.sendCall.bind(calls),
    forward: calls.forward.bind(calls),
    hangUp: calls.hangUp.bind(calls),
    answerReply: calls.answerReply.bind(calls),
    answerOutcome: calls.answerOutcome.bind(calls),
    answerLocal: calls.answerLocal.bind(calls),
    listen: streams.listen.bind(streams),
    unlisten: streams.unlisten.bind(streams),
    prompt: input.prompt.bind(input),
    withdraw: input.withdraw.bind(input),
    dismiss: input.dismiss.bind(input),
  };
}
