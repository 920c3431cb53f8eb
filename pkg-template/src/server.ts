import { REVISIONS, STATELESS } from "./wire/revisions.ts";
import { comesWithin, now } from "./clock.ts";
import { TaskError } from "./errors.ts";
import { NullTransport, serveRevision } from "./server/null-transport.ts";
import { LONGEST_MESSAGE, bounded } from "./server/bounds.ts";
import type { Call } from "./server/pending-call.ts";
import { isWhole, own } from "./json.ts";
import { isPromise } from "./server/facts.ts";
import { type Product, hasOwnTasks } from "./server/gate.ts";
import { type Context, callOf } from "./server/handler-context.ts";
import { Hooks } from "./server/hooks.ts";
import { Connection } from "./server/connection.ts";
import { maySubscribe, subscribe } from "./server/listen-http.ts";
import { PipeTap } from "./server/listen-pipe.ts";
import { type Kind, type Kinds, checkKinds } from "./options-check.ts";
import { checkOptions } from "./server/options-check.ts";
import type { Place } from "./server/peers.ts";
import { type Policies, readPolicies } from "./server/policy.ts";
import { withRetryAfter } from "./server/retry-after.ts";
import { Runtime } from "./server/runtime.ts";
import { sealed } from "./server/sealed.ts";
import { memoryStore } from "./stores/memory.ts";
import { lacksTaskName, withTaskName } from "./server/task-name.ts";
import type { MaybePromise } from "./store.ts";
import { RECEIVER, type TransportLike, tap } from "./tap.ts";
import type {
  AttachableClient,
  AttachableServer,
  AttachableTransport,
  InputAnswers,
  InputMethod,
  InputRequest,
  RunningTask,
  TaskServerOptions,
} from "./types.ts";
import * as core from "./wasm/generated/server.js";

/** The handler of an HTTP entry, as SDK v2's `createMcpHandler` makes it. */
export interface FetchHandler {
  /** Answers a request. Its options are the SDK's, `authInfo` among them. */
  fetch(request: Request, options?: never): Promise<Response>;
}

const TWO_KINDS_OF_TASKS =
  "The server runs tasks itself (`taskStore` of SDK v1): leave that out, or offer no tasks of 2025-11-25.";

const WRONG_TARGET = "TaskServer.attach() takes a Server, an McpServer or a transport of the MCP SDK.";

const FOR_CLIENTS = "TaskServer.attach() takes a Client where it has the option `sampling` or `elicitation`.";
const FOR_SERVERS = "TaskServer.attach() takes a Client only where it has the option `sampling` or `elicitation`.";

/** What {@link TaskServer.close} takes. */
export interface CloseOptions {
  /** How long handlers of tasks may go on, in ms. Default 0. */
  readonly drain?: number | undefined;
  /** How long the store may take after that, in ms. Default 10,000. */
  readonly timeout?: number | undefined;
}

const TIME: Kind = [(value) => isWhole(value, 0), "a whole number of milliseconds, from 0"];
const CLOSE_OPTIONS: Kinds<CloseOptions> = { drain: TIME, timeout: TIME };
/** What a store has to close what it opened, in ms, also where nothing is left of the time. */
const LEAST = 100;

/** Gives SDK servers durable tasks. One for all connections of a server. */
export class TaskServer {
  readonly #options: TaskServerOptions;
  readonly #policies: Policies;
  readonly #hooks: Hooks;
  #made: Runtime | undefined;
  readonly #connections = new WeakMap<TransportLike, Connection>();

