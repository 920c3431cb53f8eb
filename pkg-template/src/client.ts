import { Alarm } from "./client/alarm.ts";
import { LONGEST_TIMER } from "./clock.ts";
import { Connection } from "./client/connection.ts";
import { CREATION_KEY } from "./wire/names.ts";
import { type ConnectedClient, PLAN, type Plan, type Shared } from "./client/call-plan.ts";
import { codeOf } from "./client/followed-task.ts";
import { checkCallOptions, checkOptions } from "./client/options-check.ts";
import { fromRejection, Handle, isTimeout } from "./client/handle.ts";
import { TaskError, type TaskErrorCode } from "./errors.ts";
import { own } from "./json.ts";
import { REQUESTOR, tap, type TransportLike } from "./tap.ts";
import type { AnyTools, MemberResult, ToolCall, ToolHandle, ToolMap, ToolName } from "./tool-types.ts";
import type {
  AttachableClient,
  AttachableTransport,
  TaskCallOptions,
  TaskClientOptions,
  TaskHandle,
  TaskMethod,
  TaskReference,
} from "./types.ts";

const WRONG_TARGET = "TaskClient.attach() takes a Client or a transport of the MCP SDK.";
type SdkCall = (...parameters: unknown[]) => Promise<unknown>;

/** The members of an SDK's client that call what can become tasks, by method. */
const MEMBERS = { "tools/call": "callTool", "prompts/get": "getPrompt", "resources/read": "readResource" } as const;

/**
 * Lets a client of either SDK call tools that run as tasks. `Tools` says which there are ({@link ToolMap}); without it,
 * any name and any arguments will do.
 */
export class TaskClient<Tools extends ToolMap<Tools> = AnyTools> {
  readonly #options: TaskClientOptions;
  readonly #shared: Shared;
  readonly #connections = new WeakMap<object, Connection>();
  readonly #open = new Set<Connection>();
  readonly #plans = new Map<string, Plan>();
  /** The members as the SDK made them, for clients whose own are replaced. */
  readonly #sdkCalls = new WeakMap<object, Readonly<Partial<Record<string, SdkCall>>>>();
  #lastPlan = 0;

  /** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
  constructor(options: TaskClientOptions = {}) {
    checkOptions(options);
    this.#options = options;
    const { min = 100, max = 60_000, initial = 1000 } = options.poll ?? {};
    this.#shared = {
      plan: this.#plan({}),
      poll: { min, max: Math.max(min, max), initial },
      maxAge: options.maxAge ?? NaN,
      listen: options.listen ?? true,
      alarm: new Alarm(),
      plans: this.#plans,
      ontask: options.ontask,
      onerror: options.onerror ?? (() => {}),
      onclose: (connection) => this.#open.delete(connection as Connection),
    };
  }

  /**
   * Makes tasks work on a client, or on a transport before it is connected; returns it. Its `callTool` then returns the
   * final result. Attach the client where you can: only then its timeout is not 60 s, and a failing handler is noticed.
   *
   * Throws {@link TaskError} `invalid_argument` for anything else, and for a transport that is attached already.
   */
  attach<Target extends AttachableClient | AttachableTransport>(target: Target): Target {
    if (Object(target) !== target) throw new TaskError("invalid_argument", WRONG_TARGET);
    if ("callTool" in target && "connect" in target) this.#attachClient(target as AttachableClient);
    else if ("send" in target && "start" in target) this.#connection(target);
    else throw new TaskError("invalid_argument", WRONG_TARGET);
    return target;
  }

  /**
   * Calls a tool and resolves as soon as its task is there; or, where the server answers without a task, with the
   * answer. The client or its transport must be attached.
   *
   * Rejects with {@link TaskError}: `invalid_argument` for a wrong option or a client that is not connected and
   * attached, `unsupported` where a task is required and cannot be had, `failed` for an error of the server's,
   * `cancelled` or `detached` where `signal` was aborted, `connection` or `unreachable` where no answer came.
   */
  async callTool<Client extends AttachableClient, const Name extends ToolName<Tools>, Schema = unknown>(
    client: Client,
    params: ToolCall<Tools, Name>,
    options: TaskCallOptions<Schema> = {},
  ): Promise<ToolHandle<Client, Tools, Name, Schema>> {
    return this.#handle(client, "tools/call", params, this.#plan(options), options);
  }

