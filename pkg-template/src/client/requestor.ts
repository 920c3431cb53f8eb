import { Alarm } from "./alarm.ts";
import { LONGEST_TIMER } from "../clock.ts";
import { Connection } from "./connection.ts";
import { CREATION_KEY } from "../wire/names.ts";
import { type ConnectedClient, PLAN, type Plan, type Shared } from "./call-plan.ts";
import { codeOf } from "./followed-task.ts";
import { checkCallOptions, checkOptions } from "./options-check.ts";
import { fromRejection, Handle, isTimeout } from "./handle.ts";
import { TaskError, type TaskErrorCode } from "../errors.ts";
import { own } from "../json.ts";
import type { TaskJournal } from "../types.ts";
import { Settled } from "./settled.ts";
import type { Side } from "./side.ts";
import { concerning } from "./task-of.ts";
import { REQUESTOR, tap, type TransportLike } from "../tap.ts";
import type { TaskCallOptions, TaskClientOptions, TaskHandle, TaskReference } from "../types.ts";

type SdkCall = (...parameters: unknown[]) => Promise<unknown>;

/** An SDK's object that calls what can become tasks: a client, or a server. */
export interface Caller {
  connect(...parameters: never[]): Promise<unknown>;
  readonly transport?: unknown;
}

/** Calls what can become tasks, on one side of connections, and follows the tasks. */
export class Requestor {
  readonly #side: Side;
  readonly #options: TaskClientOptions;
  readonly #shared: Shared;
  readonly #connections = new WeakMap<object, Connection>();
  readonly #open = new Set<Connection>();
  readonly #settled = new Settled();
  readonly #plans = new Map<string, Plan>();
  /** The members as the SDK made them, of objects whose own are replaced. */
  readonly #sdkCalls = new WeakMap<object, Readonly<Partial<Record<string, SdkCall>>>>();
  #lastPlan = 0;

  /** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
  constructor(side: Side, options: TaskClientOptions) {
    checkOptions(side.taker, options);
    this.#side = side;
    this.#options = options;
    const { min = 100, max = 60_000, initial = 1000 } = options.poll ?? {};
    this.#shared = {
      plan: this.#plan({}),
      methods: side.methods,
      poll: { min, max: Math.max(min, max), initial },
      maxAge: options.maxAge ?? NaN,
      requestTimeout: options.requestTimeout ?? 30_000,
      listen: options.listen ?? true,
      alarm: new Alarm(),
      plans: this.#plans,
      ontask: options.ontask,
      journal: options.journal,
      onerror: options.onerror ?? (() => {}),
      onsettled: (handle) => this.#settled.tell(handle),
      onclose: (connection) => this.#open.delete(connection as Connection),
    };
  }

  /** Makes tasks work on a caller, or on a transport. Throws {@link TaskError} `invalid_argument` for anything else. */
  attach(target: object): void {
    const { taker, targets, members } = this.#side;
    const has = (name: string): boolean => name in Object(target);
    if (has(Object.values(members)[0] as string)) this.#attachCaller(target as Caller);
    else if (has("send") && has("start")) this.#connection(target);
    else throw new TaskError("invalid_argument", `${taker}.attach() takes a ${targets} or a transport of the MCP SDK.`);
  }

  /** Calls a method, and resolves with a handle as soon as its task, or its answer, is there. */
  async request(
    caller: Caller,
    method: string,
    params: object,
    options: TaskCallOptions,
    entry?: string,
  ): Promise<TaskHandle<never, never>> {
    return this.#handle(caller, method, params, { ...this.#plan(options), entry }, options);
  }

  get journal(): TaskJournal {
    const { journal } = this.#options;
    if (journal === undefined)
      throw new TaskError("invalid_argument", `${this.#side.taker} has no \`journal\`, which this needs.`);
    return journal;
  }

  /** Finds a task again. */
  async resume(caller: Caller, reference: TaskReference, options: TaskCallOptions): Promise<TaskHandle<never, never>> {
    if (own(reference, "format") !== 1 || typeof reference.taskId !== "string")
      throw new TaskError("invalid_argument", "resume() takes the `reference` of a task handle.");
    await this.#options.journal?.check(caller, reference);
    const plan = { ...this.#plan(options), resume: reference };
    return this.#handle(caller, reference.method ?? "tools/call", this.#side.resumed(reference), plan, options);
  }

  /** The handles of tasks that end from now on. */
  settled(): AsyncIterableIterator<TaskHandle> {
    return this.#settled.read();
  }

  /** The connection of a caller, where it is attached. */
  #of({ transport }: Caller): Connection | undefined {
    return this.#connections.get(transport as object);
  }

