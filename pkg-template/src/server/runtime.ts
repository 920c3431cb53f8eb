import { Assembler } from "../assembler.ts";
import { LONGEST_TIMER, clockName, comesWithin, now } from "../clock.ts";
import { TaskError } from "../errors.ts";
import type { TaskStore } from "../store.ts";
import type { Extra, Message } from "../tap.ts";
import type { TaskServerOptions } from "../types.ts";
import { Asks } from "./input.ts";
import { Call } from "./call.ts";
import type { Instance } from "../core.ts";
import { serverCore } from "./core.ts";
import { LATE, eventOf } from "./events.ts";
import { RELATED_TASK, getOrMake, isObject, isWhole, own, refusal, shown, textOf, unguessable } from "./facts.ts";
import { misfitOf, named } from "./form.ts";
import { Hooks } from "./hooks.ts";
import type { ReceiverHost } from "./receiver-host.ts";
import type { Connection } from "./connection.ts";
import { defaultOwner, isOwner } from "./owner.ts";
import type { Origin } from "./streams.ts";
import { type Payload, member, renamed, toJson } from "./payload.ts";
import { Numbers } from "../numbers.ts";
import type { Subscription } from "./subscription.ts";
import { type FullPolicy, LARGEST, type Policies } from "./policy.ts";
import { coreRates } from "./rates.ts";
import { noteRefusal } from "./retry-after.ts";
import { type Input, MISSING, StoreJobs } from "./store-jobs.ts";
import * as core from "../wasm/generated/server.js";

function revisionOf(generation: number): "2025-11-25" | "2026-07-28" {
  return generation === 26 ? "2026-07-28" : "2025-11-25";
}

/** A JSON-RPC request that waits for its answer. */
export interface Entry extends Origin {
  readonly connection: Connection;
  readonly peer: number;
  readonly message: Message;
  readonly extra: Extra;
  readonly owner: string;
  /** The task that the request names, if one. */
  readonly taskId: string | undefined;
  /** Its values are needed until the core says otherwise. */
  readonly kept: boolean;
  /** What of its answers does not fit the form that was asked. */
  misfit?: string | undefined;
}

/** A connection with one owner. */
interface Peer {
  readonly owner: string | undefined;
  readonly pipe: boolean;
  /** Where its last request came, and what came with it: a task of its owner's can run again there. */
  last?: Place;
}

/** Where a task can run again: on a connection, or on a server without a client, once it is connected. */
interface Place {
  readonly connection: Connection;
  readonly extra?: Extra;
  readonly connected?: Promise<void>;
}

const PROMOTIONS = { always: 0, never: 1, handler: 3 } as const;
const SUPPORTS = { forbidden: 0, optional: 1, required: 2 } as const;
const INVALID_PARAMS = -32602;
/** Two clocks that are ten minutes wrong, one ahead and one behind, in ms. */
const CLOCK_SKEW = 1_200_000;
const RESULT_BYTES = 16 * 2 ** 20;

const LEFT = "It is left as it is, and requests about it are told to try again";
/** By the numbers of `Trouble` in `src/receiver/unreadable.rs`. */
const TROUBLES: readonly string[] = [
  `A task's record was written by a newer version of mcp-longhaul, in a form that this one cannot read. ${LEFT}: update this process.`,
  `A task's record is not in a form that this version of mcp-longhaul reads: a newer version wrote it, or it is damaged. ${LEFT}: ` +
    "update this process, or restore or delete the record.",
  "The outcome of a task could not be stored and is lost; an error before this one says why. When its lease is over, the task is settled " +
    "by whoever can read it.",
];