  /**
   * As {@link TaskClient.callTool} for a prompt. It becomes a task only where the server declares that
   * (`tasks.requests.prompts.get`, 2025-11-25).
   */
  getPrompt<Client extends AttachableClient>(
    client: Client,
    params: { readonly name: string; readonly [member: string]: unknown },
    options: TaskCallOptions = {},
  ): Promise<TaskHandle<MemberResult<Client, "getPrompt">>> {
    return this.request(client, "prompts/get", params, options) as never;
  }

  /** As {@link TaskClient.callTool} for a resource (`tasks.requests.resources.read`, 2025-11-25). */
  readResource<Client extends AttachableClient>(
    client: Client,
    params: { readonly uri: string; readonly [member: string]: unknown },
    options: TaskCallOptions = {},
  ): Promise<TaskHandle<MemberResult<Client, "readResource">>> {
    return this.request(client, "resources/read", params, options) as never;
  }

  /** As {@link TaskClient.callTool} for any method whose requests can become tasks. */
  async request(
    client: AttachableClient,
    method: TaskMethod,
    params: object,
    options: TaskCallOptions = {},
  ): Promise<TaskHandle<Readonly<Record<string, unknown>>>> {
    if (!Object.hasOwn(MEMBERS, method))
      throw new TaskError("invalid_argument", `request() takes one of the methods ${Object.keys(MEMBERS).join(", ")}.`);
    return this.#handle(client, method, params, this.#plan(options), options);
  }

  /**
   * Finds a task again that an earlier call created, maybe in another process. Rejects like {@link
   * TaskClient.callTool}, and with `not_found` where the server does not know the task (any more).
   */
  async resume<Client extends AttachableClient, Name extends ToolName<Tools>, Schema = unknown>(
    client: Client,
    reference: TaskReference<Name>,
    options: TaskCallOptions<Schema> = {},
  ): Promise<ToolHandle<Client, Tools, Name, Schema>> {
    if (own(reference, "format") !== 1 || typeof reference.taskId !== "string")
      throw new TaskError("invalid_argument", "resume() takes the `reference` of a task handle.");
    const { method = "tools/call" } = reference;
    if (!Object.hasOwn(MEMBERS, method))
      throw new TaskError("invalid_argument", "resume() takes the `reference` of a task handle.");
    const params = method === "resources/read" ? { uri: reference.tool } : { name: reference.tool };
    return this.#handle(client, method, params, { ...this.#plan(options), resume: reference }, options);
  }

