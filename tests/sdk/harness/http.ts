// HTTP servers on real sockets, and a requester that posts to them and reads JSON and event streams.
import { randomUUID } from "node:crypto";
import { type IncomingMessage, type RequestListener, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  StreamableHTTPServerTransport,
  type StreamableHTTPServerTransportOptions,
} from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { NodeStreamableHTTPServerTransport, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { Message } from "./frames.ts";
import { Requester } from "./requester.ts";

interface Connectable {
  connect(transport: never): Promise<void>;
  close(): Promise<void>;
}

/** A server that listens on a port of its own. */
export class HttpServer {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  }

  static async listen(listener: RequestListener): Promise<HttpServer> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new HttpServer(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What a test's servers take the bearer token for: `auth.ts` of a real server. */
export type Authenticate = (token: string | undefined) => unknown;

function authOf(request: IncomingMessage, authenticate: Authenticate | undefined): unknown {
  const token = request.headers.authorization?.replace(/^Bearer /, "");
  return authenticate?.(token);
}

type Sessions = {
  authenticate?: Authenticate;
  transport?: Partial<StreamableHTTPServerTransportOptions>;
  /** The transport of another version of SDK v1. */
  Transport?: typeof StreamableHTTPServerTransport;
};

/** SDK v1, a transport for each session. */
export function statefulV1(make: () => Connectable, options: Sessions = {}): Promise<HttpServer> {
  const { Transport = StreamableHTTPServerTransport, ...rest } = options;
  return stateful((more) => new Transport(more), make, rest);
}

/** SDK v2, a transport for each session. */
export function statefulV2(make: () => Connectable, options: Sessions = {}): Promise<HttpServer> {
  return stateful(
    (more) => new NodeStreamableHTTPServerTransport(more as never) as unknown as StreamableHTTPServerTransport,
    make,
    options,
  );
}

function stateful(
  open: (options: StreamableHTTPServerTransportOptions) => StreamableHTTPServerTransport,
  make: () => Connectable,
  options: Sessions,
): Promise<HttpServer> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  return HttpServer.listen(async (request, response) => {
    Object.assign(request, { auth: authOf(request, options.authenticate) });
    const session = request.headers["mcp-session-id"];
    const known = typeof session === "string" ? sessions.get(session) : undefined;
    if (known !== undefined) return known.handleRequest(request, response);
    if (typeof session === "string")
      return void response
        .writeHead(404, { "content-type": "application/json" })
        .end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
    const transport = open({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
      ...options.transport,
    });
    await make().connect(transport as never);
    await transport.handleRequest(request, response);
  });
}

/** SDK v1, a server and a transport for each request, closed with the response as SDK v1's own example does. */
export function statelessV1(
  make: () => Connectable,
  options: { authenticate?: Authenticate; transport?: Partial<StreamableHTTPServerTransportOptions> } = {},
): Promise<HttpServer> {
  return HttpServer.listen(async (request, response) => {
    if (request.method !== "POST") return void response.writeHead(405).end();
    Object.assign(request, { auth: authOf(request, options.authenticate) });
    const server = make();
    const transport = new StreamableHTTPServerTransport({ ...options.transport, sessionIdGenerator: undefined });
    response.on("close", () => {
      void transport.close();
      void server.close();
    });
    await server.connect(transport as never);
    await transport.handleRequest(request, response);
  });
}

/** SDK v2's entry for both eras. */
export function entryV2(
  make: () => Connectable,
  options: {
    authenticate?: Authenticate;
    wrap?: (handler: ReturnType<typeof createMcpHandler>) => {
      fetch(request: Request, options?: never): Promise<Response>;
    };
  } = {},
): Promise<HttpServer> {
  const handler = createMcpHandler(() => make() as never);
  const serve = toNodeHandler((options.wrap?.(handler) ?? handler) as never);
  return HttpServer.listen(async (request, response) => {
    Object.assign(request, { auth: authOf(request, options.authenticate) });
    await serve(request as never, response);
  });
}

/** Posts each message, reads whatever comes back. */
export class HttpRequester extends Requester {
  readonly url: string;
  /** Sent with every request; the session id joins them when the server names one. */
  readonly headers: Record<string, string>;
  readonly #open = new Map<unknown, AbortController>();

  constructor(url: string, headers: Record<string, string> = {}) {
    super();
    this.url = url;
    this.headers = headers;
  }

  async send(message: Message): Promise<void> {
    await this.post(message);
  }

  /** Posts a message with extra headers and resolves with the response's head. */
  async post(message: Message, headers: Record<string, string> = {}): Promise<Response> {
    const on =
      message.method === undefined || message.id === undefined
        ? "POST"
        : `POST ${message.method} ${JSON.stringify(message.id)}`;
    this.sent(message, on);
    const controller = new AbortController();
    if (message.method !== undefined && message.id !== undefined) this.#open.set(message.id, controller);
    const response = await fetch(this.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...this.headers,
        ...headers,
      },
      body: JSON.stringify(message),
      signal: controller.signal,
    });
    const session = response.headers.get("mcp-session-id");
    if (session !== null) this.headers["mcp-session-id"] = session;
    void this.#read(response, on, message.id).catch(() => {});
    return response;
  }

  /** Opens the stream for what belongs to no request; resolves when it is open. */
  async listen(headers: Record<string, string> = {}): Promise<{ status: number; close(): void }> {
    const controller = new AbortController();
    const response = await fetch(this.url, {
      headers: { accept: "text/event-stream", ...this.headers, ...headers },
      signal: controller.signal,
    });
    if (response.ok) void this.#read(response, "GET", undefined).catch(() => {});
    return { status: response.status, close: () => controller.abort() };
  }

  /** Drops the connection that waits for the answer to a request. */
  drop(id: unknown): void {
    this.#open.get(id)?.abort();
    this.#open.delete(id);
  }

  /** Ends the session. */
  async end(): Promise<number> {
    const response = await fetch(this.url, { method: "DELETE", headers: this.headers });
    await response.body?.cancel();
    return response.status;
  }

  async close(): Promise<void> {
    for (const controller of this.#open.values()) controller.abort();
    this.#open.clear();
  }

  /** Ids of events as they came, for `Last-Event-ID`. */
  readonly eventIds: { on: string; id: string }[] = [];

  async #read(response: Response, on: string, id: unknown): Promise<void> {
    const type = response.headers.get("content-type") ?? "";
    const http = { status: response.status, type };
    if (type.startsWith("text/event-stream")) {
      let rest = "";
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        rest += chunk;
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          const event = rest.slice(0, end).split("\n");
          rest = rest.slice(end + 2);
          const name = event.find((line) => line.startsWith("id: "));
          if (name !== undefined) this.eventIds.push({ on, id: name.slice(4) });
          const data = event
            .filter((line) => line.startsWith("data: "))
            .map((line) => line.slice(6))
            .join("\n");
          if (data.trim() !== "") this.received(JSON.parse(data) as Message, on, http);
        }
      }
    } else {
      const body = await response.text();
      if (body !== "" && type.startsWith("application/json")) {
        const parsed = JSON.parse(body) as Message | Message[];
        for (const message of Array.isArray(parsed) ? parsed : [parsed])
          this.received(message.id === null ? { ...message, id } : message, on, http);
      }
    }
    this.#open.delete(id);
  }
}
