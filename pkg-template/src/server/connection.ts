import { define } from "../assembler.ts";
import { fromWall } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { Extra, Listener, Message, SendOptions, TransportLike, Wire } from "../tap.ts";
import { NOT_SENDABLE, inputKindOf, isSendable } from "./input.ts";
import {
  DEEPEST,
  LONGEST_CURSOR,
  LONGEST_ID,
  LONGEST_KEY,
  LONGEST_MESSAGE,
  LONGEST_TOOL_NAME,
  MOST_ANSWERS,
  bounded,
  isDeeperThan,
} from "./bounds.ts";
import { Call } from "./call.ts";
import {
  ALL_INPUT,
  CANCELLED,
  CAPABILITIES_META,
  EXTENSION,
  RELATED_TASK,
  augmentation,
  cancelled,
  capabilityBits,
  creationKey,
  getOrMake,
  isObject,
  isWellFormed,
  metaOf,
  own,
  refusal,
  shapeOf,
  textOf,
  traceOf,
  versionHeader,
  versionOf,
} from "./facts.ts";
import type { Gate } from "./gate.ts";
import { isLongerThan, longestOutcome, tooLong } from "./line.ts";
import { Numbers, OWN_IDS } from "../numbers.ts";
import { PipeSubscriptions } from "./listen-pipe.ts";
import { isAuthorized, lapsesAt } from "./owner.ts";
import { LARGEST, completePolicy } from "./policy.ts";
import type { Entry, Runtime } from "./runtime.ts";
import { LISTEN, generationOf } from "./subscription.ts";
import { currentCall, knowsCalls, runFor } from "./scope.ts";
import { type Origin, Streams } from "./streams.ts";
import * as core from "../wasm/generated/server.js";

/** How a message gets to the client: on the stream of one of its requests, or on the connection itself. */
export interface Route {
  readonly on: Origin | undefined;
}

/** A request that the SDK answers, where its answer is not to go out as it is. */
interface Passing extends Origin {
  readonly complete: ((result: Record<string, unknown>) => object | false | undefined) | undefined;
  /** What came with it: whose it is. */
  readonly extra: Extra;
}

/** What the ids of requests begin with that the SDK knows by an id of ours. */
const OURS = "mcp-longhaul/";

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
const UNKNOWN_TOOL = completePolicy("", { task: "always" });

/** One connection of an SDK server: what passes in either direction is shown to the core first. */
export class Connection implements Listener {
  readonly #runtime: Runtime;
  readonly #wire: Wire;
  readonly #transport: TransportLike;
  readonly #gate: Gate;
  /** The client reads this connection as one stream. */
  readonly #pipe: boolean;
  /** The longest outcome that goes through here, in bytes. */
  readonly #longest: number;
  /** The generation that the handshake on this connection settled; `undefined` before, 0 for none with tasks. */
  #negotiated: number | undefined;
  #capabilities: number | undefined;
  /** Requests on their way through the SDK that are no calls of ours, by the id under which the SDK knows them. */
  readonly #passing = new Map<unknown, Passing>();
  /** The streams of a transport that has several. */
  readonly #streams: Streams | undefined;
  /** Calls by the id under which the SDK knows them. */
  readonly #calls = new Map<unknown, Call>();
  /** The ids under which the SDK knew calls whose tasks have ended. */
  readonly #ended = new Set<unknown>();
  /** Input requests that went out here, by JSON-RPC id. */
  readonly #askIds = new Map<number, number>();
  readonly #askNumbers = new Numbers((id) => this.#askIds.has(id), OWN_IDS);
  /** Requests of the SDK's own that tasks took over, by JSON-RPC id. */
  readonly #asks = new Map<unknown, number>();
  /** Blocked `tasks/*` requests, with their numbers in the core. */
  readonly #pending = new Map<Entry, number>();
  /** Peers of the core, by owner; nearly always one. */
  #peers = new Map<string | undefined, number>();
  /** Subscriptions, where they pass this connection. */
  readonly #subscriptions: PipeSubscriptions | undefined;
  #closed = false;
  /** The request that is being taken in, and whether somebody has it who answers it. */
  #arriving: { readonly id: unknown; isAnswered: boolean } | undefined;