  /** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
  constructor(options: TaskServerOptions = {}) {
    checkOptions(options);
    this.#options = options;
    this.#hooks = new Hooks(options);
    this.#policies = readPolicies(options);
  }

  /**
   * What runs the tasks: made when the first connection opens, because edge platforms forbid timers and random numbers
   * while a module loads.
   */
  get #runtime(): Runtime {
    if (this.#made === undefined) {
      const { payloads, store: given } = this.#options;
      const store = given ?? memoryStore();
      this.#made = new Runtime(
        this.#options,
        this.#policies,
        this.#hooks,
        payloads === undefined ? store : sealed(store, payloads),
        this.#hooks.makesServers ? (version) => this.#makePlace(version) : undefined,
      );
      this.#made.sweep();
    }
    return this.#made;
  }

  /**
   * Attaches tasks to a server of either SDK, before it is connected, or to a transport; to a client where it has the
   * option `sampling` or `elicitation`, which runs tasks for its server then. Returns what it was given.
   * Throws {@link TaskError} `invalid_argument` for a server that was made with `taskStore` of SDK v1, which runs tasks
   * itself. Handlers, clients and entry points stay as they are. Connecting throws {@link TaskError} `wasm` where the
   * platform forbids WebAssembly.
   */
  attach<T extends AttachableServer | AttachableClient | AttachableTransport>(target: T): T {
    if (Object(target) !== target) throw new TaskError("invalid_argument", WRONG_TARGET);
    const isClient = this.#policies.side === "client";
    if (isClient !== "callTool" in target)
      throw new TaskError("invalid_argument", isClient ? FOR_CLIENTS : FOR_SERVERS);
    if ("connect" in target && typeof target.connect === "function")
      this.#attachServer(target as unknown as Product & { connect(transport: TransportLike): Promise<void> });
    else if ("send" in target && "start" in target) this.#tap(target as TransportLike, undefined);
    else throw new TaskError("invalid_argument", WRONG_TARGET);
    return target;
  }

  /**
   * The task that a handler runs in, or that its call may still become; `undefined` where it stays an ordinary call.
   * @param context - the handler's last argument (`ctx` in SDK v2, `extra` in SDK v1)
   */
  current(context: object | undefined): RunningTask | undefined {
    const runtime = this.#runtime;
    const call = callOf(runtime.registry, context as Context | undefined);
    if (call === undefined || !core.mayBeTask(runtime.port.receiver, call.number)) return undefined;
    return running(runtime, call);
  }

  /**
   * Makes the call that a handler runs in a task now, where the client can take one (policy `task: "handler"`).
   * Resolves with the task, or with `undefined` where the call stays an ordinary one.
   */
  async create(context: object | undefined): Promise<RunningTask | undefined> {
    const runtime = this.#runtime;
    const call = callOf(runtime.registry, context as Context | undefined);
    if (call === undefined) return undefined;
    runtime.port.enter(core.promote, call.number);
    if (call.taskId === undefined && core.isCreating(runtime.port.receiver, call.number))
      await new Promise<void>((resolve) => call.whenSettled(resolve));
    return call.taskId === undefined ? undefined : running(runtime, call);
  }

  /**
   * Wraps an HTTP entry: `subscriptions/listen` tells of tasks, a platform that stops idle workers waits for running
   * tasks, and what is refused because of a limit is answered with the status 429 and `Retry-After`. With
   * `fillTaskName` it names the task in the header where a client left that out. What a Worker has verified about its
   * caller goes where its environment would: `(request, { authInfo }, ctx)`. Throws {@link TaskError}
   * `invalid_argument` for what is no such handler.
   */
  fetch(
    handler: FetchHandler,
  ): (
    request: Request,
    options?: unknown,
    context?: { waitUntil(promise: Promise<unknown>): void },
  ) => Promise<Response> {
    if (typeof (handler as FetchHandler | undefined)?.fetch !== "function")
      throw new TaskError(
        "invalid_argument",
        "TaskServer.fetch() takes what `createMcpHandler` of SDK v2 makes, an object with `fetch`.",
      );
    return async (received, options, context) => {
      // A worker's entry is called with its environment and context, the SDK's with options.
      const sdkOptions = context === undefined ? options : { authInfo: own(options, "authInfo") };
      const unnamed = lacksTaskName(received);
      const fills = unnamed && this.#options.fillTaskName === true;
      const request = fills ? await withTaskName(received, own(sdkOptions, "parsedBody")) : received;
      const respond = (): Promise<Response> => handler.fetch(request, sdkOptions as never);
      const response = withRetryAfter(
        request,
        await (maySubscribe(request) ? subscribe(this.#runtime, request, sdkOptions, respond) : respond()),
      );
      if (unnamed && !fills && response.status === 400) this.#runtime.unnamed();
      try {
        context?.waitUntil(this.#runtime.registry.whenIdle());
      } catch (cause) {
        this.#runtime.port.report(
          new TaskError(
            "invalid_argument",
            "The platform's `waitUntil` threw `cause`: tasks may end with their worker.",
            { cause },
          ),
        );
      }
      return response;
    };
  }

  /**
   * Begins at once what otherwise begins with the first connection: looking for tasks whose time or lease is over, and
   * running again those that lost their process (see {@link TaskServerOptions.server}). Not while a module loads on an
   * edge platform.
   */
  start(): void {
    void this.#runtime;
  }

  /**
   * {@link TaskServer.start}, and another look at once if it has begun. For platforms where something else than a timer
   * wakes the server up: an alarm, a cron job.
   */
  sweep(): void {
    this.#runtime.sweep();
  }

  /**
   * Ends this process's part in the tasks (X-STO-11). From the call on, no call becomes a task: one that must be a task
   * is refused, any other runs as an ordinary call. Handlers of tasks may finish for `drain` ms (default 0). Then
   * whoever waits in `tasks/result` loses that stream, or the connection where it is one stream, without an answer;
   * handlers that still run are aborted; their tasks may run in another process at once (`onLost: "restart"`), or fail.
   * When all of that is stored, timers and watches stop, and what the store opened itself is closed, never your own
   * handle.
   *
   * It takes `drain` and `timeout` ms (default 10,000) at most: what a store that fails or does not answer leaves
   * unsettled by then is told to `onerror`, and other processes find it when its lease is over. A second call waits for
   * the first.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    const begun = now();
    checkKinds("TaskServer.close()", options, CLOSE_OPTIONS);
    const { drain = 0, timeout = 10_000 } = options;
    await this.#made?.leave(drain, timeout);
    try {
      const closing = this.#options.store?.close?.();
      if (isPromise(closing)) await comesWithin(Math.max(drain + timeout - (now() - begun), LEAST), closing);
    } catch (cause) {
      throw new TaskError("storage", "The tasks are closed, but what their store opened could not be: see `cause`.", {
        cause,
      });
    }
  }

  /** A server of the host's, connected to nobody. */
  #makePlace(version: string): Place {
    const server = this.#hooks.makeServer() as Product & { connect(transport: TransportLike): Promise<void> };
    if (version === STATELESS.version) serveRevision(server, version);
    const transport = new NullTransport();
    const connected = this.attach(server).connect(transport);
    const connection = this.#connections.get(transport);
    if (connection === undefined)
      throw new TaskError("invalid_argument", "`server` of TaskServer made a server that cannot be attached.");
    return { caller: connection.calls, connected };
  }

  #attachServer(server: Product & { connect(...parameters: unknown[]): Promise<unknown> }): void {
    const { generations } = this.#options;
    // Where clients ask for tasks, only one of the two can answer them.
    const isAsked = REVISIONS.some(
      ({ serverDecides, version }) => !serverDecides && (generations?.includes(version) ?? true),
    );
    if (isAsked && this.#policies.offered && hasOwnTasks(server))
      throw new TaskError("invalid_argument", TWO_KINDS_OF_TASKS);
    for (const product of [server, server.server as typeof server | undefined]) {
      if (product === undefined) continue;
      const connect = product.connect.bind(product);
      product.connect = (transport, ...rest) => {
        this.#tap(transport as TransportLike, server);
        return connect(transport, ...rest);
      };
    }
  }

  #tap(transport: TransportLike, product: Product | undefined): void {
    // `serveStdio` hands its servers a channel, and keeps subscriptions to itself.
    const below = (transport as { readonly _wire?: TransportLike })._wire;
    if (below !== undefined) tap(below, RECEIVER, (wire) => new PipeTap(this.#runtime, wire));
    tap(transport, RECEIVER, (wire) => {
      const connection = new Connection(this.#runtime, wire, transport, product);
      this.#connections.set(transport, connection);
      return connection;
    });
  }
}

function running(runtime: Runtime, call: Call): RunningTask {
  return {
    get taskId() {
      return call.taskId;
    },
    signal: call.signal,
    async status(message) {
      if (typeof message !== "string") throw new TaskError("invalid_argument", "status() takes a text.");
      runtime.port.enter(core.setStatusMessage, call.number, bounded(message, LONGEST_MESSAGE));
    },
    requireInput: <Method extends InputMethod>(request: InputRequest<Method>, key?: string) =>
      runtime.input.require(call, request, key) as Promise<InputAnswers[Method]>,
    step: <Value>(name: string, run: () => MaybePromise<Value>) =>
      runtime.steps.take(call, name, run) as Promise<Value>,
  };
}