/** One server's tasks: the core's receiver and everything it asks of JavaScript. */
export class Runtime extends StoreJobs implements ReceiverHost {
  readonly requests: Map<number, Entry> = new Map();
  readonly calls: Map<number, Call> = new Map();
  /** What handlers ask their clients. */
  readonly asks: Asks;
  /** The tools that low-level servers have listed. */
  readonly listed: Set<string> = new Set();
  /** The subscriptions that name tasks. */
  readonly subscriptions: Map<number, Subscription> = new Map();
  /** Calls whose latest progress nobody heard, by task id. */
  readonly unheard: Map<string | undefined, Call> = new Map();
  readonly policies: Policies;
  assembler!: Assembler;
  #receiver = 0;
  readonly #options: TaskServerOptions;
  readonly #hooks: Hooks;
  /** What the ids begin with under which the SDK knows calls. */
  readonly #sdkIds: string = `mcp-longhaul/${unguessable()}/`;
  #instance!: Instance;
  readonly #peers = new Map<number, Peer>();
  readonly #peerNumbers = new Numbers((peer) => this.#peers.has(peer));
  /** This process, to the others on its store: whose tasks it runs. */
  readonly #holder: string = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  readonly #makeAlone: ((version: string) => Place) | undefined;
  #policies = new Map<FullPolicy, number>();
  readonly #plain = new Map<FullPolicy, Map<number, boolean>>();
  readonly #numbers = new Numbers((number) =>
    [this.requests, this.calls, this.asks.all, this.subscriptions].some((living) => living.has(number)),
  );
  #trap: unknown = Symbol("none");
  #draining = false;
  #saidUnnamed = false;
  #replying: Payload | undefined;
  #replyingId = "";
  #subscriptionId: unknown;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakeAt: number | undefined;
  #resting = false;
  #unwatch: (() => void) | undefined;
  #idle: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;
  /** The answers of the call that is restarted next: their keys in the store, and their names. */
  readonly #kept: [key: string, name: string][] = [];
  #left: Promise<void> | undefined;
  #leaving = false;
  /** Nothing is done here any longer; what the store still answers is dropped. */
  #stopped = false;
  /** Looks whether everything is stored. */
  #settled: (() => void) | undefined;

  /** `makeAlone`: connects a server without a client, if the host can make one. */
  constructor(
    options: TaskServerOptions,
    policies: Policies,
    store: TaskStore,
    makeAlone: ((version: string) => Place) | undefined,
  ) {
    super(store, options.limits?.resultBytes ?? RESULT_BYTES);
    this.#options = options;
    this.#hooks = new Hooks(options);
    this.#makeAlone = makeAlone;
    this.policies = policies;
    this.asks = new Asks(this, options.idPrefix ?? "");
    this.#make();
    this.#unwatch = this.#hooks.ask("store.watch", () =>
      store.watch?.((owner, id, version = 0) => {
        if (this.writing || typeof owner !== "string" || typeof id !== "string" || !isWhole(version, 0, LARGEST))
          return;
        this.enterAlone(core.changed, owner, id, version);
      }),
    );
  }

  /**
   * The number of the core's receiver. Where it was lost through a trap that another server met, there is another from
   * here on.
   */
  get receiver(): number {
    if (!serverCore.isCurrent(this.#instance)) {
      this.#rebuild(
        new TaskError(
          "internal",
          "The core of mcp-longhaul failed for another server of this process, and is started anew; running tasks go on.",
        ),
      );
    }
    return this.#receiver;
  }

  /**
   * Whose tasks a request is about; `undefined` where that cannot be told, also because the host failed to, which is
   * reported.
   */
  ownerOf(extra: Extra, sessionId: string | undefined): string | undefined {
    try {
      return this.identify(extra, sessionId);
    } catch (error) {
      this.report(error);
      return undefined;
    }
  }

  /**
   * As {@link Runtime.ownerOf}, for requests that are to be tried again where the host failed. Throws {@link
   * TaskError}.
   */
  identify(extra: Extra, sessionId: string | undefined): string | undefined {
    const owner = this.#hooks.demand("owner", (): unknown => {
      const authInfo = extra?.["authInfo"];
      const { owner: tell } = this.#options;
      return tell === undefined ? defaultOwner(authInfo) : tell(authInfo, { sessionId });
    });
    return isOwner(owner) ? owner : undefined;
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

  /** Whether the host itself says how long an outcome may be. */
  get limitsResults(): boolean {
    return this.#options.limits?.resultBytes !== undefined;
  }

  /**
   * Whether the state of a task may repeat what its outcome says: where payloads are sealed, the state stays readable.
   */
  get statesMayQuote(): boolean {
    return this.#options.payloads === undefined;
  }

  /** Whether there are tasks in this generation. */
  speaks(generation: number): boolean {
    // In 2025-11-25 the client asks for tasks: where no tool takes one, there is nothing to declare (G25-CAP-05).
    return (
      (this.#options.generations?.includes(revisionOf(generation)) ?? true) &&
      (generation === 26 || this.policies.offered)
    );
  }

  /** Whether `tasks/list` is offered to this owner. */
  lists(owner: string | undefined, pipe: boolean): boolean {
    return this.#options.list ?? (pipe || (owner !== undefined && owner !== ""));
  }

  /**
   * Before a message is looked at: if the receiver is lost, there is another, and the message need not be sent again.
   */
  refresh(): void {
    void this.receiver;
  }

  /**
   * Begins to look for tasks whose time or lease is over. Some run again at once, on servers that are attached to this.
   */
  startUp(): void {
    this.sweep();
  }

  /** Gives the core an input while it is at work: what it wants done then is done when the work is. */
  give<Rest extends unknown[], Value>(input: Input<Rest, Value>, ...rest: Rest): Value {
    return input(this.receiver, now(), ...rest);
  }

  /** Gives the core an input, then does everything it wants done. */
  enter<Rest extends unknown[], Value>(input: Input<Rest, Value>, ...rest: Rest): Value {
    try {
      const value = this.give(input, ...rest);
      this.#drain();
      if (this.store.wakes === true) this.#rest();
      if (this.#leaving) this.#settled?.();
      return value;
    } catch (error) {
      if (error !== this.#trap) {
        this.#trap = error;
        this.#rebuild(serverCore.poison(this.#instance, error));
      }
      throw error;
    }
  }

  /** As {@link Runtime.enter}, where nobody is there to hear of a trap; it is reported. */
  enterAlone<Rest extends unknown[]>(input: Input<Rest, unknown>, ...rest: Rest): void {
    try {
      this.enter(input, ...rest);
    } catch (error) {
      if (!this.isTrap(error)) throw error;
    }
  }

  /** Whether an error came out of the core, so that whoever waited has been told already. */
  isTrap(error: unknown): boolean {
    return error === this.#trap;
  }

  next(): number {
    return this.#numbers.next();
  }

  open(owner: string | undefined, pipe: boolean): number {
    const peer = this.#peerNumbers.next();
    core.open(this.receiver, peer, owner, pipe);
    this.#peers.set(peer, { owner, pipe });
    return peer;
  }

  /** A request came on an open connection. */
  heard(peer: number, connection: Connection, extra: Extra): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.last = { connection, extra };
  }

  /** A connection has closed whose peer a running task still needs. */
  gone(peer: number): void {
    this.enterAlone(core.gone, peer);
  }

  close(peer: number): void {
    this.#peers.delete(peer);
    this.enterAlone(core.close, peer);
  }

  /** Whether a call without `params.task` is none of the core's business; it says so once for each kind of call. */
  isPlain(policy: FullPolicy, generation: number, declared: number): boolean {
    const kind = generation * 2 + (declared & 1);
    const known = getOrMake(this.#plain, policy, () => new Map<number, boolean>());
    return getOrMake(known, kind, () => core.isPlain(this.receiver, this.policyNumber(policy), generation, declared));
  }

  policyNumber(policy: FullPolicy): number {
    const { task } = policy;
    return getOrMake(this.#policies, policy, () =>
      core.policy(
        this.receiver,
        typeof task === "object" ? 2 : PROMOTIONS[task],
        typeof task === "object" ? task.after : 0,
        SUPPORTS[policy.support],
        policy.ttl ?? Number.NaN,
        policy.maxTtl,
        policy.onExpiry === "extend",
        policy.pollInterval,
        policy.cooperative,
        policy.onLost === "restart" ? policy.restarts : 0,
        policy.immediateResponse,
      ),
    );
  }

  /** What `initialize` answers under `capabilities.tasks`. */
  capabilities(list: boolean): Record<string, unknown> {
    return this.#written((assembler) => core.capabilities(list, assembler));
  }

  /** The object that the core writes at once. */
  #written(write: (assembler: Assembler) => void): Record<string, unknown> {
    this.assembler.begin(this.#fill);
    write(this.assembler);
    return this.assembler.take();
  }

  report(error: unknown): void {
    this.#hooks.report(error);
  }

  /** Something was thrown; what came out of the core was reported when it did. */
  failed(error: unknown): void {
    if (!this.isTrap(error)) this.report(error);
  }

  /** A request about a task was refused because its client left out the header that names the task; it is said once. */
  unnamed(): void {
    if (this.#saidUnnamed) return;
    this.#saidUnnamed = true;
    this.report(
      new TaskError(
        "protocol",
        "A request without the header `Mcp-Name` was refused; `fillTaskName` of TaskServer lets it in.",
      ),
    );
  }

  /** A message could not be sent. */
  readonly unsent = (cause: unknown): void => {
    this.report(
      new TaskError("connection", "A message about a task could not be sent; its client may ask again.", { cause }),
    );
  };

  /** The trace of a call that brings none. */
  activeTrace(): string {
    const { traceparent } = this.#options;
    const trace = traceparent && this.#hooks.ask("traceparent", () => traceparent());
    return typeof trace === "string" ? trace : "";
  }

  /** A handler has ended. Where its task ended before it, what it ended with reaches nobody (H04). */
  handlerEnded(call: Call): void {
    if (call.taskId === undefined || this.calls.has(call.number)) return;
    const { number, owner, taskId, message } = call;
    this.event(
      LATE,
      owner,
      taskId,
      String(own(message.params, "name")),
      255,
      now(),
      Number.NaN,
      Number.NaN,
      number,
      0,
      "",
    );
  }

  /** Asks the store for what is due. */
  sweep(): void {
    this.enter(core.sweep);
  }

  /** Resolves when no handler runs as a task. */
  whenIdle(): Promise<void> {
    if (this.calls.size === 0) return Promise.resolve();
    // One for everybody: where something always runs, each request would add another.
    return (this.#idle ??= new Promise((resolve) => (this.#whenIdle = resolve)));
  }

  /**
   * Lets handlers finish for `drain` ms, then hands their tasks over; resolves when all of it is stored, or after
   * `timeout` ms more. What is not settled by then is left to its lease.
   */
  leave(drain: number, timeout: number): Promise<void> {
    return (this.#left ??= this.#leave(drain, timeout));
  }

  async #leave(drain: number, timeout: number): Promise<void> {
    try {
      this.enterAlone(core.closing);
      if (drain > 0) await comesWithin(drain, this.whenIdle());
      this.#leaving = true;
      const settled = new Promise<void>((resolve) => {
        this.#settled = () => {
          if (core.quiet(this.receiver)) resolve();
        };
      });
      this.enterAlone(core.leaving);
      if (!(await comesWithin(timeout, settled))) this.report(new TaskError("storage", UNSETTLED));
    } finally {
      this.#stop();
    }
  }

  #stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const unwatch = this.#unwatch;
    this.#unwatch = undefined;
    if (unwatch !== undefined) this.#hooks.tell("store.watch", unwatch);
    for (const subscription of [...this.subscriptions.values()]) subscription.giveUp();
    // Whoever waits for the store is to ask another server; calls that are no tasks go on.
    for (const number of [...this.requests.keys()]) {
      if (!this.calls.has(number) || core.creating(this.receiver, number)) this.hangUp(number);
    }
    for (const [number, call] of [...this.calls]) {
      if (call.taskId === undefined) continue;
      this.calls.delete(number);
      call.connection.ended(call);
      if (call.alone) call.connection.close();
    }
  }

  // What the core wants: the store.

  read(job: number, request: number, payload: boolean): void {
    const entry = this.requests.get(request);
    // The core asks only for requests that wait here.
    if (entry === undefined) this.give(core.completed, job, MISSING);
    else this.get(job, entry.owner, entry.taskId ?? "", payload);
  }
  removePart(job: number, part: number, key: string): void {
    this.edit(job).remove.push(member(part, key));
  }
  setPart(job: number, part: number, key: string, source: number, number: number, sourceKey: string): void {
    const edit = this.edit(job);
    const text = this.#text(source, number, sourceKey);
    const ask = source === 3 ? this.asks.all.get(number) : undefined;
    if (ask !== undefined) ask.key = key;
    if (text === undefined) edit.unwritable = true;
    else edit.set.push([member(part, key), text]);
  }

  // What the core wants: answers.

  beginReply(request: number, job: number): void {
    this.#replying = job === 0 ? undefined : this.payload(job);
    this.#replyingId = this.requests.get(request)?.taskId ?? "";
    if (this.subscriptions.size > 0) this.#subscriptionId = this.subscriptions.get(request)?.id;
    this.assembler.begin(this.#fill, this.#replyingId);
  }
  endReply(request: number, kind: number): void {
    const body = this.assembler.take();
    const entry = this.requests.get(request);
    const answer: Message = { jsonrpc: "2.0", id: entry?.message.id };
    if (kind === 0) answer.result = body;
    else answer.error = (kind === 2 ? this.#replying?.part(2, "") : body) as NonNullable<Message["error"]>;
    if (entry?.misfit !== undefined && answer.error?.code === INVALID_PARAMS)
      answer.error.message += `: ${entry.misfit}`;
    if (entry === undefined) return this.subscriptions.get(request)?.answered(answer, kind === 3);
    if (!entry.kept) this.requests.delete(request);
    if (!entry.connection.isStillAuthorized(entry)) {
      const error = this.#written(core.writeNotFound) as NonNullable<Message["error"]>;
      return entry.connection.answer({ jsonrpc: "2.0", id: answer.id, error }, entry);
    }
    if (kind === 3) noteRefusal(entry.extra, answer.error);
    entry.connection.answerWith(answer, entry, this.#replying?.text?.length ?? 0);
  }

  // What the core wants: news.

  beginNews(request: number, job: number): void {
    this.#replying = job === 0 ? undefined : this.payload(job);
    this.#subscriptionId = this.subscriptions.get(request)?.id;
    this.assembler.begin(this.#fill);
  }
  tell(listen: number): void {
    this.subscriptions.get(listen)?.told({ jsonrpc: "2.0", ...this.assembler.take() });
  }
  tellRequestor(number: number, stream: number): void {
    const news: Message = { jsonrpc: "2.0", ...this.assembler.take() };
    const entry = this.requests.get(stream);
    if (entry !== undefined && !entry.connection.isStillAuthorized(entry)) return this.give(core.lapse, stream);
    const call = this.calls.get(number);
    call?.connection.tellRequestor(news, call.owner, entry);
  }

  // What the core wants: calls.

  forward(number: number): void {
    const call = this.calls.get(number);
    if (call !== undefined) call.connection.forward(call);
  }
  bind(number: number, id: string): void {
    const call = this.calls.get(number);
    if (call === undefined) return;
    call.owner = this.#peers.get(call.peer)?.owner ?? call.owner;
    call.bind(id);
  }
  begin(number: number): void {
    this.calls.get(number)?.open();
  }
  relay(number: number): void {
    const call = this.calls.get(number);
    if (call?.outcome !== undefined) call.connection.answer(call.outcome, call);
  }
  reject(number: number): void {
    const call = this.calls.get(number);
    if (call === undefined) return;
    const content = own(call.outcome?.result, "content");
    const message = Array.isArray(content) ? textOf(content[0], "text") : undefined;
    const text = message ?? "The tool refused the call: unknown name or invalid arguments";
    call.connection.answer(refusal(call.id, text, -32602), call);
  }
  abort(number: number, reason: number, silently: boolean): void {
    const call = this.calls.get(number);
    if (call === undefined) return;
    call.abort(reason);
    if (!silently) call.connection.cancelHandler(call);
  }
  release(number: number): void {
    const call = this.calls.get(number);
    if (call === undefined) return;
    this.calls.delete(number);
    this.requests.delete(number);
    this.asks.forget(call.taskId);
    call.connection.ended(call);
    if (call.alone) call.connection.close();
    if (this.calls.size > 0) return;
    this.#idle = undefined;
    this.#whenIdle?.();
  }
  kept(key: string, name: string): void {
    this.#kept.push([key, name]);
  }
  restart(number: number, on: number, generation: number, flags: number, owner: string, job: number): void {
    const kept = this.#kept.splice(0);
    const payload = this.payload(job);
    const params = payload.part(0, "");
    const state = payload.part(3, "");
    const message: Message = {
      jsonrpc: "2.0",
      id: this.sdkId(number),
      method: "tools/call",
      params: {
        ...(params as Record<string, unknown>),
        ...(kept.length > 0 && { inputResponses: renamed(payload, 5, kept) }),
        ...(state !== undefined && { requestState: state }),
      },
    };
    try {
      const place = this.#peers.get(on)?.last ?? this.#makeAlone?.(revisionOf(generation));
      if (place === undefined) return this.give(core.unstarted, number);
      const { connection, extra, connected } = place;
      const call = new Call(number, connection, on, generation, flags, message, extra, this.sdkId(number));
      call.owner = owner;
      this.calls.set(number, call);
      if (connected === undefined) return connection.forward(call);
      call.alone = true;
      connected.then(
        () => {
          if (this.calls.get(number) === call) connection.forward(call);
        },
        (error: unknown) => this.#unstarted(number, error),
      );
    } catch (error) {
      this.#unstarted(number, error);
    }
  }
  hangUp(request: number): void {
    const entry = this.requests.get(request);
    this.requests.delete(request);
    entry?.connection.hangUp(entry);
  }
  forget(request: number): void {
    this.requests.delete(request);
  }

  // What the core wants: input.

  deliver(number: number, stream: number): void {
    this.asks.deliver(number, stream);
  }
  answered(number: number, from: number, key: string): void {
    this.asks.answered(number, from, key);
  }
  answeredElsewhere(number: number, job: number, key: string): void {
    this.asks.answeredElsewhere(number, this.payload(job).part(5, key));
  }
  withdraw(number: number, delivered: boolean, reason: number): void {
    this.asks.withdraw(number, delivered, reason);
  }

  event(...told: Parameters<typeof eventOf>): void {
    const { onevent } = this.#options;
    if (onevent !== undefined) this.#hooks.tell("onevent", () => onevent(eventOf(...told)));
  }

  trouble(trouble: number, id: string): void {
    this.report(new TaskError("storage", TROUBLES[trouble] ?? "A task's record is in trouble.", { taskId: id }));
  }

  wake(at: number): void {
    this.#wakeAt = at;
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const timer = setTimeout(() => this.enterAlone(core.deadline), Math.min(Math.max(at - now(), 0), LONGEST_TIMER));
    (timer as { unref?: () => void }).unref?.();
    this.#timer = timer;
  }

  /** Where the store wakes the server, a timer would only keep it from falling asleep while it has nothing to do. */
  #rest(): void {
    // A sweep that has more pages goes on in a moment.
    const soon = this.#wakeAt !== undefined && this.#wakeAt < Date.now() + 100;
    const awake =
      soon ||
      this.calls.size > 0 ||
      this.requests.size > 0 ||
      this.subscriptions.size > 0 ||
      core.observing(this.receiver);
    if (!awake) clearTimeout(this.#timer);
    else if (this.#resting && this.#wakeAt !== undefined) this.wake(this.#wakeAt);
    this.#resting = !awake;
  }

  #make(): void {
    this.#instance = serverCore.load();
    this.assembler = new Assembler(this.#instance.names);
    this.#receiver = serverCore.number(this);
    const limits = this.#options.limits ?? {};
    // In the order in which the core reads them.
    const options = [
      this.#options.idPrefix ?? "",
      this.#holder,
      limits.runningPerOwner ?? 100,
      limits.running ?? 10_000,
      limits.resultBytes ?? RESULT_BYTES,
      limits.outstandingInputs ?? 64,
      limits.inputsPerTask ?? 10_000,
      limits.pageSize ?? 100,
      limits.storedPerOwner ?? 0,
      limits.storedBytesPerOwner ?? 0,
      this.#options.creationWindow ?? 86_400_000,
      ...coreRates(limits),
      this.#options.lease ?? 30_000,
      this.#options.storeTimeout === undefined ? 30_000 : (this.#options.storeTimeout ?? 0),
      clockName(),
      this.#options.clockSkew ?? CLOCK_SKEW,
      ...(this.#options.cursorKey ?? crypto.getRandomValues(new Uint8Array(16))),
    ];
    const { crossGeneration = false, onevent, statusNotifications = true } = this.#options;
    core.makeReceiver(
      this.receiver,
      this.#makeAlone !== undefined,
      crossGeneration,
      onevent !== undefined,
      statusNotifications,
      options.join(" "),
    );
  }

  /** A task could not run again here; its lease ends, and whoever meets it then tries again. */
  #unstarted(number: number, cause: unknown): void {
    this.calls.delete(number);
    this.report(
      new TaskError("internal", "A task could not be run again; it is tried again when its lease is over.", { cause }),
    );
    this.enter(core.unstarted, number);
  }

  #drain(): void {
    // Nested calls leave their outputs to the loop that is already running.
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (core.step(this.receiver, this, this.assembler));
    } finally {
      this.#draining = false;
    }
  }

  /** After a trap: a new receiver takes the running tasks along; whoever waits is told to try again. */
  #rebuild(why: TaskError): void {
    this.report(why);
    this.#make();
    this.#policies = new Map();
    this.#draining = false;
    this.clearJobs();
    for (const [peer, { owner, pipe }] of this.#peers) core.open(this.#receiver, peer, owner, pipe);
    for (const [number, entry] of [...this.requests]) {
      this.requests.delete(number);
      const call = this.calls.get(number);
      if (call?.taskId === undefined) entry.connection.answer(refusal(entry.id, "Internal error; try again"), entry);
    }
    for (const subscription of [...this.subscriptions.values()]) subscription.again();
    for (const call of this.calls.values()) {
      if (!this.#peers.has(call.peer)) call.peer = 0;
      if (call.taskId !== undefined)
        this.give(core.adopt, call.number, call.peer, call.generation, call.flags, call.taskId);
      else call.open();
    }
    this.asks.takeAlong();
    this.give(core.sweep);
    if (this.#leaving) this.give(core.leaving);
    this.#drain();
    for (const call of [...this.calls.values()]) call.connection.repeatOutcome(call);
  }

  /** Tells the core which answers of an update are not what was asked for, now that the questions can be read. */
  protected judge(job: number, payload: Payload): void {
    const entry = this.requests.get(core.updateOf(this.receiver, job));
    const answers = own(entry?.message.params, "inputResponses");
    if (entry === undefined || !isObject(answers)) return;
    entry.misfit = undefined;
    for (const key of Object.keys(answers)) {
      const misfit = misfitOf(payload.part(4, key), answers[key]);
      if (misfit === undefined) continue;
      entry.misfit ??= `in the answer ${named(key)}, ${misfit}`;
      core.misfit(this.receiver, job, key);
    }
  }

  /** Looks into what handlers made, of which nothing is certain. */
  #text(source: number, number: number, key: string): string | undefined {
    try {
      return this.#textOf(source, number, key);
    } catch {
      return undefined;
    }
  }

  #textOf(source: number, number: number, key: string): string | undefined {
    switch (source) {
      case 0:
        return toJson(this.calls.get(number)?.message.params);
      case 1: {
        const call = this.calls.get(number);
        const result = call?.outcome?.result;
        if (own(result, "resultType") === "input_required") return toJson(own(result, "requestState"));
        return call?.outcomeText ?? toJson(result ?? call?.outcome?.error);
      }
      case 2:
        return toJson(shown(own(own(this.calls.get(number)?.outcome?.result, "inputRequests"), key)));
      case 3: {
        const message = this.asks.all.get(number)?.message;
        return toJson(shown({ method: message?.method, ...(message?.params && { params: message.params }) }));
      }
      default:
        return toJson(own(own(this.requests.get(number)?.message.params, "inputResponses"), key));
    }
  }

  readonly #fill = (kind: number, key: string): unknown => {
    const payload = this.#replying;
    switch (kind) {
      case 0:
        return payload?.part(1, "");
      case 1: {
        const result = payload?.part(1, "") as Record<string, unknown> | undefined;
        const meta = own(result, "_meta") as Record<string, unknown> | undefined;
        return { ...result, _meta: { ...meta, [RELATED_TASK]: { taskId: this.#replyingId } } };
      }
      case 2:
        return payload?.part(2, "");
      case 3:
        return payload?.part(4, key);
      default:
        return this.#subscriptionId;
    }
  };
}

const UNSETTLED =
  "The task store did not settle in time what this server handed over; its tasks are found when their leases are over.";
