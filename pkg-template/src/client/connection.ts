import { Assembler } from "../assembler.ts";
import { TaskError } from "../errors.ts";
import type { Extra, Listener, Message, SendOptions, Wire } from "../tap.ts";
import type { TaskReference, TaskStatus } from "../types.ts";
import { type Alarm, LONGEST, now, type Sleeper } from "./alarm.ts";
import { type ClientCore, clientCore } from "./core.ts";
import { NONE, type RequestorHost } from "./host.ts";
import {
  CLIENT_CAPABILITIES,
  demandsTask,
  EXTENSION,
  handleOf,
  isObject,
  isRpcError,
  type Json,
  merge,
  own,
  PROTOCOL_VERSION,
  RELATED_TASK,
  snapshotFacts,
  snapshotView,
  wellFormed,
} from "./message.ts";
import { codeOf, FollowedTask, Handle, type Outcome, type RpcError, statusOf } from "./task.ts";

/** Marks a call with the plan that its caller made for it; never sent. */
export const PLAN = "mcp-tasks/plan";
/** Marks a call that is made only so that the SDK's own driver answers an input request; never sent. */
const PROMPT = "mcp-tasks/prompt";
/** The key of that request for the driver, which drops some names. */
const DRIVEN = "input";
/** Numbers of our own requests begin here: numbers, because the SDKs coerce ids, and far from theirs. */
const OWN_IDS = 2 ** 52;
/** Requests of the server whose answers must name their task. */
const RELATED = 1000;
/** How long an answer to a call may take where its caller sets no timeout; as in both SDKs. A task may take longer. */
const PATIENCE = 60_000;

/** What a caller wants with one call. */
export interface Plan {
  readonly preference: number;
  /** Whether giving up the call cancels its task. */
  readonly cancels: boolean;
  readonly ttl: number | undefined;
  readonly resume?: TaskReference | undefined;
  /** What the SDK answers the caller with, as soon as the call was made. */
  answer?: Promise<unknown>;
  /** Called when the task is there. */
  readonly created?: ((handle: Handle) => void) | undefined;
  /** Gives up the call where the peer does not answer it; only for callers that set no timeout. */
  readonly impatient?: (() => void) | undefined;
  /** Why the call ended, if it was not the peer who said so. */
  ending?: number | undefined;
  /** Whether it ended with the peer's answer. */
  answered?: boolean | undefined;
}

/** The part of both SDKs' `Client` that a connection uses. */
export interface ConnectedClient {
  getServerVersion?(): unknown;
  getServerCapabilities?(): unknown;
  getNegotiatedProtocolVersion?(): unknown;
  /** SDK v2: whether its handlers can be driven by `input_required`. */
  getProtocolEra?(): unknown;
  request?(...call: never[]): Promise<unknown>;
}

/** What the connections of one client share. */
export interface Shared {
  readonly plan: Plan;
  readonly poll: { readonly min: number; readonly max: number; readonly initial: number };
  readonly maxAge: number;
  readonly alarm: Alarm;
  readonly plans: Map<string, Plan>;
  readonly ontask: ((handle: Handle) => void) | undefined;
  readonly onerror: (error: TaskError) => void;
}

/** A call of a tool on its way. */
interface Call {
  readonly number: number;
  /** The SDK's id; undefined while its driver answers input, before it repeats the call. */
  id: unknown;
  readonly frame: Message;
  readonly options: SendOptions;
  readonly generation: number;
  readonly version: string;
  readonly plan: Plan;
  /** The id on the wire, where it is not the SDK's. */
  wireId: unknown;
  envelope: unknown;
  reply: Message | undefined;
  /** The promise of the send, as long as the SDK waits for it. */
  sent: Promise<void> | undefined;
  handed: boolean;
  task: number | undefined;
  /** The input requests that the SDK's driver is answering. */
  round: readonly string[];
  /** An answer that waits for the driver. */
  late: Partial<Message> | undefined;
  /** Woken when the peer takes too long to answer. */
  readonly patience: Sleeper;
}

interface Kept {
  readonly snapshot?: Json | undefined;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** An input request that the SDK's driver answers, and its answer. */
interface Driven {
  readonly request: unknown;
  response?: unknown;
}

/** Both sides of one tapped transport: the SDK client above, the server below, the core beside. */
export class Connection implements Listener, RequestorHost {
  readonly #wire: Wire;
  readonly #shared: Shared;
  readonly #core: ClientCore;
  readonly #requestor: InstanceType<ClientCore["Requestor"]>;
  readonly #assembler: Assembler;
  readonly #secret: string = String(Math.random()).slice(2);
  /** The client above, where it is known. */
  client: ConnectedClient | undefined;
  #state: "open" | "closed" | "broken" = "open";

  /** Answers that the SDK waits for and that tell something. */
  readonly #awaited = new Map<unknown, "initialize" | "server/discover" | "tools/list" | "tools/list more">();
  #generation = 0;
  #version = "";
  #server: unknown;
  #introduced = false;

