// Servers that ask their clients for tasks: an entry of its own, which others need not load.
import type { ConnectedClient } from "./client/call-plan.ts";
import type { Connection } from "./client/connection.ts";
import { type Caller, Requestor } from "./client/requestor.ts";
import type { Side } from "./client/side.ts";
import { snapshotView } from "./client/facts.ts";
import { TaskError } from "./errors.ts";
import { isObject, own, textOf } from "./json.ts";
import { NAME } from "./name.ts";
import { hasStandingStream } from "./server/streams.ts";
import type { Extra, Listener, Message, SendOptions } from "./tap.ts";
import type { MemberResult } from "./tool-types.ts";
import type {
  AttachableServer,
  AttachableTransport,
  ClientTaskMethod,
  TaskCallOptions,
  TaskClientOptions,
  TaskHandle,
  TaskReference,
  TaskSnapshot,
  TaskStatus,
} from "./types.ts";
import { receivedBy } from "./wire/methods.ts";
import { STATEFUL } from "./wire/revisions.ts";

const SERVER: Side = {
  taker: "ClientTasks",
  targets: "Server, a McpServer",
  members: { "sampling/createMessage": "createMessage", "elicitation/create": "elicitInput" },
  methods: receivedBy("client"),
  // Both members look at what they are given, though it is not sent.
  resumed: () => ({ messages: [], maxTokens: 1, message: "", requestedSchema: { type: "object", properties: {} } }),
};

/** How long a page of tasks may take, in ms. */
const PATIENCE = 60_000;
/** What is known of the client behind each transport. */
const INTRODUCTIONS = new WeakMap<object, Introductions>();

/** What servers of both SDKs know of their clients. */
interface SdkServer {
  getClientVersion?(): unknown;
  getClientCapabilities?(): unknown;
  getNegotiatedProtocolVersion?(): unknown;
}

/**
 * Lets a server of either SDK ask its client for tasks (2025-11-25): `sampling/createMessage` and `elicitation/create`
 * become tasks of the client's where that declares it, and are requests as ever where it does not. One for all
 * connections of a server.
 */
export class ClientTasks {
  readonly #requestor: Requestor;

  /** Throws {@link TaskError} `invalid_argument` naming the option that is wrong. */
  constructor(options: TaskClientOptions = {}) {
    const side: Side = {
      ...SERVER,
      listen: (connection, transport, above) => {
        const introductions = new Introductions(connection, transport, above, this.#requestor);
        INTRODUCTIONS.set(transport, introductions);
        return introductions;
      },
    };
    this.#requestor = new Requestor(side, options);
  }

  /**
   * Makes tasks of clients work on a server, before it is connected, or on a transport of a server's; returns it. Its
   * `createMessage` and `elicitInput` then return the final result, and so does whatever a handler asks the client,
   * also from inside a task of a {@link TaskServer}: that is `input_required` meanwhile.
   *
   * Throws {@link TaskError} `invalid_argument` for anything else, and for a transport that is attached already.
   */
  attach<Target extends AttachableServer | AttachableTransport>(target: Target): Target {
    this.#requestor.attach(sdkServer(target));
    return target;
  }

  /**
   * Asks the client's model and resolves as soon as its task is there; or, where the client answers without a task,
   * with the answer. The server or its transport must be attached. Rejects with {@link TaskError} as
   * {@link TaskClient.callTool} does.
   */
  createMessage<Server extends AttachableServer>(
    server: Server,
    params: object,
    options: TaskCallOptions = {},
  ): Promise<TaskHandle<MemberResult<SdkServerOf<Server>, "createMessage">>> {
    return this.request(server, "sampling/createMessage", params, options) as never;
  }

  /** As {@link ClientTasks.createMessage} for what the client's user is asked. */
  elicitInput<Server extends AttachableServer>(
    server: Server,
    params: object,
    options: TaskCallOptions = {},
  ): Promise<TaskHandle<MemberResult<SdkServerOf<Server>, "elicitInput">>> {
    return this.request(server, "elicitation/create", params, options) as never;
  }

  /** As {@link ClientTasks.createMessage} for either method. */
  async request(
    server: AttachableServer,
    method: ClientTaskMethod,
    params: object,
    options: TaskCallOptions = {},
  ): Promise<TaskHandle<Readonly<Record<string, unknown>>>> {
    return this.#requestor.request(sdkServer(server), method, params, options);
  }

  /**
   * Finds a task again that an earlier request created. Rejects like {@link ClientTasks.createMessage}, and with
   * `not_found` where the client does not know the task (any more).
   */
  async resume(
    server: AttachableServer,
    reference: TaskReference,
    options: TaskCallOptions = {},
  ): Promise<TaskHandle<Readonly<Record<string, unknown>>>> {
    return this.#requestor.resume(sdkServer(server), reference, options);
  }

  /**
   * The tasks that the client has of this server's requests, page by page, as they stand. Rejects with {@link
   * TaskError}: `invalid_argument` for a server that is not connected and attached, `unsupported` where the client does
   * not declare `tasks.list`, `failed` for its errors, `protocol` for an answer that is no list, `connection`,
   * `unreachable` where it takes longer than 60 s for a page.
   */
  async *list(server: AttachableServer): AsyncIterableIterator<TaskSnapshot> {
    const introductions = this.#introductions(server);
    if (!isObject(introductions.declared("list")))
      throw new TaskError("unsupported", "The client does not declare that it lists tasks (`tasks.list`).");
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await introductions.ask("tasks/list", cursor === undefined ? {} : { cursor });
      const tasks = own(page, "tasks");
      if (!Array.isArray(tasks)) throw new TaskError("protocol", "The client's answer to `tasks/list` is no list.");
      for (const task of tasks) if (isObject(task)) yield snapshotView(task, STATEFUL);
      cursor = textOf(page, "nextCursor");
      // A client that names the same page again would be asked for ever.
      if (cursor !== undefined && seen.has(cursor)) return;
      if (cursor !== undefined) seen.add(cursor);
    } while (cursor !== undefined);
  }

