import { Requestor } from "./client/requestor.ts";
import type { Side } from "./client/side.ts";
import type { AnyTools, MemberResult, ToolCall, ToolHandle, ToolMap, ToolName } from "./tool-types.ts";
import type {
  AttachableClient,
  AttachableTransport,
  JournaledTask,
  TaskCallOptions,
  TaskClientOptions,
  TaskHandle,
  TaskMethod,
  TaskReference,
} from "./types.ts";
import { receivedBy } from "./wire/methods.ts";

export { taskOf } from "./client/task-of.ts";

const CLIENT: Side = {
  taker: "TaskClient",
  targets: "Client",
  members: { "tools/call": "callTool", "prompts/get": "getPrompt", "resources/read": "readResource" },
  methods: receivedBy("server"),
  resumed: ({ method, tool }) => (method === "resources/read" ? { uri: tool } : { name: tool }),
};

/**
 * Lets a client of either SDK call tools that run as tasks. `Tools` says which there are ({@link ToolMap}); without it,
 * any name and any arguments will do.
 */
export class TaskClient<Tools extends ToolMap<Tools> = AnyTools> {
  readonly #requestor: Requestor;

  /** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
  constructor(options: TaskClientOptions = {}) {
    this.#requestor = new Requestor(CLIENT, options);
  }

  /**
   * Makes tasks work on a client, or on a transport before it is connected; returns it. Its `callTool` then returns the
   * final result. Attach the client where you can: only then its timeout is not 60 s, and a failing handler is noticed.
   *
   * Throws {@link TaskError} `invalid_argument` for anything else, and for a transport that is attached already.
   */
  attach<Target extends AttachableClient | AttachableTransport>(target: Target): Target {
    this.#requestor.attach(target);
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
    return this.#requestor.request(client, "tools/call", params, options);
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
    return this.#requestor.request(client, method, params, options);
  }

  /**
   * Finds a task again that an earlier call created, maybe in another process. Rejects like {@link
   * TaskClient.callTool}, and with `not_found` where the server does not know the task (any more).
   */
  resume<Client extends AttachableClient, Name extends ToolName<Tools>, Schema = unknown>(
    client: Client,
    reference: TaskReference<Name>,
    options?: TaskCallOptions<Schema>,
  ): Promise<ToolHandle<Client, Tools, Name, Schema>>;
  /**
   * Goes on with all that the journal has open at this client's endpoint, for its principal, and that no other tab or
   * process follows: their handles. What another one follows comes to `ontask` when that one is gone. Calls of which
   * nothing is known are found by their keys, where the server takes such.
   */
  resume(client: AttachableClient): Promise<readonly TaskHandle[]>;
  async resume(
    client: AttachableClient,
    reference?: TaskReference,
    options: TaskCallOptions<never> = {},
  ): Promise<never> {
    const requestor = this.#requestor;
    if (reference !== undefined) return requestor.resume(client, reference, options) as Promise<never>;
    const handles = requestor.journal.resume(client, {
      resume: (on, known) => requestor.resume(on, known, options),
      repeat: (on, method, params, entry) => requestor.request(on, method, params, options, entry),
    });
    return handles as Promise<never>;
  }

  /** What the journal has: calls of which nothing is known, open tasks, and for a while those that have ended. */
  async tasks(): Promise<readonly JournaledTask[]> {
    return this.#requestor.journal.tasks();
  }

  /**
   * The handles of tasks that end from now on, each once, or that cannot be followed any more; not those that were
   * detached from. Each iterator has all of them, read or not: make it before the first call. It ends at `close()`, or
   * when it is left; 10,000 are kept for a reader that does not come, then `next()` rejects once with `limit`.
   */
  settled(): AsyncIterableIterator<TaskHandle> {
    return this.#requestor.settled();
  }

  /** Stops following everything. Tasks go on, and can be resumed. */
  close(): void {
    this.#requestor.close();
  }
}