  readonly #calls = new Map<number, Call>();
  readonly #callById = new Map<unknown, Call>();
  #lastCall = 0;
  readonly #tasks = new Map<number, FollowedTask>();
  /** Our own requests, by JSON-RPC id. */
  readonly #requests = new Map<unknown, { readonly request: number; readonly method: string; readonly task: FollowedTask | undefined }>();
  #lastId = OWN_IDS + Math.floor(Math.random() * 2 ** 48);
  readonly #kept = new Map<number, Kept>();
  #lastKept = 0;
  readonly #waiters = new Map<number, (status: TaskStatus | undefined, error: TaskError | undefined) => void>();
  #lastWaiter = 0;
  /** Requests of the server that belong to a task, by id. */
  readonly #related = new Map<unknown, string>();
  /** Input requests that the SDK's driver answers for us, by token. */
  readonly #driven = new Map<string, Driven>();
  readonly #queued = new Set<FollowedTask>();

  constructor(wire: Wire, shared: Shared) {
    this.#wire = wire;
    this.#shared = shared;
    this.#core = clientCore.load();
    this.#assembler = new Assembler(this.#core.names);
    const { min, max, initial } = shared.poll;
    this.#requestor = new this.#core.Requestor(min, max, initial, shared.maxAge, Math.random());
  }

  // The tap.

  outbound(message: Message, options: SendOptions): Promise<void> {
    const { method, id } = message;
    if (method === "tools/call" && id !== undefined) return this.#call(message, options);
    if (this.#state !== "open") return this.#wire.send(message, options);
    if (method === undefined) return this.#wire.send(this.#withRelatedTask(message), options);
    if (id === undefined) return this.#notification(message, options);
    switch (method) {
      case "initialize":
      case "server/discover":
        this.#awaited.set(id, method);
        break;
      case "tools/list":
        this.#awaited.set(id, own(message, "params", "cursor") === undefined ? method : "tools/list more");
        break;
    }
    return this.#wire.send(message, options);
  }

  inbound(message: Message, extra: Extra): void {
    const { id, method } = message;
    if (this.#state !== "open") return this.#wire.deliver(message, extra);
    if (method !== undefined) {
      if (this.#inboundMethod(message, method, id)) this.#wire.deliver(message, extra);
      return;
    }
    const request = this.#requests.get(id);
    if (request !== undefined) return this.#answer(message, request);
    const awaited = this.#awaited.get(id);
    if (awaited !== undefined) {
      this.#awaited.delete(id);
      return this.#wire.deliver(this.#learn(message, awaited), extra);
    }
    const call = this.#callById.get(id);
    if (call !== undefined && (call.wireId ?? call.id) === id && call.task === undefined && call.handed) return this.#reply(message, call);
    // An answer that nobody waits for any more.
    if (typeof id === "number" && id >= OWN_IDS) return;
    this.#wire.deliver(message, extra);
  }

  closed(): void {
    this.#close(true);
    this.#wire.closed();
  }

  /** Follows nothing any more; tasks go on. */
  stop(): void {
    this.#close(false);
  }

  wake(): void {
    this.#run(() => this.#requestor.timer(now()));
  }

  #close(connection: boolean): void {
    if (this.#state !== "open") return;
    this.#run(() => {
      if (connection) this.#state = "closed";
      this.#requestor.close(connection);
    }, true);
    this.#state = "closed";
    this.#shared.alarm.set(this, Infinity);
    for (const { prompts } of this.#tasks.values()) for (const prompt of prompts.values()) prompt.abort();
    for (const { patience } of this.#calls.values()) this.#shared.alarm.set(patience, Infinity);
    for (const map of [this.#awaited, this.#calls, this.#callById, this.#tasks, this.#requests, this.#related, this.#driven]) map.clear();
  }

  // What passes.

  #notification(message: Message, options: SendOptions): Promise<void> {
    const call = message.method === "notifications/cancelled" ? this.#callById.get(own(message, "params", "requestId")) : undefined;
    if (call === undefined) return this.#wire.send(message, options);
    let through = false;
    this.#forwarding = (number) => (through ||= number === call.number);
    this.#giveUp(call);
    this.#forwarding = undefined;
    return through ? this.#wire.send(message, options) : Promise.resolve();
  }
  #forwarding: ((call: number) => void) | undefined;

  /** Looks at a request or notification of the peer; answers whether the SDK should see it. */
  #inboundMethod(message: Message, method: string, id: unknown): boolean {
    if (id !== undefined) {
      // The same question on another stream: it is being answered (G25-INP-07).
      if (this.#related.has(id)) return false;
      const task = own(message, "params", "_meta", RELATED_TASK, "taskId");
      if (typeof task === "string" && this.#related.size < RELATED) this.#related.set(id, task);
    } else if (method === "notifications/progress") {
      const token = own(message, "params", "progressToken");
      const call = this.#callById.get(token);
      if (call !== undefined && call.task === undefined) this.#wait(call);
      // The SDKs take "1" for 1, which is another token (G25-PRG-07).
      if (typeof token === "string" && this.#progressToken(this.#callById.get(Number(token))) === Number(token)) return false;
    } else if (method === "notifications/cancelled") {
      this.#related.delete(own(message, "params", "requestId"));
    } else if (method === "notifications/tools/list_changed") {
      this.#run(() => this.#requestor.toolsChanged());
    } else if (method === "notifications/tasks" || method === "notifications/tasks/status") {
      const task = isObject(message.params) ? message.params : {};
      const generation = method === "notifications/tasks" ? 26 : 25;
      const followed = [...this.#tasks.values()].find((known) => known.id === own(task, "taskId"));
      if (followed?.generation === generation) this.#snapshot(2, 0, task, followed, { snapshot: task, result: own(task, "result"), error: own(task, "error") });
    }
    return true;
  }

  #progressToken(call: Call | undefined): unknown {
    return own(call?.frame.params, "_meta", "progressToken");
  }

  /** The answer to a request of a task names the task (G25-INP-06). */
  #withRelatedTask(message: Message): Message {
    const taskId = this.#related.get(message.id);
    if (taskId === undefined) return message;
    this.#related.delete(message.id);
    if (!isObject(message.result)) return message;
    const meta = own(message.result, "_meta");
    return { ...message, result: { ...message.result, _meta: { ...(isObject(meta) ? meta : {}), [RELATED_TASK]: { taskId } } } };
  }

  #learn(message: Message, awaited: "initialize" | "server/discover" | "tools/list" | "tools/list more"): Message {
    const result = message.result;
    if (!isObject(result)) return message;
    if (awaited === "tools/list" || awaited === "tools/list more") return this.#toolList(message, result, awaited === "tools/list");
    this.#server = own(result, "serverInfo");
    this.#introduce(own(result, "protocolVersion"), own(result, "capabilities"));
    return message;
  }

  #introduce(version: unknown, capabilities: unknown): void {
    this.#introduced = true;
    this.#version = typeof version === "string" ? version : "";
    const generation = this.#core.generation(this.#version);
    // The newer generation is spoken request by request.
    this.#generation = generation === 25 ? generation : 0;
    const calls = isObject(own(capabilities, "tasks", "requests", "tools", "call"));
    const cancel = isObject(own(capabilities, "tasks", "cancel"));
    const extension = isObject(own(capabilities, "extensions", EXTENSION));
    this.#run(() => this.#requestor.server(calls, cancel, extension ? 1 : 0));
  }

  /**
   * A page of tools, for the SDK. Its client would refuse to call a tool that runs only as a task, so `required` becomes
   * `optional` for it.
   */
  #toolList(message: Message, result: Json, first: boolean): Message {
    const tools = own(result, "tools");
    if (!Array.isArray(tools) || this.#generation === 0) return message;
    this.#run(() => {
      this.#learnTools(tools);
      if (first && own(result, "nextCursor") === undefined) this.#requestor.toolsComplete();
    });
    const soften = (tool: unknown): unknown =>
      isObject(tool) && own(tool, "execution", "taskSupport") === "required" ? merge(tool, { execution: { taskSupport: "optional" } }) : tool;
    return { ...message, result: { ...result, tools: tools.map(soften) } };
  }

  #learnTools(tools: readonly unknown[]): void {
    for (const tool of tools) {
      const name = own(tool, "name");
      const support = own(tool, "execution", "taskSupport");
      if (typeof name === "string") this.#requestor.tool(name, typeof support === "string" ? support : "");
    }
  }