  /**
   * Cancels a task of the client's by its id or reference. Resolves with its status then; rejects like {@link
   * ClientTasks.resume}, and where the client cannot cancel.
   */
  async cancel(server: AttachableServer, task: string | TaskReference): Promise<TaskStatus | undefined> {
    const reference: TaskReference =
      typeof task === "string"
        ? { format: 1, taskId: task, tool: "", method: "sampling/createMessage", generation: STATEFUL.version as never }
        : task;
    const handle = await this.resume(server, reference);
    // Whatever it ends with, nobody waits for it here.
    handle.result().catch(() => {});
    try {
      return await handle.cancel();
    } finally {
      handle.detach();
    }
  }

  #introductions(server: AttachableServer): Introductions {
    const transport = sdkServer(server).transport as object | undefined;
    const introductions = transport && INTRODUCTIONS.get(transport);
    if (introductions?.by !== this.#requestor)
      throw new TaskError("invalid_argument", "It is not attached to this ClientTasks, or not connected.");
    return introductions;
  }

  /** Stops following everything. Tasks go on, and can be resumed. */
  close(): void {
    this.#requestor.close();
  }
}

/** The low-level server of an `McpServer`, which has the members that ask. */
export type SdkServerOf<Server> = Server extends { readonly server: infer Inner } ? Inner : Server;

function sdkServer(target: object): Caller {
  const { server } = Object(target) as { server?: Caller };
  return server ?? (target as Caller);
}

/** Hears how a client introduces itself: by its `initialize`, and by what the server answers. */
class Introductions implements Listener {
  readonly #connection: Connection;
  readonly #transport: object;
  #introduction: Message | undefined;
  /** What the client has said of itself, once the server has answered, and whether requests reach it by themselves. */
  #client: { readonly version: unknown; readonly capabilities: unknown; isReached: boolean | undefined } | undefined;

  /** The requestor whose connection it is. */
  readonly by: Requestor;
  /** What waits for an answer of the client's, by id. */
  readonly #asked = new Map<unknown, (answer: Message | undefined) => void>();

  constructor(connection: Connection, transport: object, above: SdkServer | undefined, by: Requestor) {
    this.by = by;
    this.#connection = connection;
    this.#transport = transport;
    const { session } = connection;
    // Until its client is known, nothing is offered.
    session.takesTasks = false;
    if (above === undefined) return;
    const client: ConnectedClient = {
      getServerVersion: () => above.getClientVersion?.(),
      getServerCapabilities: () => above.getClientCapabilities?.(),
      getNegotiatedProtocolVersion: () => above.getNegotiatedProtocolVersion?.(),
    };
    session.client = client;
  }

  inbound(message: Message, extra: Extra): void {
    const asked = message.method === undefined ? this.#asked.get(message.id) : undefined;
    if (asked !== undefined) return asked(message);
    if (message.method === "initialize" && message.id !== undefined) this.#introduction = message;
    this.#connection.inbound(message, extra);
  }

  outbound(message: Message, options: SendOptions): Promise<void> {
    const { id, params } = this.#introduction ?? {};
    if (message.method === undefined && id !== undefined && message.id === id) {
      this.#introduction = undefined;
      this.#connection.session.peer = own(params, "clientInfo");
      const version = own(message.result, "protocolVersion");
      this.#client = { version, capabilities: own(params, "capabilities"), isReached: undefined };
      this.#look();
    }
    if (message.method !== undefined && message.id !== undefined) this.#look();
    return this.#connection.outbound(message, options);
  }

  /** Offers tasks while polls reach the client: over HTTP, while it has a stream open for what answers no request. */
  #look(): void {
    const isReached = hasStandingStream(this.#transport);
    if (this.#client === undefined || this.#client.isReached === isReached) return;
    this.#client.isReached = isReached;
    const { version, capabilities } = this.#client;
    // What is not so now may be so later.
    this.#connection.session.introduce(version, isReached ? capabilities : {}, isReached);
  }

  /** What the client has declared of its tasks. */
  declared(name: string): unknown {
    const { session } = this.#connection;
    return own(this.#client?.capabilities ?? session.client?.getServerCapabilities?.(), "tasks", name);
  }

  /** A request about no task, whose answer decides nothing. */
  async ask(method: string, params: object): Promise<unknown> {
    const id = `${NAME}/${crypto.randomUUID()}`;
    let late: ReturnType<typeof setTimeout> | undefined;
    try {
      const answer = await new Promise<Message | undefined>((resolve, reject) => {
        this.#asked.set(id, resolve);
        const text = `The client has not answered \`${method}\` in ${PATIENCE / 1000} s.`;
        late = setTimeout(() => reject(new TaskError("unreachable", text)), PATIENCE);
        this.#connection
          .outbound({ jsonrpc: "2.0", id, method, params } as Message, undefined)
          .catch((cause: unknown) => {
            reject(new TaskError("connection", `\`${method}\` could not be sent.`, { cause }));
          });
      });
      if (answer === undefined)
        throw new TaskError("connection", "The connection was closed before the client answered.");
      const { error } = answer;
      if (error !== undefined) throw new TaskError("failed", error.message, { cause: error, data: error.data });
      return answer.result;
    } finally {
      clearTimeout(late);
      this.#asked.delete(id);
    }
  }

  closed(): void {
    for (const settle of this.#asked.values()) settle(undefined);
    this.#connection.closed();
  }

  troubled(error: unknown): void {
    this.#connection.troubled(error);
  }
}
