import { define } from "../assembler.ts";
import { fromWall } from "../clock.ts";
import type { Extra, Listener as TapListener, Message, SendOptions, TransportLike, Wire } from "../tap.ts";
import { inputKindOf } from "./asks.ts";
import { Call } from "./call.ts";
import { ALL_INPUT, CANCELLED, CAPABILITIES_META, EXTENSION, LONGEST_ID, RELATED_TASK, augmentation, bounded, cancelled, capabilityBits, creationKey, getOrMake, isDeeperThan, isObject, isWellFormed, metaOf, own, refusal, shapeOf, textOf, traceOf, versionHeader, versionOf } from "./facts.ts";
import { type Gate, RUN_META } from "./gate.ts";
import { PipeSubscriptions } from "./listen-pipe.ts";
import { isAuthorized, lapsesAt } from "./owner.ts";
import { DEEPEST } from "./payload.ts";
import { completePolicy } from "./policy.ts";
import type { Runtime } from "./runtime.ts";
import { LISTEN, generationOf } from "./subscription.ts";
import { isLeft, isOpen, leave } from "./streams.ts";
import * as core from "../wasm/generated/server.js";

/** How a message gets to the client: on the stream of a request, by its JSON-RPC id, or on the connection itself. */
export type Way = { readonly relatedRequestId?: unknown };

const LISTS = 1 << 8;
// What is wrong with a request, as the core is told.
const UNENVELOPED = 1;
const TOO_DEEP = 2;
const MALFORMED = 3;
// What a handler ended with, as the core is told.
const RESULT = 0;
const TOOL_FAILED = 1;
const ERROR = 2;
const NOT_JSON = 3;
const INPUT = 4;
const INPUT_WITH_STATE = 5;
/** The shortest time between two progress messages of a task, in ms. */
const PACE = 50;
/** How many ended tasks of a connection, and how many requests that wait for the SDK's answer, are kept in mind. */
const REMEMBERED = 1024;
/** What is longer is none of ours: names of tools, keys of input, cursors; and the most answers that one request gives. */
const LONGEST_TOOL_NAME = 1024;
const LONGEST_KEY = 512;
const LONGEST_CURSOR = 1024;
const LONGEST_MESSAGE = 4096;
const MOST_ANSWERS = 10_000;
const UNKNOWN_TOOL = completePolicy("", { task: "always" });

/** One connection of an SDK server: what passes in either direction is shown to the core first. */
export class Listener implements TapListener {
  readonly #runtime: Runtime;
  readonly #wire: Wire;
  readonly #transport: TransportLike;
  readonly #gate: Gate;
  /** The client reads this connection as one stream. */
  readonly #pipe: boolean;
  /** The generation that the handshake on this connection settled; `undefined` before, 0 for none with tasks. */
  #negotiated: number | undefined;
  #capabilities: number | undefined;
  /** What tasks put over the members of a result on its way out, by the JSON-RPC id of its request. */
  readonly #completions = new Map<unknown, (result: Record<string, unknown>) => object | false | undefined>();
  /** Calls by the id under which the SDK knows them. */
  readonly #calls = new Map<unknown, Call>();
  /** The ids under which the SDK knew calls whose tasks have ended. */
  readonly #ended = new Set<unknown>();
  /** Requests of the SDK's own that tasks took over, by JSON-RPC id. */
  readonly #asks = new Map<unknown, number>();
  /** Blocked `tasks/*` requests, by JSON-RPC id. */
  readonly #pending = new Map<unknown, number>();
  /** Peers of the core, by owner; nearly always one. */
  #peers = new Map<string | undefined, number>();
  /** Subscriptions, where they pass this connection. */
  readonly #subscriptions: PipeSubscriptions | undefined;
  #closed = false;

  constructor(runtime: Runtime, wire: Wire, transport: TransportLike, gate: Gate) {
    this.#runtime = runtime;
    this.#wire = wire;
    this.#transport = transport;
    this.#gate = gate;
    this.#pipe = !("handleRequest" in transport || "handleMessage" in transport);
    this.#subscriptions = this.#pipe ? new PipeSubscriptions(runtime, wire, () => transport.sessionId) : undefined;
  }