  constructor(runtime: Runtime, wire: Wire, transport: TransportLike, gate: Gate) {
    this.#runtime = runtime;
    this.#wire = wire;
    this.#transport = transport;
    this.#gate = gate;
    this.#longest = runtime.limitsResults ? Infinity : longestOutcome(transport);
    this.#pipe = !("handleRequest" in transport || "handleMessage" in transport);
    if (!this.#pipe) {
      const isSole = (owner: string | undefined): boolean => [...this.#peers.keys()].every((known) => known === owner);
      this.#streams = new Streams(transport, (extra) => this.#ownerOf(extra), isSole);
    }
    this.#subscriptions = this.#pipe ? new PipeSubscriptions(runtime, wire, () => transport.sessionId) : undefined;
  }

  /** Never throws: an entry that hears of an error answers it in its own way, or ends the process. */
  inbound(received: Message, extra: Extra): void {
    // Its client left before the transport handed it over: nobody hears an answer, and nothing would close once more.
    if (this.#closed) return;
    const outer = this.#arriving;
    const arriving = (this.#arriving = {
      id: received.id,
      isAnswered: received.id === undefined || received.method === undefined,
    });
    try {
      // A client in this process may send from within a handler, whose work this is not.
      if (currentCall() === undefined) this.#inbound(received, extra);
      else runFor(undefined, () => this.#inbound(received, extra));
    } catch (error) {
      this.#runtime.failed(error);
      // Whatever happens inside, a request has its answer.
      if (!arriving.isAnswered) this.#send(refusal(received.id, "Internal error; try again"), undefined);
    } finally {
      this.#arriving = outer;
    }
  }

  #inbound(received: Message, extra: Extra): void {
    this.#runtime.refresh();
    const message = withoutMalformedKey(received);
    if (message.method === undefined) return this.#response(message, extra);
    if (message.id === undefined) return this.#notification(message, extra);
    const { method } = message;
    if (method === LISTEN && this.#subscriptions?.inbound(message, extra) === true) return;
    if (method === "tools/call") return this.#call(message, extra);
    if (method.startsWith("tasks/")) return this.#taskRequest(message, extra);
    this.#pass(message, extra, this.#completion(message, extra));
  }

  outbound(message: Message, options: SendOptions): Promise<void> {
    try {
      return this.#outbound(message, options);
    } catch (error) {
      this.#runtime.failed(error);
      const call = message.method === undefined ? this.#calls.get(message.id) : undefined;
      if (call !== undefined) this.#fail(call);
      return Promise.reject(
        error instanceof Error ? error : new TaskError("internal", "A message could not be handled.", { cause: error }),
      );
    }
  }

  #outbound(message: Message, options: SendOptions): Promise<void> {
    if (this.#subscriptions?.outbound(message) === true) return Promise.resolve();
    if (message.method === undefined) return this.#answerOfSdk(message, options);
    const related = options?.relatedRequestId;
    const call = related === undefined ? undefined : this.#calls.get(related);
    if (call === undefined && this.#ended.has(related)) {
      // A handler goes on after its task has ended: its client hears no more of it (G25-PRG-02).
      if (message.id !== undefined) this.refuseOwn(message.id, "The task has ended.");
      return Promise.resolve();
    }
    if (message.id !== undefined)
      return this.#requestOfHandler(
        message,
        options,
        call ?? (related === undefined ? this.#workingCall() : undefined),
      );
    return this.#notificationOfHandler(message, options, call);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of [...this.#calls.values()]) {
      // A call that nobody heard of as a task ends with its connection (G26-HTT-07); a task goes on (X-STO-08).
      if (call.taskId === undefined) this.#runtime.enterAlone(core.dropped, call.number, true);
    }
    for (const number of this.#pending.values()) this.#runtime.requests.delete(number);
    this.#pending.clear();
    this.#passing.clear();
    this.#subscriptions?.closed();
    const running = [...this.#calls.values()].some((call) => call.taskId !== undefined);
    // The core still needs the peer of a running task, to know whose it is.
    if (running) for (const peer of this.#peers.values()) this.#runtime.gone(peer);
    else this.#closePeers();
    if (this.#calls.size === 0) this.#tellClosed();
  }

  /** Tells the SDK that the transport has closed; the core may be at work, and must not hear of what the SDK throws. */
  #tellClosed(): void {
    try {
      this.#wire.closed();
    } catch (error) {
      this.#runtime.failed(error);
    }
  }

  /** Sends an answer with a payload whose text is `length` long, if the transport carries it. */
  answerWith(message: Message, entry: Entry, length: number): void {
    const isLong = length * 3 > this.#longest && isLongerThan(JSON.stringify(message), this.#longest);
    this.answer(isLong ? tooLong(message) : message, entry);
  }

  /** Sends the answer to a request of the client's. */
  answer(message: Message, entry: Entry): void {
    this.#pending.delete(entry);
    const arriving = this.#arriving;
    if (arriving !== undefined && arriving.id === entry.id) arriving.isAnswered = true;
    // Where its stream is gone, another's must not carry it.
    if (this.#streams?.lead(entry) !== false) this.#send({ ...message, id: entry.id }, undefined);
  }

  /** Hands a call to the SDK, under the id by which its handler finds the task. */
  forward(call: Call): void {
    const params = { ...call.message.params };
    if (call.generation === 25) delete params["task"];
    this.#calls.set(call.sdkId, call);
    try {
      this.#gate.wrap(String(params["name"]));
      runFor(call.work, () => this.#wire.deliver({ ...call.message, id: call.sdkId, params }, call.extra));
    } catch (error) {
      // The core is at work here, and must not hear of it.
      this.#runtime.failed(error);
      this.#fail(call);
    }
  }

  /** Ends a call whose answer could not be handled. */
  #fail(call: Call): void {
    try {
      this.#outcome(call, refusal(call.sdkId, "Internal error; try again"));
    } catch (error) {
      this.#runtime.failed(error);
    }
  }

  /** The core no longer needs the call. */
  ended(call: Call): void {
    if (this.#calls.get(call.sdkId) === call) this.#calls.delete(call.sdkId);
    call.unsent = undefined;
    call.work.call = undefined;
    if (call.taskId !== undefined) {
      this.#runtime.unheard.delete(call.taskId);
      this.#rememberEnd(call.sdkId);
    }
    if (!this.#closed || this.#calls.size > 0) return;
    this.#closePeers();
    this.#tellClosed();
  }

  #closePeers(): void {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    for (const peer of peers) this.#runtime.close(peer);
  }

  /**
   * Ends the stream of a request without an answer, or where it has none, the connection: its client is to ask again,
   * and perhaps another server (X-STO-11).
   */
  hangUp(entry: Entry): void {
    this.#pending.delete(entry);
    if (this.#streams?.leave(entry) !== true) this.close();
  }

  close(): void {
    try {
      this.#transport.close().catch(this.#runtime.unsent);
    } catch (error) {
      this.#runtime.unsent(error);
    }
  }

  /** Stops the handler as the SDK would if the client cancelled the request. */
  cancelHandler(call: Call): void {
    this.#deliver(cancelled(call.sdkId, "The task has ended"), call.extra);
  }

  /** Sends a message of a task's to the client, marked with the task (G25-INP-02, G25-REL-01). */
  sendForTask(call: Call, message: Message, route: Route): void {
    this.#sendOn(withMeta(message, RELATED_TASK, { taskId: call.taskId }), route);
  }

  /** Whether all that comes on this connection comes from one client: by one stream, or by a session. */
  get isBound(): boolean {
    return this.#pipe || this.#transport.sessionId !== undefined;
  }

  /** An id for an input request, where this connection is one stream. */
  askId(number: number): number | undefined {
    if (!this.#pipe) return undefined;
    const id = this.#askNumbers.next();
    this.#askIds.set(id, number);
    return id;
  }

  /** The input request that has this id here. Some peers echo a number as text, which both SDKs take. */
  askUnder(id: unknown): number | undefined {
    return this.#askIds.get(Number(id));
  }

  forgetAsk(id: unknown): void {
    this.#askIds.delete(id as number);
  }

  /**
   * Sends a task's status to its requestor, on the stream of one request, on the connection, or nowhere (G25-NTF-04).
   */
  tellRequestor(news: Message, owner: string, stream: Entry | undefined): void {
    const connection = stream?.connection ?? this;
    const route = connection.routeTo(stream, owner);
    if (route !== undefined) connection.#sendOn(news, route);
  }

  /** Whether a request that waited for its task still speaks for the task's owner (H33). */
  isStillAuthorized(entry: Entry): boolean {
    if (entry.message.method !== "tasks/result" || !this.#pending.has(entry)) return true;
    return isAuthorized(this.#runtime, entry.extra, entry.owner, this.#transport.sessionId);
  }

  /**
   * Whether a message about a task of `owner`'s can go to the client now: on the stream of the request `on`, or, for
   * `undefined`, on the connection. Its client may have been joined there by another, who knows no more than its
   * session's id (X-SEC-06).
   */
  carries(on: Origin | undefined, owner: string): boolean {
    if (this.#closed) return false;
    return (
      this.#streams === undefined || (on === undefined ? this.#streams.isOpenFor(owner) : this.#streams.isOpen(on))
    );
  }

  /**
   * How such a message gets to the client now: on the stream of the request `on`, else on the connection; `undefined`
   * where neither carries it.
   */
  routeTo(on: Origin | undefined, owner: string): Route | undefined {
    if (on !== undefined && this.carries(on, owner)) return { on };
    return this.carries(undefined, owner) ? { on: undefined } : undefined;
  }

  /** Whether no stream of a request carries what a task asks. */
  get isMute(): boolean {
    return this.#streams?.isMute === true;
  }

  /** Whether the client has left the stream of one of its requests. */
  isLeft(entry: Entry): boolean {
    return this.#streams?.isLeft(entry) === true;
  }

  /** Gives an answer to the SDK handler that waits for it. */
  deliverAnswer(message: Message, extra: Extra): void {
    this.#asks.delete(message.id);
    this.#deliver(message, extra);
  }

  /** Rejects a request of the SDK's own. */
  refuseOwn(id: unknown, message: string): void {
    this.#asks.delete(id);
    this.#deliver(refusal(id, message));
  }

  /** Sends a request of the SDK's own as if no task had taken it over. */
  sendOwn(message: Message, options: SendOptions): void {
    this.#asks.delete(message.id);
    this.#send(message, options);
  }

  #response(message: Message, extra: Extra): void {
    if (this.#runtime.asks.claim(this, message, extra, this.#ownerOf(extra))) return;
    // What a task has taken over is answered through the task alone. The SDKs read any id of an answer as a number.
    if (this.#asks.has(message.id) || this.#asks.has(Number(message.id))) return;
    this.#deliver(message, extra);
  }

  #notification(message: Message, extra: Extra): void {
    if (message.method !== CANCELLED) return this.#deliver(message, extra);
    if (this.#subscriptions?.inbound(message, extra) === true) return;
    const id = own(message.params, "requestId");
    const peer = this.#pending.size + this.#calls.size === 0 ? undefined : this.#peers.get(this.#ownerOf(extra));
    const isIt = (entry: Entry): boolean => entry.id === id && entry.peer === peer;
    const waiting = [...this.#pending.keys()].findLast(isIt);
    // Only the request ends, never the task (G25-RES-10, G26-CAN-08).
    if (waiting !== undefined) return this.#endWait(waiting);
    const call = [...this.#calls.values()].findLast((candidate) => isIt(candidate) && candidate.taskId === undefined);
    if (call !== undefined) {
      if (this.#runtime.enter(core.dropped, call.number, false)) this.#deliver(renumbered(message, call.sdkId), extra);
      return;
    }
    const passing = [...this.#passing].filter((known) => known[1].id === id);
    const theirs = passing.findLast((known) => this.#ownerOf(known[1].extra) === this.#ownerOf(extra));
    // Who shares a session with another principal gives up nothing of that one's (X-SEC-06).
    if (theirs === undefined && passing.length > 0) return;
    const sdkId = theirs === undefined ? id : theirs[0];
    // The SDK does not answer what was cancelled.
    this.#passing.delete(sdkId);
    this.#deliver(sdkId === id ? message : renumbered(message, sdkId), extra);
  }

  /** Nobody waits any longer for the answer to a request. */
  #endWait(entry: Entry): void {
    const number = this.#pending.get(entry) ?? 0;
    this.#pending.delete(entry);
    this.#runtime.requests.delete(number);
    this.#runtime.enter(core.waitEnded, number);
  }

  /**
   * Hands a request to the SDK that it answers itself. What comes under an id of ours, or of another's that is not
   * answered, gets one of ours.
   */
  #pass(message: Message, extra: Extra, complete?: Passing["complete"]): void {
    const { id } = message;
    const stream = this.#streams?.of(id);
    const isTaken = (typeof id === "string" && id.startsWith(OURS)) || this.#passing.has(id);
    const sdkId = isTaken ? this.#runtime.sdkId(this.#runtime.next()) : id;
    if (isTaken || complete !== undefined || stream !== undefined)
      this.#passing.set(sdkId, { id, stream, complete, extra });
    // Some are never answered, because their stream is gone or their handler never ends.
    if (this.#passing.size > REMEMBERED) this.#passing.delete(this.#passing.keys().next().value);
    const plain = this.#plain(message);
    this.#wire.deliver(isTaken ? { ...plain, id: sdkId } : plain, extra);
    if (this.#arriving !== undefined) this.#arriving.isAnswered = true;
  }

  #call(message: Message, extra: Extra): void {
    const generation = this.#generationOf(message, extra);
    const params = message.params;
    const name = textOf(params, "name");
    const meta = own(params, "_meta");
    if (generation === 0 || name === undefined) return this.#pass(message, extra);
    const runtime = this.#runtime;
    // The SDK refuses a name it does not know, before any handler; until then nothing is known against a task.
    const policy = this.#gate.mayKnow(name) ? runtime.policies.of(name) : UNKNOWN_TOOL;
    if (own(params, "task") === undefined && runtime.isPlain(policy, generation, this.#declared(message, generation))) {
      return this.#pass(message, extra);
    }
    if (name.length > LONGEST_TOOL_NAME) {
      this.#send(
        refusal(message.id, `The name of the tool has more than ${LONGEST_TOOL_NAME} characters`, -32602),
        undefined,
      );
      return;
    }
    const { peer, flags } = this.#facts(message, extra, generation);
    if (isDeeperThan(params, DEEPEST)) {
      const [number] = this.#await(message, extra, peer);
      return runtime.enter(core.request, number, peer, generation, flags, "", undefined, TOO_DEEP);
    }
    const number = runtime.next();
    // Ids come back while a task still runs under them, and others may know them: the SDK gets one that nobody else can
    // use. SDK v1 also cannot cancel a request whose id is 0 or empty (H37).
    const sdkId = runtime.sdkId(number);
    const call = new Call(number, this, peer, generation, flags, message, extra, sdkId, this.#streams?.of(message.id));
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

  /** Keeps a request until it is answered; its number in the core. */
  #await(
    message: Message,
    extra: Extra,
    peer: number,
    kept = false,
    owner = "",
    taskId = "",
  ): [number: number, entry: Entry] {
    const number = this.#runtime.next();
    // A request that waits is held as long as its task runs: what nobody reads is not.
    const held: Message = kept
      ? message
      : { jsonrpc: "2.0", id: message.id, ...(message.method !== undefined && { method: message.method }) };
    const entry = {
      connection: this,
      peer,
      message: held,
      id: message.id,
      stream: this.#streams?.of(message.id),
      extra,
      owner,
      taskId,
      kept,
    };
    this.#runtime.requests.set(number, entry);
    return [number, entry];
  }

  #taskRequest(message: Message, extra: Extra): void {
    const runtime = this.#runtime;
    const generation = this.#generationOf(message, extra) || this.#modernWithoutEnvelope();
    if (generation === 0) return this.#pass(message, extra);
    const { params } = message;
    const { peer, flags, owner } = this.#facts(message, extra, generation);
    const update = generation === 26 && message.method === "tasks/update";
    const id = own(params, "taskId");
    const taskId = isWellFormed(id) ? bounded(id, LONGEST_ID) : "";
    const [number, entry] = this.#await(message, extra, peer, update, owner, taskId);
    if (taskId !== "" && generation === 25) runtime.asks.recall(taskId);
    runtime.enter((receiver, now) => {
      let text: string | undefined = taskId;
      let fault = 0;
      if (generation === 26 && (versionOf(message) === undefined || !isObject(metaOf(message, CAPABILITIES_META))))
        fault = UNENVELOPED;
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
      core.request(
        receiver,
        now,
        number,
        peer,
        generation,
        flags,
        bounded(message.method ?? "", LONGEST_ID),
        text,
        fault,
      );
    });
    if (this.#arriving !== undefined) this.#arriving.isAnswered = true;
    const unheard = runtime.unheard.get(taskId);
    if (unheard !== undefined) {
      // Perhaps somebody listens now.
      runtime.unheard.delete(taskId);
      unheard.connection.tellProgress(unheard);
    }
    // A store that answers at once leaves nothing to wait for.
    if (!runtime.requests.has(number)) return;
    this.#pending.set(entry, number);
    const lapse = message.method === "tasks/result" ? lapsesAt(extra) : Number.NaN;
    if (!Number.isNaN(lapse)) runtime.enter((receiver) => core.lapsesAt(receiver, number, fromWall(lapse)));
  }

  /** What is put over the members of a result that says what this server can do. */
  #completion(message: Message, extra: Extra): Passing["complete"] {
    if (message.method === "initialize") {
      this.#capabilities = capabilityBits(own(message.params, "capabilities"));
      const lists = this.#runtime.lists(this.#ownerOf(extra), this.#pipe);
      return (result) => this.#initialized(result, lists);
    }
    if (message.method === "server/discover") return this.#runtime.speaks(26) ? discovered : undefined;
    if (message.method !== "tools/list" || this.#generationOf(message, extra) !== 25) return undefined;
    return ({ tools }) => Array.isArray(tools) && { tools: tools.map((tool) => this.#describeTool(tool)) };
  }

  #answerOfSdk(message: Message, options: SendOptions): Promise<void> {
    const call = this.#calls.get(message.id);
    if (call !== undefined) {
      this.#outcome(call, message);
      return Promise.resolve();
    }
    const passing = this.#passing.get(message.id);
    if (passing === undefined)
      return this.#runtime.isSdkId(message.id) ? Promise.resolve() : this.#wire.send(message, options);
    this.#passing.delete(message.id);
    const { id, complete } = passing;
    if (complete !== undefined && message.result !== undefined)
      message.result = { ...message.result, ...complete(message.result) };
    // Where its stream is gone, another's must not carry it.
    if (this.#streams?.lead(passing) === false) return Promise.resolve();
    return this.#wire.send(
      id === message.id ? message : { ...message, id },
      options?.relatedRequestId === message.id ? { ...options, relatedRequestId: id } : options,
    );
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
      const text = call.outcomeText ?? "";
      const size = isLongerThan(text, this.#longest) ? LARGEST : text.length;
      const result = message.result;
      let how = NOT_JSON;
      if (own(result, "resultType") === "input_required") {
        const asked = own(result, "inputRequests");
        for (const name of isObject(asked) ? Object.keys(asked) : [])
          core.name(receiver, name, inputKindOf((asked as Record<string, Message>)[name] as Message));
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
    return {
      ...tool,
      execution: { ...(own(tool, "execution") as Record<string, unknown> | undefined), taskSupport: support },
    };
  }

  /** A handler asks the client: as a task, through the core. */
  #requestOfHandler(message: Message, options: SendOptions, call: Call | undefined): Promise<void> {
    const runtime = this.#runtime;
    const kind = inputKindOf(message);
    if (call === undefined || kind === 255) return this.#sendRelated(message, options);
    if (!isSendable(message.params)) return Promise.reject(new TaskError("invalid_argument", NOT_SENDABLE));
    const number = runtime.next();
    runtime.asks.all.set(number, {
      call,
      message,
      own: this,
      settle: undefined,
      ids: new Map(),
      isGuess: options?.relatedRequestId === undefined && !knowsCalls,
      options,
    });
    this.#asks.set(message.id, number);
    const taken = runtime.enter(core.ask, call.number, number, "input", kind, true);
    if (taken) return Promise.resolve();
    runtime.asks.all.delete(number);
    this.#asks.delete(message.id);
    return this.#sendRelated(message, options);
  }

  #notificationOfHandler(message: Message, options: SendOptions, call: Call | undefined): Promise<void> {
    const runtime = this.#runtime;
    if (message.method === CANCELLED) {
      const id = own(message.params, "requestId");
      const ask = this.#asks.get(id);
      if (ask === undefined) return this.#sendRelated(message, options);
      this.#asks.delete(id);
      runtime.asks.givenUp(ask);
      return Promise.resolve();
    }
    if (call === undefined) return this.#sendRelated(message, options);
    const route = core.route(runtime.receiver, call.number);
    if (route === -1) return this.#sendRelated(message, options);
    const progress = message.method === "notifications/progress";
    if (progress) {
      const text = textOf(message.params, "message");
      // 2026-07-28 has no progress of a task; its text becomes the status message.
      if (call.generation === 26 && text !== undefined) {
        runtime.enter(core.note, call.number, bounded(text, LONGEST_MESSAGE));
      }
      const value = own(message.params, "progress");
      // A caller that gave no token wants no progress.
      if (own(message.params, "progressToken") === undefined || typeof value !== "number" || !(value > call.progress))
        return Promise.resolve();
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
    const number = core.route(this.#runtime.receiver, call.number);
    if (number === -1 || number === -3) return false;
    const stream = number === -2 ? undefined : this.#runtime.requests.get(number);
    if (stream !== undefined && !stream.connection.isStillAuthorized(stream)) {
      this.#runtime.enter(core.lapse, number);
      return false;
    }
    const connection = stream?.connection ?? this;
    const route = connection.routeTo(stream, call.owner);
    if (route !== undefined) connection.sendForTask(call, message, route);
    return route !== undefined;
  }

  /** Remembers for a while which calls were tasks that have ended; ids do not come back in 2025-11-25. */
  #rememberEnd(sdkId: unknown): void {
    this.#ended.add(sdkId);
    if (this.#ended.size > REMEMBERED) for (const oldest of this.#ended) return void this.#ended.delete(oldest);
  }

  /**
   * Whose request it is when a handler does not say. Where the platform cannot tell either, the one task that runs is a
   * guess.
   */
  #workingCall(): Call | undefined {
    if (knowsCalls) {
      const call = currentCall();
      return call !== undefined && this.#calls.get(call.sdkId) === call ? call : undefined;
    }
    let only: Call | undefined;
    for (const call of this.#calls.values()) {
      if (only !== undefined) return undefined;
      only = call;
    }
    return only?.taskId === undefined ? undefined : only;
  }

  /** Sends a message of the SDK's, on the stream of the request that it is related to, if it is. */
  #sendRelated(message: Message, options: SendOptions): Promise<void> {
    const sdkId = options?.relatedRequestId;
    const request = sdkId === undefined ? undefined : (this.#calls.get(sdkId) ?? this.#passing.get(sdkId));
    if (request === undefined) return this.#wire.send(message, options);
    if (this.#streams?.lead(request) === false)
      return Promise.reject(new TaskError("connection", "The client has left."));
    return this.#wire.send(message, { ...options, relatedRequestId: request.id });
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

  /**
   * The message without a `task` that means nothing here; SDK v1 fails on one that it does not expect (G25-CAP-05,
   * G25-CRE-12).
   */
  #plain(message: Message): Message {
    const { params } = message;
    if (own(params, "task") === undefined || typeof versionOf(message) === "string" || this.#gate.hasOwnTasks)
      return message;
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

  #facts(
    message: Message,
    extra: Extra,
    generation: number,
  ): { peer: number; flags: number; owner: string | undefined } {
    const owner = this.#runtime.identify(extra, this.#transport.sessionId);
    const peer = getOrMake(this.#peers, owner, () => this.#runtime.open(owner, this.#pipe));
    this.#runtime.heard(peer, this, extra);
    return {
      peer,
      flags: this.#declared(message, generation) | (this.#runtime.lists(owner, this.#pipe) ? LISTS : 0),
      owner,
    };
  }

  #sendOn(message: Message, { on }: Route): void {
    // Where its stream is gone, another's must not carry it.
    if (on === undefined || this.#streams?.lead(on) !== false) this.#send(message, on && { relatedRequestId: on.id });
  }

  #send(message: Message, options: SendOptions): void {
    try {
      this.#wire.send(message, options).catch(this.#runtime.unsent);
    } catch (error) {
      this.#runtime.unsent(error);
    }
  }

  /** Hands a message to the SDK, which may be deep in the core's work: what the SDK throws is reported. */
  #deliver(message: Message, extra?: Extra): void {
    try {
      this.#wire.deliver(message, extra);
    } catch (error) {
      this.#runtime.failed(error);
    }
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
  return textOf(
    Array.isArray(content) ? content.find((block) => textOf(block, "text") !== undefined) : undefined,
    "text",
  );
}

/** What the answer to `server/discover` says of tasks. */
function discovered(result: Record<string, unknown>): object {
  const { tasks: _tasks, ...capabilities } = { ...(own(result, "capabilities") as Record<string, unknown>) };
  const extensions = { ...(own(capabilities, "extensions") as Record<string, unknown> | undefined) };
  define(extensions, EXTENSION, {});
  return { capabilities: { ...capabilities, extensions } };
}

/** A cancellation of the request that the SDK knows by `requestId`. */
function renumbered(message: Message, requestId: unknown): Message {
  return { ...message, params: { ...message.params, requestId } };
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
