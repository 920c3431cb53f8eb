// Servers that ask their clients for tasks: an entry of its own, which others need not load.
import type { ConnectedClient } from "./client/call-plan.ts";
import type { Connection } from "./client/connection.ts";
import { type Caller, Requestor } from "./client/requestor.ts";
import type { Side } from "./client/side.ts";
import { own } from "./json.ts";
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
} from "./types.ts";
import { receivedBy } from "./wire/methods.ts";

const SERVER: Side = {
  taker: "ClientTasks",
  targets: "Server, a McpServer",
  members: { "sampling/createMessage": "createMessage", "elicitation/create": "elicitInput" },
  methods: receivedBy("client"),
  listen: (connection, transport, above) => new Introductions(connection, transport, above),
  // Both members look at what they are given, though it is not sent.
  resumed: () => ({ messages: [], maxTokens: 1, message: "", requestedSchema: { type: "object", properties: {} } }),
};

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
    this.#requestor = new Requestor(SERVER, options);
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

  constructor(connection: Connection, transport: object, above: SdkServer | undefined) {
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

  closed(): void {
    this.#connection.closed();
  }

  troubled(error: unknown): void {
    this.#connection.troubled(error);
  }
}