  // Calls.

  #call(message: Message, options: SendOptions): Promise<void> {
    const params = isObject(message.params) ? message.params : {};
    const meta = own(params, "_meta");
    const prompt = own(meta, PROMPT);
    if (prompt !== undefined) return this.#drive(message, params, this.#driven.get(String(prompt)));
    const state = own(params, "requestState");
    if (typeof state === "string" && state.startsWith(this.#secret)) return this.#repeated(message, params, options, Number(state.slice(this.#secret.length + 1)));

    const token = own(meta, PLAN);
    const plan = this.#shared.plans.get(String(token)) ?? this.#shared.plan;
    const frame = token === undefined ? message : { ...message, params: withoutMark(params, meta) };
    if (this.#state !== "open") {
      // Nothing is followed any more; a call is just a call.
      return plan.resume === undefined ? this.#wire.send(frame, options) : Promise.reject(new TaskError("connection", "The connection is not followed any more"));
    }
    if (!this.#introduced) this.#introduceFromClient();
    const version = own(meta, PROTOCOL_VERSION);
    const generation = typeof version === "string" ? this.#core.generation(version) : this.#generation;
    // The application runs the task itself.
    if (generation === 25 && own(params, "task") !== undefined) return this.#wire.send(frame, options);

    const call: Call = {
      number: ++this.#lastCall,
      id: message.id,
      frame,
      options,
      generation,
      version: typeof version === "string" ? version : this.#version,
      plan,
      wireId: undefined,
      envelope: undefined,
      reply: undefined,
      sent: undefined,
      handed: false,
      task: undefined,
      round: [],
      late: undefined,
      patience: { wake: () => plan.impatient?.() },
    };
    this.#calls.set(call.number, call);
    this.#callById.set(message.id, call);
    this.#listen(call, options);
    const tool = wellFormed(own(params, "name"));
    this.#run(() => {
      const { resume, preference, cancels, ttl } = plan;
      if (resume === undefined) this.#requestor.call(now(), call.number, generation, tool, preference, cancels, ttl ?? NaN);
      else {
        if (generation === 26) call.envelope = own(this.#withExtension(isObject(frame.params) ? frame.params : {}), "_meta");
        const of = this.#isSameServer(resume) ? this.#core.generation(resume.generation) : 0;
        this.#requestor.resume(now(), call.number, generation, tool, cancels, of, wellFormed(resume.taskId));
      }
    });
    const sent = call.sent ?? Promise.resolve();
    call.sent = undefined;
    call.handed = true;
    return sent;
  }

  /** SDK v2 on HTTP gives up a call by aborting its exchange. */
  #listen(call: Call, options: SendOptions): void {
    options?.requestSignal?.addEventListener("abort", () => this.#giveUp(call), { once: true });
  }

  #giveUp(call: Call): void {
    if (this.#calls.has(call.number)) this.#run(() => this.#requestor.abort(now(), call.number));
    if (call.task !== undefined || call.reply !== undefined) this.#dropCall(call);
  }

  /** The caller learned from the SDK that its call failed, and this connection may not know. */
  gaveUp(plan: Plan): void {
    for (const call of [...this.#calls.values()]) if (call.plan === plan) this.#giveUp(call);
  }

  /** A session that was opened before the tap, or on another transport. */
  #introduceFromClient(): void {
    const version = this.client?.getNegotiatedProtocolVersion?.();
    const capabilities = this.client?.getServerCapabilities?.();
    // SDK v1 does not tell which version it speaks; only that version has these capabilities.
    if (capabilities !== undefined) this.#introduce(version ?? (own(capabilities, "tasks") === undefined ? "" : "2025-11-25"), capabilities);
  }

  #isSameServer(reference: TaskReference): boolean {
    const here = this.#serverName();
    return reference.server === undefined || here === undefined || reference.server.split("/")[0] === here.split("/")[0];
  }

  #serverName(): string | undefined {
    const info = this.#server ?? this.client?.getServerVersion?.();
    const name = own(info, "name");
    return typeof name === "string" ? `${name}/${String(own(info, "version"))}` : undefined;
  }