  /** Stops following everything. Tasks go on, and can be resumed. */
  close(): void {
    for (const connection of this.#open) connection.stop();
    this.#open.clear();
    this.#settled.close();
    this.#options.journal?.close();
  }

  #attachCaller(caller: Caller): void {
    if (this.#sdkCalls.has(caller)) return;
    const connect = caller.connect.bind(caller) as (...parameters: unknown[]) => Promise<unknown>;
    const changed = caller as unknown as Record<string, unknown>;
    const sdkCalls: Record<string, SdkCall> = {};
    this.#sdkCalls.set(caller, sdkCalls);
    // SDK v1 refuses to call what it has listed as a tool that runs only as a task.
    if ("isToolTaskRequired" in caller) changed["isToolTaskRequired"] = () => false;
    changed["connect"] = (transport: object, ...rest: unknown[]) => {
      this.#connection(transport, caller);
      return connect(transport, ...rest);
    };
    for (const [method, member] of Object.entries(this.#side.members)) {
      const sdkCall = changed[member];
      if (typeof sdkCall !== "function") continue;
      const call = (sdkCalls[member] = sdkCall.bind(caller) as SdkCall);
      changed[member] = async (params: object, ...rest: unknown[]) => {
        const [options = {}, schema] = (hasSchema(caller, method) ? [rest[1], rest[0]] : rest) as [
          TaskCallOptions?,
          unknown?,
        ];
        if (this.#isPlain(caller, options)) return call(params, ...rest);
        return this.#invoke(caller, method, params, options, schema, this.#plan(options));
      };
    }
    if (caller.transport) this.#connection(caller.transport as object, caller);
  }

  /** Whether a call can be the SDK's alone: no task comes of it, and both SDKs wait as long for its answer as we do. */
  #isPlain(caller: Caller, options: TaskCallOptions): boolean {
    const takesTasks = this.#of(caller)?.session.takesTasks;
    return takesTasks === false && this.#shared.plan.preference !== "require" && Object.keys(options).length === 0;
  }

  #connection(transport: object, caller?: Caller): Connection {
    let connection = this.#connections.get(transport);
    if (connection === undefined) {
      let made: Connection | undefined;
      const tapped = tap(transport as TransportLike, REQUESTOR, (wire) => {
        made = new Connection(wire, this.#shared);
        return this.#side.listen?.(made, transport, caller) ?? made;
      });
      if (!tapped || made === undefined)
        throw new TaskError("invalid_argument", `This transport is attached to another ${this.#side.taker}.`);
      connection = made;
      this.#connections.set(transport, connection);
      this.#open.add(connection);
    }
    if (caller !== undefined) {
      connection.session.client ??= caller as ConnectedClient;
      connection.session.unlocked = true;
    }
    return connection;
  }

  // What it resolves with is the server's answer, whichever type that has.
  #handle(
    caller: Caller,
    method: string,
    params: object,
    plan: Plan,
    options: TaskCallOptions,
  ): Promise<TaskHandle<never, never>> {
    const { taker, members } = this.#side;
    if (!Object.hasOwn(members, method))
      throw new TaskError("invalid_argument", `${taker} calls ${Object.keys(members).join(", ")} alone.`);
    const connection = this.#of(caller);
    if (connection === undefined)
      throw new TaskError("invalid_argument", `It is not attached to this ${taker}, or not connected.`);
    connection.session.client ??= caller as ConnectedClient;
    return new Promise((resolve, reject) => {
      plan.created = resolve as (handle: TaskHandle) => void;
      this.#invoke(caller, method, params, options, options.resultSchema, plan).then(
        () =>
          resolve(
            new Handle({
              answer: plan.answer,
              snapshot: { taskId: "", status: "completed", ttl: null },
            }) as TaskHandle as TaskHandle<never, never>,
          ),
        (reason: unknown) =>
          reject(concerning(fromRejection(reason, whyRejected(plan, reason, options.signal)), plan.handle)),
      );
    });
  }