  inbound(received: Message, extra: Extra): void {
    // Its client left before the transport handed it over: nobody hears an answer, and nothing would close once more.
    if (this.#closed) return;
    try {
      this.#inbound(received, extra);
    } catch (error) {
      // The request is answered; an entry that hears of the error would answer again.
      if (!this.#runtime.isTrap(error)) throw error;
    }
  }

  #inbound(received: Message, extra: Extra): void {
    this.#runtime.refresh();
    const message = withoutMalformedKey(received);
    if (message.id !== undefined && message.method !== undefined) {
      this.#ended.delete(message.id);
      if (this.#pending.has(message.id)) this.#giveUpForStranger(message.id, extra);
    }
    if (message.method === undefined) return this.#response(message, extra);
    if (message.id === undefined) return this.#notification(message, extra);
    const { method } = message;
    if (method === LISTEN && this.#subscriptions?.inbound(message, extra) === true) return;
    if (method === "tools/call") return this.#call(message, extra);
    if (method.startsWith("tasks/")) return this.#taskRequest(message, extra);
    this.#note(message, extra);
    this.#wire.deliver(this.#plain(message), extra);
  }

  outbound(message: Message, options: SendOptions): Promise<void> {
    if (this.#subscriptions?.outbound(message) === true) return Promise.resolve();
    if (message.method === undefined) return this.#answerOfSdk(message, options);
    const related = options?.relatedRequestId;
    const call = related === undefined ? undefined : this.#calls.get(related);
    if (call === undefined && this.#ended.has(related)) {
      // A handler goes on after its task has ended: its client hears no more of it (G25-PRG-02).
      if (message.id !== undefined) this.refuseOwn(message.id, "The task has ended.");
      return Promise.resolve();
    }
    if (message.id !== undefined) return this.#requestOfHandler(message, options, call ?? (related === undefined ? this.#onlyTask() : undefined));
    return this.#notificationOfHandler(message, options, call);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of [...this.#calls.values()]) {
      // A call that nobody heard of as a task ends with its connection (G26-HTT-07); a task goes on (X-STO-08).
      if (call.taskId === undefined) this.#runtime.enter(core.dropped, call.number, true);
    }
    for (const number of this.#pending.values()) this.#runtime.requests.delete(number);
    this.#pending.clear();
    this.#subscriptions?.closed();
    const running = [...this.#calls.values()].some((call) => call.taskId !== undefined);
    // The core still needs the peer of a running task, to know whose it is.
    if (running) for (const peer of this.#peers.values()) this.#runtime.gone(peer);
    else this.#closePeers();
    if (this.#calls.size === 0) this.#wire.closed();
  }

  /** Sends the answer to a request of the client's. */
  answer(message: Message): void {
    if (this.#pending.size > 0) this.#pending.delete(message.id);
    this.#send(message, undefined);
  }

  /** Hands a call to the SDK, with the mark by which its handler finds the task. */
  forward(call: Call): void {
    const message = withMeta({ ...call.message, id: call.sdkId }, RUN_META, String(call.number));
    if (call.generation === 25) delete message.params["task"];
    this.#calls.set(call.sdkId, call);
    this.#gate.wrap(String(message.params["name"]));
    this.#wire.deliver(message, call.extra);
  }

  /** The core no longer needs the call. */
  ended(call: Call): void {
    if (this.#calls.get(call.sdkId) === call) this.#calls.delete(call.sdkId);
    call.unsent = undefined;
    if (call.taskId !== undefined) {
      this.#runtime.unheard.delete(call.taskId);
      this.#rememberEnd(call.sdkId);
    }
    if (!this.#closed || this.#calls.size > 0) return;
    this.#closePeers();
    this.#wire.closed();
  }

  #closePeers(): void {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    for (const peer of peers) this.#runtime.close(peer);
  }

  /**
   * Ends the stream of a request without an answer, or where it has none, the connection: its client is to ask again, and
   * perhaps another server (X-STO-11).
   */
  hangUp(id: unknown): void {
    this.#pending.delete(id);
    if (this.#pipe || !leave(this.#transport, id)) this.close();
  }

  close(): void {
    this.#transport.close().catch(this.#runtime.unsent);
  }

  /** Stops the handler as the SDK would if the client cancelled the request. */
  cancelHandler(call: Call): void {
    this.#wire.deliver(cancelled(call.sdkId, "The task has ended"), call.extra);
  }

  /** Sends a message of a task's to the client, marked with the task (G25-INP-02, G25-REL-01). */
  sendForTask(call: Call, message: Message, way: Way): void {
    this.#send(withMeta(message, RELATED_TASK, { taskId: call.taskId }), way);
  }

  /** Sends a task's status to its requestor, on the stream of one request, on the connection, or nowhere (G25-NTF-04). */
  tellRequestor(news: Message, stream: { readonly listener: Listener; readonly message: Message } | undefined): void {
    const listener = stream?.listener ?? this;
    const way = listener.way(stream?.message.id);
    if (way !== undefined) listener.#send(news, way);
  }

  /** Whether a request that waited for its task still speaks for the task's owner (H33). */
  stillSpeaks({ message, extra, owner }: { readonly message: Message; readonly extra: Extra; readonly owner: string }): boolean {
    return message.method !== "tasks/result" || !this.#pending.has(message.id) || isAuthorized(this.#runtime, extra, owner, this.#transport.sessionId);
  }

  /** Whether a message can go to the client now: on the stream of the request `on`, or, for `undefined`, on the connection. */
  carries(on: unknown): boolean {
    return !this.#closed && (this.#pipe || isOpen(this.#transport, on));
  }

  /** How a message gets to the client now: on the stream of the request `on`, else on the connection; `undefined` where neither carries it. */
  way(on: unknown): Way | undefined {
    if (on !== undefined && this.carries(on)) return { relatedRequestId: on };
    return this.carries(undefined) ? {} : undefined;
  }

  /** Whether the client has left the stream of one of its requests. */
  isLeft(id: unknown): boolean {
    return !this.#pipe && isLeft(this.#transport, id);
  }

  /** Gives an answer to the SDK handler that waits for it. */
  deliverAnswer(message: Message, extra: Extra): void {
    this.#asks.delete(message.id);
    this.#wire.deliver(message, extra);
  }

  /** Rejects a request of the SDK's own. */
  refuseOwn(id: unknown, message: string): void {
    this.#asks.delete(id);
    this.#wire.deliver(refusal(id, message));
  }

  #response(message: Message, extra: Extra): void {
    if (!this.#runtime.asks.claim(message, extra, this.#ownerOf(extra))) this.#wire.deliver(message, extra);
  }

  #notification(message: Message, extra: Extra): void {
    if (message.method !== CANCELLED) return this.#wire.deliver(message, extra);
    if (this.#subscriptions?.inbound(message, extra) === true) return;
    const id = own(message.params, "requestId");
    // The SDK answers nothing to a request that it cancels.
    this.#completions.delete(id);
    const waiting = this.#pending.get(id);
    // Only the request ends, never the task (G25-RES-10, G26-CAN-08).
    if (waiting !== undefined) return this.#endWait(id, waiting);
    const call = [...this.#calls.values()].findLast((candidate) => candidate.message.id === id);
    if (call === undefined) return this.#wire.deliver(message, extra);
    if (this.#runtime.enter(core.dropped, call.number, false)) {
      this.#wire.deliver({ ...message, params: { ...message.params, requestId: call.sdkId } }, extra);
    }
  }

  /** Nobody waits any longer for the answer to a request. */
  #endWait(id: unknown, number: number): void {
    this.#pending.delete(id);
    this.#runtime.requests.delete(number);
    this.#runtime.enter(core.waitEnded, number);
  }

  #call(message: Message, extra: Extra): void {
    const generation = this.#generationOf(message, extra);
    const params = message.params;
    const name = textOf(params, "name");
    const meta = own(params, "_meta");
    const clean = isObject(meta) && RUN_META in meta ? withoutMark(message, meta) : message;
    if (generation === 0 || name === undefined) return this.#wire.deliver(this.#plain(clean), extra);
    const runtime = this.#runtime;
    // The SDK refuses a name it does not know, before any handler; until then nothing is known against a task.
    const policy = this.#gate.mayKnow(name) ? runtime.policies.of(name) : UNKNOWN_TOOL;
    if (own(params, "task") === undefined && runtime.isPlain(policy, generation, this.#declared(message, generation))) {
      return this.#wire.deliver(clean, extra);
    }
    if (name.length > LONGEST_TOOL_NAME) {
      this.#send(refusal(message.id, `The name of the tool has more than ${LONGEST_TOOL_NAME} characters`, -32602), undefined);
      return;
    }
    const { peer, flags } = this.#facts(message, extra, generation);
    if (isDeeperThan(params, DEEPEST)) {
      return runtime.enter(core.request, this.#await(message, extra, peer), peer, generation, flags, "", undefined, TOO_DEEP);
    }
    const number = runtime.next();
    // Ids come back while a task still runs under them: on one stream the SDK gets another (2026-07-28). SDK v1 cannot
    // cancel a request whose id is 0 or empty (H37).
    const another = (this.#pipe && generation === 26) || this.#calls.has(message.id) || message.id === 0 || message.id === "";
    const sdkId = another ? `mcp-tasks/call/${number}` : message.id;
    const call = new Call(number, this, peer, generation, flags, clean, extra, sdkId);
    runtime.calls.set(number, call);
    runtime.requests.set(number, call);
    // Its caller may give it up, or go, before the SDK hears of it (G25-CAN-09).
    this.#calls.set(sdkId, call);
    runtime.enter((receiver, now) =>
      core.call(
        receiver,
        now,
        number,
        peer,
        generation,
        flags,
        name,
        runtime.policyNumber(policy),
        generation === 25 ? augmentation(own(params, "task")) : -3,
        this.#gate.isThere,
        traceOf(meta) || runtime.activeTrace(),
        creationKey(meta),
      ),
    );
  }

  /**
   * A request comes under the id of one that waits. The SDK's transport sends answers where the latest request with their id
   * came from: if that is another owner's, nothing more is answered to the one that waits (X-SEC-01).
   */
  #giveUpForStranger(id: unknown, extra: Extra): void {
    const waiting = this.#pending.get(id) as number;
    if (this.#runtime.requests.get(waiting)?.peer !== this.#peers.get(this.#ownerOf(extra))) this.#endWait(id, waiting);
  }

  /** Keeps a request until it is answered; its number in the core. */
  #await(message: Message, extra: Extra, peer: number, kept = false, owner = "", taskId = ""): number {
    const number = this.#runtime.next();
    // A request that waits is held as long as its task runs: what nobody reads is not.
    const held: Message = kept ? message : { jsonrpc: "2.0", id: message.id, ...(message.method !== undefined && { method: message.method }) };
    this.#runtime.requests.set(number, { listener: this, peer, message: held, extra, owner, taskId, kept });
    return number;
  }

  #taskRequest(message: Message, extra: Extra): void {
    const runtime = this.#runtime;
    const generation = this.#generationOf(message, extra) || this.#modernWithoutEnvelope();
    if (generation === 0) return this.#wire.deliver(message, extra);
    const { params } = message;
    const { peer, flags, owner } = this.#facts(message, extra, generation);
    const update = generation === 26 && message.method === "tasks/update";
    const id = own(params, "taskId");
    const taskId = isWellFormed(id) ? bounded(id, LONGEST_ID) : "";
    const number = this.#await(message, extra, peer, update, owner, taskId);
    if (taskId !== "" && generation === 25) runtime.asks.recall(taskId);
    runtime.enter((receiver, now) => {
      let text: string | undefined = taskId;
      let fault = 0;
      if (generation === 26 && (versionOf(message) === undefined || !isObject(metaOf(message, CAPABILITIES_META)))) fault = UNENVELOPED;
      else if (update) {
        const answers = own(params, "inputResponses");
        const keys = isObject(answers) ? Object.keys(answers) : [];
        if (!isObject(answers) || keys.length > MOST_ANSWERS || isDeeperThan(answers, DEEPEST)) fault = MALFORMED;
        else for (const key of keys) core.name(receiver, bounded(key, LONGEST_KEY), shapeOf(answers[key]));
      } else if (message.method === "tasks/list") {
        const cursor = own(params, "cursor");
        text = isWellFormed(cursor) ? bounded(cursor, LONGEST_CURSOR) : undefined;
        if (cursor !== undefined && text === undefined) fault = MALFORMED;
      }
      core.request(receiver, now, number, peer, generation, flags, bounded(message.method ?? "", LONGEST_ID), text, fault);
    });
    const unheard = runtime.unheard.get(taskId);
    if (unheard !== undefined) {
      // Perhaps somebody listens now.
      runtime.unheard.delete(taskId);
      unheard.listener.tellProgress(unheard);
    }
    // A store that answers at once leaves nothing to wait for.
    if (!runtime.requests.has(number)) return;
    this.#pending.set(message.id, number);
    const lapse = message.method === "tasks/result" ? lapsesAt(extra) : Number.NaN;
    if (!Number.isNaN(lapse)) runtime.enter((receiver) => core.lapsesAt(receiver, number, fromWall(lapse)));
  }

  /** Remembers a request whose answer says what this server can do. */
  #note(message: Message, extra: Extra): void {
    if (message.method === "initialize") {
      this.#capabilities = capabilityBits(own(message.params, "capabilities"));
      const lists = this.#runtime.lists(this.#ownerOf(extra), this.#pipe);
      this.#completions.set(message.id, (result) => this.#initialized(result, lists));
    } else if (message.method === "server/discover") {
      if (this.#runtime.speaks(26)) this.#completions.set(message.id, discovered);
    } else if (message.method === "tools/list" && this.#generationOf(message, extra) === 25) {
      this.#completions.set(message.id, ({ tools }) => Array.isArray(tools) && { tools: tools.map((tool) => this.#describeTool(tool)) });
    }
    // Some are never answered, because their stream is gone or their handler never ends.
    if (this.#completions.size > REMEMBERED) for (const oldest of this.#completions.keys()) return void this.#completions.delete(oldest);
  }

  #answerOfSdk(message: Message, options: SendOptions): Promise<void> {
    const call = this.#calls.get(message.id);
    if (call !== undefined) {
      this.#outcome(call, message);
      return Promise.resolve();
    }
    const complete = this.#completions.get(message.id);
    this.#completions.delete(message.id);
    if (complete !== undefined && message.result !== undefined) message.result = { ...message.result, ...complete(message.result) };
    return this.#wire.send(message, options);
  }

  /** Hands an outcome over again, to a core that was started anew. */
  repeatOutcome(call: Call): void {
    if (call.outcome === undefined || call.handovers > 2) return;
    try {
      this.#outcome(call, call.outcome);
    } catch {
      // The core was started anew once more, and has said so.
    }
  }

  #outcome(call: Call, message: Message): void {
    // The last progress still comes before the end.
    this.tellProgress(call);
    this.#runtime.enter((receiver, now) => {
      // One that was there at two traps is not handed over a third time.
      const writable = call.end(message) && ++call.handovers <= 2;
      const size = call.outcomeText?.length ?? 0;
      const result = message.result;
      let how = NOT_JSON;
      if (own(result, "resultType") === "input_required") {
        const asked = own(result, "inputRequests");
        for (const name of isObject(asked) ? Object.keys(asked) : []) core.name(receiver, name, inputKindOf((asked as Record<string, Message>)[name] as Message));
        how = textOf(result, "requestState") === undefined ? INPUT : INPUT_WITH_STATE;
      } else if (writable) {
        how = result === undefined ? ERROR : own(result, "isError") === true ? TOOL_FAILED : RESULT;
        // Hosts show the status message of a failed task, and few of them fetch its result (G25-GET-05).
        const said = how === RESULT || !this.#runtime.statesMayQuote ? undefined : saidBy(message);
        if (said !== undefined) core.name(receiver, bounded(said, LONGEST_MESSAGE), 0);
      }
      core.ended(receiver, now, call.number, how, size, message.error?.code ?? Number.NaN);
    });
  }

  #initialized(result: Record<string, unknown>, lists: boolean): object | undefined {
    this.#negotiated = this.#spoken(generationOf(own(result, "protocolVersion")));
    if (this.#negotiated !== 25) return undefined;
    return { capabilities: { ...(own(result, "capabilities") as object), tasks: this.#runtime.capabilities(lists) } };
  }

  #describeTool(tool: unknown): unknown {
    const name = textOf(tool, "name");
    if (!isObject(tool) || name === undefined || this.#gate.runsTasksItself(name)) return tool;
    const { support } = this.#runtime.policies.of(name);
    return { ...tool, execution: { ...(own(tool, "execution") as Record<string, unknown> | undefined), taskSupport: support } };
  }

  /** A handler asks the client: as a task, through the core. */
  #requestOfHandler(message: Message, options: SendOptions, call: Call | undefined): Promise<void> {
    const runtime = this.#runtime;
    const kind = inputKindOf(message);
    if (call === undefined || kind === 255) return this.#wire.send(message, this.#translate(options, call));
    const number = runtime.next();
    runtime.asks.all.set(number, { call, message, own: this, settle: undefined });
    this.#asks.set(message.id, number);
    const taken = runtime.enter(core.ask, call.number, number, "input", kind, true);
    if (taken) return Promise.resolve();
    runtime.asks.all.delete(number);
    this.#asks.delete(message.id);
    return this.#wire.send(message, this.#translate(options, call));
  }

  #notificationOfHandler(message: Message, options: SendOptions, call: Call | undefined): Promise<void> {
    const runtime = this.#runtime;
    if (message.method === CANCELLED) {
      const id = own(message.params, "requestId");
      const ask = this.#asks.get(id);
      if (ask === undefined) return this.#wire.send(message, this.#translate(options, call));
      this.#asks.delete(id);
      runtime.asks.givenUp(ask);
      return Promise.resolve();
    }
    if (call === undefined) return this.#wire.send(message, options);
    const route = core.route(runtime.receiver, call.number);
    if (route === -1) return this.#wire.send(message, this.#translate(options, call));
    const progress = message.method === "notifications/progress";
    if (progress) {
      const text = textOf(message.params, "message");
      // 2026-07-28 has no progress of a task; its text becomes the status message.
      if (call.generation === 26 && text !== undefined) runtime.enter(core.note, call.number, text);
      const value = own(message.params, "progress");
      // A caller that gave no token wants no progress.
      if (own(message.params, "progressToken") === undefined || typeof value !== "number" || !(value > call.progress)) return Promise.resolve();
      call.progress = value;
    }
    if (!progress) this.#tell(call, message);
    else if (route !== -3) {
      call.unsent = message;
      if (!call.paced) this.tellProgress(call);
    }
    return Promise.resolve();
  }

  /** Sends the latest progress of a task that was not sent, and no other for a moment. */
  tellProgress(call: Call): void {
    const message = call.unsent;
    if (message === undefined) return;
    if (!this.#tell(call, message)) return void this.#runtime.unheard.set(call.taskId, call);
    call.unsent = undefined;
    call.paced = true;
    const timer = setTimeout(() => {
      call.paced = false;
      this.tellProgress(call);
    }, PACE);
    (timer as { unref?: () => void }).unref?.();
  }

  /** Sends a task's message where its client listens; says whether it does. Nothing else is kept for later (H74). */
  #tell(call: Call, message: Message): boolean {
    const route = core.route(this.#runtime.receiver, call.number);
    if (route === -1 || route === -3) return false;
    const stream = route === -2 ? undefined : this.#runtime.requests.get(route);
    if (stream !== undefined && !stream.listener.stillSpeaks(stream)) {
      this.#runtime.enter(core.lapse, route);
      return false;
    }
    const listener = stream?.listener ?? this;
    const way = listener.way(stream?.message.id);
    if (way !== undefined) listener.sendForTask(call, message, way);
    return way !== undefined;
  }

  /** Remembers for a while which calls were tasks that have ended; ids do not come back in 2025-11-25. */
  #rememberEnd(sdkId: unknown): void {
    this.#ended.add(sdkId);
    if (this.#ended.size > REMEMBERED) for (const oldest of this.#ended) return void this.#ended.delete(oldest);
  }

  /** The one task that runs on this connection: whose request it is when a handler does not say. */
  #onlyTask(): Call | undefined {
    let only: Call | undefined;
    for (const call of this.#calls.values()) {
      if (only !== undefined) return undefined;
      only = call;
    }
    return only?.taskId === undefined ? undefined : only;
  }

  #translate(options: SendOptions, call: Call | undefined): SendOptions {
    return call === undefined || call.sdkId === call.message.id ? options : { ...options, relatedRequestId: call.message.id };
  }

  #generationOf(message: Message, extra: Extra): number {
    const version = versionOf(message);
    if (typeof version === "string") return generationOf(version) === 26 ? this.#spoken(26) : 0;
    return this.#negotiated ?? (generationOf(versionHeader(extra)) === 25 ? this.#spoken(25) : 0);
  }

  /** The generation, or 0 where this server has no tasks in it. */
  #spoken(generation: number): number {
    return this.#runtime.speaks(generation) ? generation : 0;
  }

  /** The message without a `task` that means nothing here; SDK v1 fails on one that it does not expect (G25-CAP-05, G25-CRE-12). */
  #plain(message: Message): Message {
    const { params } = message;
    if (own(params, "task") === undefined || typeof versionOf(message) === "string" || this.#gate.hasOwnTasks) return message;
    const name = textOf(params, "name");
    if (message.method === "tools/call" && name !== undefined && this.#gate.runsTasksItself(name)) return message;
    const { task: _task, ...rest } = params as Record<string, unknown>;
    return { ...message, params: rest };
  }

  /** A request on a connection of 2026-07-28 that does not say so itself; the core refuses it. */
  #modernWithoutEnvelope(): number {
    return generationOf(this.#gate.negotiatedVersion()) === 26 ? this.#spoken(26) : 0;
  }

  /** What the client declared, as the core's bits. */
  #declared(message: Message, generation: number): number {
    return generation === 26 ? capabilityBits(metaOf(message, CAPABILITIES_META)) : (this.#capabilities ?? ALL_INPUT);
  }

  #facts(message: Message, extra: Extra, generation: number): { peer: number; flags: number; owner: string | undefined } {
    const owner = this.#ownerOf(extra);
    const peer = getOrMake(this.#peers, owner, () => this.#runtime.open(owner, this.#pipe));
    this.#runtime.heard(peer, this, extra);
    return { peer, flags: this.#declared(message, generation) | (this.#runtime.lists(owner, this.#pipe) ? LISTS : 0), owner };
  }

  #send(message: Message, options: SendOptions): void {
    this.#wire.send(message, options).catch(this.#runtime.unsent);
  }

  #ownerOf(extra: Extra): string | undefined {
    return this.#runtime.ownerOf(extra, this.#transport.sessionId);
  }
}

/** The message with something more in its `_meta`. */
function withMeta(message: Message, key: string, value: unknown): Message & { params: Record<string, unknown> } {
  const meta = { ...(own(message.params, "_meta") as Record<string, unknown> | undefined), [key]: value };
  return { ...message, params: { ...message.params, _meta: meta } };
}

/** What a failure says of itself: the first text of a result, the message of an error. */
function saidBy({ result, error }: Message): string | undefined {
  if (result === undefined) return textOf(error, "message");
  const content = own(result, "content");
  return textOf(Array.isArray(content) ? content.find((block) => textOf(block, "text") !== undefined) : undefined, "text");
}

/** What the answer to `server/discover` says of tasks. */
function discovered(result: Record<string, unknown>): object {
  const { tasks: _tasks, ...capabilities } = { ...(own(result, "capabilities") as Record<string, unknown>) };
  const extensions = { ...(own(capabilities, "extensions") as Record<string, unknown> | undefined) };
  define(extensions, EXTENSION, {});
  return { capabilities: { ...capabilities, extensions } };
}

/** A message without the mark that only this package may set. */
function withoutMark(message: Message, meta: Record<string, unknown>): Message {
  const { [RUN_META]: _mark, ...clean } = meta;
  return { ...message, params: { ...message.params, _meta: clean } };
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