  #withExtension(params: Json): Json {
    return merge(params, { _meta: { [CLIENT_CAPABILITIES]: { extensions: { [EXTENSION]: {} } } } });
  }

  #reply(message: Message, call: Call): void {
    this.#shared.alarm.set(call.patience, Infinity);
    this.#callById.delete(call.wireId);
    call.reply = message;
    const { result, error } = message;
    const handle = isObject(result) ? handleOf(result, call.generation) : undefined;
    if (handle !== undefined) return this.#snapshot(0, call.number, handle, undefined, { snapshot: handle });
    this.#run(() => {
      if (isObject(result)) this.#requestor.replyResult(now(), call.number, own(result, "isError") === true, demandsTask(result));
      else this.#requestor.replyError(now(), call.number, rpcCode(error));
    });
  }

  /** The input requests of the latest snapshot: a task that is seen for the first time has no place for them yet. */
  #listed: Json = {};

  /** Hands a snapshot to the core. */
  #snapshot(from: number, number: number, task: Json, followed: FollowedTask | undefined, kept: Kept): void {
    const call = from === 0 ? this.#calls.get(number) : this.#resuming(own(task, "taskId"));
    const generation = followed?.generation ?? call?.generation ?? this.#generation;
    const { id, status, ttl, poll, age, flags } = snapshotFacts(task, generation);
    const inputs = own(task, "inputRequests");
    this.#run(() => {
      this.#listed = isObject(inputs) ? inputs : {};
      if (isObject(inputs) && generation === 26) {
        this.#requestor.beginEntries();
        if (followed !== undefined) followed.listed = inputs;
        for (const [key, request] of Object.entries(inputs)) {
          const before = followed?.asked.get(key);
          const method = own(request, "method");
          const sound = wellFormed(key) === key && typeof method === "string" ? textOf(request) : undefined;
          this.#requestor.entry(key, sound === undefined ? "" : (method as string), before === undefined || before === sound);
        }
      }
      const payload = this.#keep(kept);
      this.#requestor.snapshot(now(), from, number, id, status, ttl, poll, age, flags, payload);
    });
  }

  // Answers to our own requests.

  #answer(message: Message, { request, method, task }: { readonly request: number; readonly method: string; readonly task: FollowedTask | undefined }): void {
    this.#requests.delete(message.id);
    task?.open.delete(message.id as number);
    const { result, error } = message;
    if (method === "tools/list") return this.#page(request, result);
    if (!isObject(result)) {
      this.#run(() => this.#requestor.answerError(now(), request, rpcCode(error), this.#keep({ error })));
    } else if (method === "tasks/get" || (method === "tasks/cancel" && own(result, "taskId") !== undefined)) {
      this.#snapshot(1, request, result, task, { snapshot: result, result: own(result, "result"), error: own(result, "error") });
    } else {
      this.#run(() => this.#requestor.answerResult(now(), request, own(result, "isError") === true, this.#keep({ result })));
    }
  }

  #page(request: number, result: unknown): void {
    const tools = own(result, "tools");
    const next = own(result, "nextCursor");
    this.#run(() => {
      if (!Array.isArray(tools)) return this.#requestor.pageLost(now(), request);
      this.#learnTools(tools);
      this.#requestor.page(now(), request, typeof next === "string" ? next : undefined);
    });
  }

  #send(method: string, params: Json, request: number, task: FollowedTask | undefined): void {
    const id = ++this.#lastId;
    this.#requests.set(id, { request, method, task });
    task?.open.set(id, method);
    const lost = (): void => {
      if (!this.#requests.delete(id)) return;
      task?.open.delete(id);
      this.#run(() => (method === "tools/list" ? this.#requestor.pageLost(now(), request) : this.#requestor.lost(now(), request)));
    };
    this.#sendSafely({ jsonrpc: "2.0", id, method, params }, { onRequestStreamEnd: lost }).catch(lost);
  }

  async #sendSafely(message: Message, options: SendOptions): Promise<void> {
    await this.#wire.send(message, options);
  }

  #deliver(message: Message): void {
    if (this.#state === "closed") return;
    try {
      this.#wire.deliver(message);
    } catch (cause) {
      this.#report(new TaskError("internal", "The SDK's client threw while it took an answer", { cause }));
    }
  }

  #report(error: TaskError): void {
    try {
      this.#shared.onerror(error);
    } catch {
      // Nothing is left to tell.
    }
  }

  // Input of the newer generation, answered by the SDK client's own handlers.

  /** Has the SDK's driver answer one request, by a call of its own that is never sent. */
  async #promptThrough(client: ConnectedClient, number: number, task: FollowedTask, key: string): Promise<void> {
    const token = `${this.#secret}:${number}:${task.prompts.size}:${String(Math.random())}`;
    const driven: Driven = { request: own(task.listed, key) };
    const stop = new AbortController();
    task.prompts.set(key, stop);
    this.#driven.set(token, driven);
    let failure: unknown;
    try {
      const request = client.request as unknown as (request: Json, options: Json) => Promise<unknown>;
      await request.call(client, { method: "tools/call", params: { name: task.tool, _meta: { [PROMPT]: token } } }, { timeout: LONGEST, signal: stop.signal });
    } catch (thrown) {
      failure = thrown;
    } finally {
      this.#driven.delete(token);
    }
    if (task.prompts.get(key) !== stop || stop.signal.aborted) return;
    task.prompts.delete(key);
    if (own(driven, "response") !== undefined) return this.#answered(number, task, key, driven.response);
    if (failure instanceof Error && (failure as { code?: unknown }).code === "UNSUPPORTED_RESULT_TYPE") {
      // This client answers no input by itself: whoever made the call does.
      this.#manual = true;
      this.#enqueue(task, key);
      return this.#run(() => {});
    }
    this.#report(new TaskError("protocol", `The input request "${key}" was not answered: its handler failed`, { cause: failure, taskId: task.id }));
    // A form that cannot be shown was dismissed; nothing of the kind can be said for sampling and roots (G26-INP-09).
    if (own(driven.request, "method") === "elicitation/create") return this.#answered(number, task, key, { action: "cancel" });
    this.#run(() => this.#requestor.noInput(number, key));
  }
  #manual = false;

  async #drive(message: Message, params: Json, driven: Driven | undefined): Promise<void> {
    if (driven === undefined) throw new TaskError("detached", "The task is not followed any more");
    const responses = own(params, "inputResponses");
    const token = own(params, "_meta", PROMPT);
    const repeated = own(params, "requestState") === token;
    if (repeated) driven.response = own(responses, DRIVEN);
    const result: Json = repeated
      ? { resultType: "complete", content: [] }
      : { resultType: "input_required", inputRequests: { [DRIVEN]: driven.request }, requestState: token };
    await Promise.resolve();
    this.#deliver({ jsonrpc: "2.0", id: message.id, result });
  }

  #answered(number: number, task: FollowedTask, key: string, response: unknown): void {
    task.answers.set(key, response);
    this.#run(() => this.#requestor.input(now(), number, key));
  }

  #enqueue(task: FollowedTask, key: string): void {
    task.queue.push(key);
    this.#queued.add(task);
  }

  /** Has the SDK's driver answer requests as part of the call itself: it repeats the call with the responses. */
  #promptInCalls(): void {
    for (const task of [...this.#queued]) {
      this.#queued.delete(task);
      const call = [...task.calls].map((number) => this.#calls.get(number)).find((known) => known?.id !== undefined && known.generation === 26);
      if (call === undefined || task.queue.length === 0) continue;
      const keys = task.queue.splice(0);
      const id = call.id;
      this.#callById.delete(id);
      call.id = undefined;
      call.round = keys;
      const inputRequests = Object.fromEntries(keys.map((key) => [key, own(task.listed, key)]));
      this.#deliver({ jsonrpc: "2.0", id, result: { resultType: "input_required", inputRequests, requestState: `${this.#secret}:${call.number}` } });
    }
  }

  /** The SDK repeats a call, with the responses of the round. */
  #repeated(message: Message, params: Json, options: SendOptions, number: number): Promise<void> {
    const call = this.#calls.get(number);
    if (call === undefined) {
      queueMicrotask(() => this.#deliver({ jsonrpc: "2.0", id: message.id, error: { code: -32603, message: "The task is not followed any more" } }));
      return Promise.resolve();
    }
    const keys = call.round;
    call.round = [];
    call.id = message.id;
    this.#callById.set(message.id, call);
    this.#listen(call, options);
    const task = call.task === undefined ? undefined : this.#tasks.get(call.task);
    if (call.late !== undefined) {
      const late = call.late;
      queueMicrotask(() => this.#finish(call, late));
    } else if (task !== undefined && call.task !== undefined) {
      const number = call.task;
      const responses = own(params, "inputResponses");
      this.#run(() => {
        for (const key of keys) {
          const response = own(responses, key);
          if (response === undefined) {
            this.#report(new TaskError("protocol", `The input request "${key}" was not answered`, { taskId: task.id }));
            this.#requestor.noInput(number, key);
          } else {
            task.answers.set(key, response);
            this.#requestor.input(now(), number, key);
          }
        }
        this.#queued.add(task);
      });
    }
    return Promise.resolve();
  }

  // The host of the core.

  begin(task: number): void {
    const followed = this.#tasks.get(task);
    this.#assembler.begin((_kind, key) => followed?.answers.get(key));
  }

  sendCall(number: number, offer: boolean): void {
    const offered = this.#assembler.take();
    const call = this.#calls.get(number);
    if (call === undefined) return;
    let params = isObject(call.frame.params) ? call.frame.params : {};
    if (offer) params = merge(params, offered);
    else if (call.generation === 26) params = withoutExtension(params);
    if (call.generation === 26) call.envelope = own(params, "_meta");
    const again = call.reply !== undefined;
    if (again) this.#callById.set((call.wireId = ++this.#lastId), call);
    call.reply = undefined;
    this.#wait(call);
    const first = !call.handed;
    call.handed = true;
    const sent = this.#sendSafely({ ...call.frame, id: again ? call.wireId : call.id, params }, call.options);
    const failed = sent.catch((cause: unknown) => {
      this.#run(() => this.#requestor.unsent(number));
      if (!this.#calls.has(number)) return;
      if (!first) this.#deliver({ jsonrpc: "2.0", id: call.id, error: { code: -32603, message: String(cause), data: { reason: "connection" } } });
      this.#dropCall(call);
      if (first) throw cause;
    });
    if (first) call.sent = failed;
    else failed.catch(() => {});
  }

  #wait(call: Call): void {
    if (call.plan.impatient !== undefined) this.#shared.alarm.set(call.patience, now() + PATIENCE);
  }

  list(request: number, cursor: string | undefined): void {
    this.#send("tools/list", cursor === undefined ? {} : { cursor }, request, undefined);
  }

  ask(request: number, number: number, name: number): void {
    const params = this.#assembler.take();
    const task = this.#tasks.get(number);
    const method = this.#core.names[name] ?? "";
    // A task that is being resumed is known by its call alone, until it has been seen.
    const envelope = task === undefined ? this.#resuming(own(params, "taskId"))?.envelope : task.envelope;
    // One request of a kind waits, but for the outcome: an earlier answer to that counts too.
    if (method !== "tasks/result") for (const [id, open] of task?.open ?? []) if (open === method && task?.open.delete(id)) this.#requests.delete(id);
    this.#send(method, isObject(envelope) ? merge({ _meta: envelope }, params) : params, request, task);
  }

  #resuming(taskId: unknown): Call | undefined {
    return [...this.#calls.values()].find((call) => call.task === undefined && call.plan.resume?.taskId === taskId);
  }

  forward(call: number): void {
    this.#forwarding?.(call);
  }

  created(number: number, taskNumber: number): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    call.task = taskNumber;
    const task = this.#followed(taskNumber, call);
    task.calls.add(number);
    const { plan } = call;
    if (plan.created === undefined && this.#shared.ontask === undefined) return;
    const reference: TaskReference = {
      format: 1,
      taskId: task.id,
      tool: task.tool,
      generation: call.version as TaskReference["generation"],
      ...(this.#serverName() !== undefined && { server: this.#serverName() }),
    };
    const controls = {
      cancel: (awaitTerminal: boolean) => this.#cancel(taskNumber, awaitTerminal),
      detach: () => this.#run(() => this.#requestor.detach(now(), number)),
    };
    const handle = new Handle({ task, reference, controls, answer: plan.answer });
    for (const tell of [plan.created, this.#shared.ontask]) {
      try {
        tell?.(handle);
      } catch (cause) {
        this.#report(new TaskError("invalid_argument", "`ontask` threw", { cause, taskId: task.id }));
      }
    }
  }

  #followed(number: number, call: Call): FollowedTask {
    let task = this.#tasks.get(number);
    if (task === undefined) {
      const handle = isObject(call.reply?.result) ? handleOf(call.reply.result, call.generation) : undefined;
      const id = call.plan.resume?.taskId ?? String(own(handle, "taskId"));
      const meta = isObject(call.envelope) ? { ...call.envelope } : undefined;
      // The token belongs to the call.
      if (meta !== undefined) delete meta.progressToken;
      const about = { id, generation: call.generation, tool: wellFormed(own(call.frame.params, "name")), envelope: meta };
      task = new FollowedTask(about, (observers) => this.#run(() => this.#requestor.observers(now(), number, observers)));
      task.listed = this.#listed;
      this.#tasks.set(number, task);
    }
    return task;
  }

  #cancel(task: number, awaitTerminal: boolean): Promise<TaskStatus | undefined> {
    const waiter = ++this.#lastWaiter;
    return new Promise((resolve, reject) => {
      this.#waiters.set(waiter, (status, error) => (error === undefined ? resolve(status) : reject(error)));
      this.#run(() => this.#requestor.cancel(now(), waiter, task, awaitTerminal));
      if (this.#state !== "open") this.cancelled(waiter, NONE, 8);
    });
  }

  changed(number: number, payload: number): void {
    const task = this.#tasks.get(number);
    const snapshot = this.#kept.get(payload)?.snapshot;
    if (task !== undefined && snapshot !== undefined) task.show(snapshotView(snapshot, task.generation));
  }

  hold(number: number, payload: number): void {
    const task = this.#tasks.get(number);
    if (task !== undefined) task.held = rpcError(this.#kept.get(payload)?.error);
  }

  prompt(number: number, key: string, again: boolean): void {
    const task = this.#tasks.get(number);
    if (task === undefined) return;
    task.asked.set(key, textOf(own(task.listed, key)) ?? "");
    if (again) this.#report(new TaskError("protocol", `The server did not take the answer to the input request "${key}"; it is asked again`, { taskId: task.id }));
    if (this.client?.getProtocolEra !== undefined && this.client.request !== undefined && !this.#manual) void this.#promptThrough(this.client, number, task, key);
    else this.#enqueue(task, key);
  }

  withdraw(number: number, key: string): void {
    const task = this.#tasks.get(number);
    const prompt = task?.prompts.get(key);
    task?.prompts.delete(key);
    prompt?.abort();
    const queued = task?.queue.indexOf(key) ?? -1;
    if (queued >= 0) task?.queue.splice(queued, 1);
  }

  dropInput(number: number, key: string): void {
    this.#tasks.get(number)?.answers.delete(key);
  }

  report(number: number, key: string, problem: number): void {
    const texts = ["changed under its key", "asks for something unknown", "was answered twice and refused twice", "could not be answered: the answer cannot be sent"];
    const task = this.#tasks.get(number);
    this.#report(new TaskError("protocol", `The input request "${key}" ${texts[problem] ?? ""}`, { taskId: task?.id }));
  }

  ended(number: number, ending: number, status: number, payload: number): void {
    const local = this.#assembler.take() as unknown as RpcError;
    const task = this.#tasks.get(number);
    if (task === undefined) return;
    const shown = statusOf(status);
    if (shown !== undefined && shown !== task.snapshot.status) {
      // The message told of an earlier state.
      const { statusMessage: _, ...rest } = task.snapshot;
      task.show({ ...rest, status: shown });
    }
    const kept = this.#kept.get(payload);
    const code = codeOf(ending);
    let outcome: Outcome;
    if (code === undefined && isObject(kept?.result)) outcome = { result: kept.result };
    else if (code === "failed") {
      const message = task.snapshot.statusMessage;
      const unread = message === undefined ? local : { ...local, message };
      outcome = { error: (payload === 0 ? task.held : rpcError(kept?.error)) ?? unread, code };
    } else outcome = { error: local, code: code ?? "protocol" };
    task.settle(outcome);
  }

  answerReply(number: number): void {
    const call = this.#calls.get(number);
    if (call?.reply === undefined) return;
    call.plan.answered = true;
    this.#finish(call, call.reply);
  }

  answerOutcome(number: number, taskNumber: number): void {
    const call = this.#calls.get(number);
    const outcome = this.#tasks.get(taskNumber)?.outcome;
    if (call === undefined || outcome === undefined) return;
    if (outcome.error !== undefined) return this.#finish(call, { error: outcome.error as NonNullable<Message["error"]> });
    // Some servers leave the type of an inlined result out (G26-RES-03).
    const result = call.generation === 26 ? { ...outcome.result, resultType: "complete" } : (outcome.result ?? {});
    this.#finish(call, { result });
  }

  answerLocal(number: number, ending: number): void {
    const error = this.#assembler.take() as unknown as NonNullable<Message["error"]>;
    const call = this.#calls.get(number);
    if (call === undefined) return;
    call.plan.ending = ending;
    this.#finish(call, { error });
  }

  #finish(call: Call, answer: Partial<Message>): void {
    if (call.id === undefined) {
      call.late = answer;
      return;
    }
    this.#dropCall(call);
    const whole: Message = { ...answer, jsonrpc: "2.0", id: call.id };
    // The SDK is still handing the call over.
    if (call.handed) this.#deliver(whole);
    else queueMicrotask(() => this.#deliver(whole));
  }

  #dropCall(call: Call): void {
    this.#shared.alarm.set(call.patience, Infinity);
    this.#calls.delete(call.number);
    for (const id of [call.id, call.wireId]) if (this.#callById.get(id) === call) this.#callById.delete(id);
    if (call.task !== undefined) this.#tasks.get(call.task)?.calls.delete(call.number);
  }

  cancelled(waiter: number, status: number, error: number): void {
    const settle = this.#waiters.get(waiter);
    this.#waiters.delete(waiter);
    const code = error === NONE ? undefined : (codeOf(error) ?? "internal");
    settle?.(statusOf(status), code === undefined ? undefined : new TaskError(code, `The task was not cancelled: ${CANCEL_ERRORS[code] ?? code}`));
  }

  forget(number: number): void {
    const task = this.#tasks.get(number);
    for (const id of task?.open.keys() ?? []) this.#requests.delete(id);
    this.#tasks.delete(number);
  }

  // The core.

  #keep(kept: Kept): number {
    this.#kept.set(++this.#lastKept, kept);
    this.#keeping.push(this.#lastKept);
    return this.#lastKept;
  }
  #keeping: number[] = [];

  /** Gives the core an input and does what it wants. */
  #run(input: () => void, closing = false): void {
    if (this.#state === "broken" || (this.#state === "closed" && !closing)) return;
    const outer = this.#keeping;
    this.#keeping = [];
    try {
      if (clientCore.load() !== this.#core) throw new TaskError("internal", "The core of mcp-tasks was started anew; tasks of this connection can be resumed on another");
      input();
      this.#requestor.drain(this, this.#assembler);
      if (this.#queued.size > 0) this.#promptInCalls();
      if (this.#state === "open") this.#shared.alarm.set(this, this.#requestor.nextDeadline());
    } catch (cause) {
      this.#break(cause instanceof TaskError ? cause : clientCore.poison(this.#core, cause));
    } finally {
      for (const payload of this.#keeping) this.#kept.delete(payload);
      this.#keeping = outer;
    }
  }

  /** The core is lost, and with it what it knew about this connection's tasks. */
  #break(error: TaskError): void {
    if (this.#state === "broken") return;
    this.#state = "broken";
    this.#shared.alarm.set(this, Infinity);
    this.#report(error);
    const rpc = { code: -32603, message: error.message, data: { reason: "internal" } };
    for (const task of this.#tasks.values()) if (task.outcome === undefined) task.settle({ error: rpc, code: "internal" });
    for (const settle of this.#waiters.values()) settle(undefined, error);
    for (const call of [...this.#calls.values()]) if (call.task !== undefined || !call.handed) this.#finish(call, { error: rpc });
  }
}

const CANCEL_ERRORS: Readonly<Record<string, string>> = {
  unsupported: "the server does not offer to cancel tasks",
  protocol: "the server refused",
  unreachable: "the server did not answer",
  connection: "the connection is closed",
  detached: "it is not followed any more",
  not_found: "it has ended",
};

function withoutMark(params: Json, meta: unknown): Json {
  const { [PLAN]: _mark, ...rest } = isObject(meta) ? meta : {};
  const { _meta, ...others } = params;
  return Object.keys(rest).length === 0 ? others : { ...others, _meta: rest };
}

/** A caller that forbids tasks does not declare them, even if its client does. */
function withoutExtension(params: Json): Json {
  const extensions = own(params, "_meta", CLIENT_CAPABILITIES, "extensions");
  if (own(extensions, EXTENSION) === undefined) return params;
  const { [EXTENSION]: _extension, ...rest } = extensions as Json;
  const meta = params._meta as Json;
  return { ...params, _meta: { ...meta, [CLIENT_CAPABILITIES]: { ...(meta[CLIENT_CAPABILITIES] as Json), extensions: rest } } };
}

function rpcCode(error: unknown): number {
  const code = own(error, "code");
  return Number.isSafeInteger(code) && Math.abs(code as number) < 2 ** 31 ? (code as number) : -32603;
}

function rpcError(error: unknown): RpcError | undefined {
  return isRpcError(error) ? (error as RpcError) : undefined;
}

/** JSON text, or nothing where there is none: it nests too deep. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