  /** Stops following everything. Tasks go on, and can be resumed. */
  close(): void {
    for (const connection of this.#open) connection.stop();
    this.#open.clear();
  }

  #attachClient(client: AttachableClient): void {
    if (this.#sdkCalls.has(client)) return;
    const connect = client.connect.bind(client) as (...parameters: unknown[]) => Promise<unknown>;
    const changed = client as unknown as Record<string, unknown>;
    const sdkCalls: Record<string, SdkCall> = {};
    this.#sdkCalls.set(client, sdkCalls);
    // SDK v1 refuses to call what it has listed as a tool that runs only as a task.
    if ("isToolTaskRequired" in client) changed["isToolTaskRequired"] = () => false;
    changed["connect"] = (transport: object, ...rest: unknown[]) => {
      this.#connection(transport, client);
      return connect(transport, ...rest);
    };
    for (const [method, member] of Object.entries(MEMBERS) as [TaskMethod, string][]) {
      const sdkCall = changed[member];
      if (typeof sdkCall !== "function") continue;
      const call = (sdkCalls[member] = sdkCall.bind(client) as SdkCall);
      changed[member] = async (params: object, ...rest: unknown[]) => {
        const takesSchema = hasSchema(client, method);
        const options = rest[takesSchema ? 1 : 0] as TaskCallOptions | undefined;
        if (this.#isPlain(client, options)) return call(params, ...rest);
        const schema = takesSchema ? rest[0] : undefined;
        return this.#invoke(client, method, params, options ?? {}, schema, this.#plan(options ?? {}));
      };
    }
    if (typeof client.transport === "object" && client.transport !== null) this.#connection(client.transport, client);
  }

  /** Whether a call can be the SDK's alone: no task comes of it, and both SDKs wait as long for its answer as we do. */
  #isPlain({ transport }: AttachableClient, options: TaskCallOptions | undefined): boolean {
    const connection =
      typeof transport === "object" && transport !== null ? this.#connections.get(transport) : undefined;
    if (connection?.session.takesTasks !== false || this.#shared.plan.preference === "require") return false;
    return options === undefined || Object.keys(options).length === 0;
  }

  #connection(transport: object, client?: AttachableClient): Connection {
    let connection = this.#connections.get(transport);
    if (connection === undefined) {
      let made: Connection | undefined;
      const tapped = tap(transport as TransportLike, REQUESTOR, (wire) => (made = new Connection(wire, this.#shared)));
      if (!tapped || made === undefined)
        throw new TaskError("invalid_argument", "This transport is attached to another TaskClient.");
      connection = made;
      this.#connections.set(transport, connection);
      this.#open.add(connection);
    }
    if (client !== undefined) {
      connection.session.client ??= client as ConnectedClient;
      connection.session.unlocked = true;
    }
    return connection;
  }

  // What it resolves with is the server's answer, whichever type that has.
  #handle(
    client: AttachableClient,
    method: TaskMethod,
    params: object,
    plan: Plan,
    options: TaskCallOptions,
  ): Promise<TaskHandle<never, never>> {
    const transport = client.transport;
    const connection =
      typeof transport === "object" && transport !== null ? this.#connections.get(transport) : undefined;
    if (connection === undefined) {
      return Promise.reject(
        new TaskError(
          "invalid_argument",
          "The client is not connected, or neither it nor its transport is attached to this TaskClient: " +
            "call attach() and connect() first.",
        ),
      );
    }
    connection.session.client ??= client as ConnectedClient;
    return new Promise((resolve, reject) => {
      plan.created = resolve as (handle: TaskHandle) => void;
      this.#invoke(client, method, params, options, options.resultSchema, plan).then(
        () =>
          resolve(
            new Handle({
              answer: plan.answer,
              snapshot: { taskId: "", status: "completed", ttl: null },
            }) as TaskHandle as TaskHandle<never, never>,
          ),
        (reason: unknown) => reject(fromRejection(reason, whyRejected(plan, reason, options.signal))),
      );
    });
  }

  /** Calls a member of the SDK's client, marked with the plan. A task may outlive every default timeout. */
  async #invoke(
    client: AttachableClient,
    method: TaskMethod,
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
    if (isUntilTask) {
      const stop = new AbortController();
      abort = () => stop.abort(signal?.reason);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
      request["signal"] = stop.signal;
      plan.impatient = () => stop.abort("Request timed out");
      plan.patience = timeout;
      delete request["maxTotalTimeout"];
    }
    request["timeout"] = isUntilTask ? LONGEST_TIMER : timeout;
    const isRenewed = request["resetTimeoutOnProgress"] === true && request["onprogress"] !== undefined;
    plan.isSteady = timeout !== undefined && !isRenewed;
    if (isRenewed && !isUntilTask) plan.silence = timeout;

    const token = String(++this.#lastPlan);
    this.#plans.set(token, plan);
    const transport = client.transport;
    const meta: Record<string, unknown> = { ...(params as { _meta?: object })._meta, [PLAN]: token };
    if (creationKey !== undefined) meta[CREATION_KEY] = creationKey;
    const marked = { ...params, _meta: meta };
    const sdkCall =
      this.#sdkCalls.get(client)?.[MEMBERS[method]] ??
      (async (...parameters: unknown[]) =>
        (client as unknown as Record<string, SdkCall>)[MEMBERS[method]]?.(...parameters));
    try {
      plan.answer = hasSchema(client, method) ? sdkCall(marked, resultSchema, request) : sdkCall(marked, request);
      return await plan.answer;
    } catch (thrown) {
      // It was aborted, it timed out, or a handler of its input failed.
      if (typeof transport === "object" && transport !== null) this.#connections.get(transport)?.gaveUp(plan);
      throw thrown;
    } finally {
      this.#plans.delete(token);
      if (abort !== undefined) signal?.removeEventListener("abort", abort);
    }
  }

  #plan(options: TaskCallOptions): Plan {
    checkCallOptions(options);
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

/** Whether a member of a client takes the schema of the result before its options: `callTool` of SDK v1. */
function hasSchema(client: object, method: TaskMethod): boolean {
  return method === "tools/call" && !("getProtocolEra" in client);
}