  /** Calls a member of the SDK's client, marked with the plan. A task may outlive every default timeout. */
  async #invoke(
    caller: Caller,
    method: string,
    params: object,
    options: TaskCallOptions,
    resultSchema: unknown,
    plan: Plan,
  ): Promise<unknown> {
    const { preference: _p, ttl: _t, onAbort: _a, creationKey, resultSchema: _r, ...request } = options;
    const { signal, maxTotalTimeout } = options;
    const timeout = options.timeout ?? maxTotalTimeout;
    const isUntilTask = timeout === undefined || this.#options.callTimeout === "until-task";
    let abort: (() => void) | undefined;
    const { requestTimeout = timeout } = this.#options;
    if (isUntilTask || requestTimeout !== timeout) {
      const stop = new AbortController();
      abort = () => stop.abort(signal?.reason);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
      request["signal"] = stop.signal;
      plan.impatient = () => stop.abort("Request timed out");
      plan.patience = timeout === undefined ? requestTimeout : Math.min(timeout, requestTimeout ?? timeout);
      if (isUntilTask) delete request["maxTotalTimeout"];
    }
    request["timeout"] = isUntilTask ? LONGEST_TIMER : timeout;
    const isRenewed = request["resetTimeoutOnProgress"] === true && request["onprogress"] !== undefined;
    plan.isSteady = timeout !== undefined && !isRenewed;
    if (isRenewed && !isUntilTask) plan.silence = timeout;

    const journaled = await this.#begin(caller, method, params, creationKey, plan);
    const token = String(++this.#lastPlan);
    this.#plans.set(token, plan);
    const meta: Record<string, unknown> = { ...(params as { _meta?: object })._meta, [PLAN]: token };
    if (creationKey !== undefined) meta[CREATION_KEY] = creationKey;
    Object.assign(meta, journaled?.meta);
    const member = this.#side.members[method] as string;
    const marked = { ...params, _meta: meta };
    const sdkCall =
      this.#sdkCalls.get(caller)?.[member] ??
      ((...parameters) => (caller as unknown as Record<string, SdkCall>)[member]?.(...parameters) as Promise<unknown>);
    try {
      plan.answer = hasSchema(caller, method) ? sdkCall(marked, resultSchema, request) : sdkCall(marked, request);
      const answer = await plan.answer;
      await journaled?.over("answered");
      return answer;
    } catch (thrown) {
      // It was aborted, it timed out, or a handler of its input failed.
      this.#of(caller)?.gaveUp(plan);
      concerning(thrown, plan.handle);
      const why = whyRejected(plan, thrown, signal);
      await journaled?.over(isInDoubt(why) ? undefined : "refused");
      throw thrown;
    } finally {
      this.#plans.delete(token);
      if (abort !== undefined) signal?.removeEventListener("abort", abort);
    }
  }

  /** Has a call written ahead that may become a task; `undefined` where there is no journal, or nothing to keep. */
  async #begin(
    client: Caller,
    method: string,
    params: object,
    creationKey: string | undefined,
    plan: Plan,
  ): Promise<{ meta: object; over(how: "answered" | "refused" | undefined): Promise<void> } | undefined> {
    const { journal } = this.#options;
    if (journal === undefined || plan.resume !== undefined || plan.preference === "forbid") return undefined;
    const begun = await journal.begin({ client, method, params, creationKey, entry: plan.entry });
    const { created } = plan;
    let isTask = false;
    plan.created = (handle) => {
      isTask = true;
      begun.created(handle);
      created?.(handle);
    };
    // What becomes of a task, its handle tells.
    return { meta: begun.meta, over: async (how) => (isTask ? undefined : begun.over(how)) };
  }

  #plan(options: TaskCallOptions): Plan {
    checkCallOptions(this.#side.taker, options);
    const preference = options.preference ?? this.#options.preference ?? "prefer";
    const onAbort = options.onAbort ?? this.#options.onAbort;
    return { preference, cancels: onAbort !== "detach", ttl: options.ttl ?? this.#options.ttl };
  }
}

/** Why a call has failed: an error of the peer's is `failed`, and nothing else is (X-ERR-03). */
function whyRejected(plan: Plan, reason: unknown, signal: AbortSignal | undefined): TaskErrorCode | undefined {
  if (plan.ending !== undefined) return codeOf(plan.ending);
  if (plan.answered === true) return "failed";
  if (signal?.aborted === true) return plan.cancels ? "cancelled" : "detached";
  return isTimeout(reason) ? "unreachable" : "connection";
}

/** Whether a call that was given up may have reached the server all the same. */
function isInDoubt(why: TaskErrorCode | undefined): boolean {
  return why === undefined || why === "connection" || why === "unreachable" || why === "detached";
}

/** Whether a member of a client takes the schema of the result before its options: `callTool` of SDK v1. */
function hasSchema(caller: object, method: string): boolean {
  return method === "tools/call" && !("getProtocolEra" in caller);
}
