// How a hostile client's bytes reach a server: as lines on a pipe, as objects in memory, or as HTTP exchanges. No
// sockets: they belong to Node, and what a server reads from them is the same.
import { PassThrough } from "node:stream";
import { InMemoryTransport as InMemoryV1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { StdioServerTransport as StdioV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { WebStandardStreamableHTTPServerTransport as HttpV1 } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport as StdioV2 } from "@modelcontextprotocol/server/stdio";
import type { TaskServer } from "mcp-longhaul";
import type { Message } from "../sdk/harness/frames.ts";

export const VERSION = "2026-07-28";

/** Somebody who sends, as the server's host has authenticated them. */
export interface Party {
  readonly name: string;
  readonly authInfo: object | undefined;
}

/** One message, or several, on their way to the server. */
export interface Post {
  readonly party: number;
  readonly text: string;
  /** What the text was before it was spoilt; HTTP headers are made of it. */
  readonly message: Message;
  readonly header: { readonly name: string; readonly value: string } | undefined;
  /** Everything that comes back on the exchange, where there is one. */
  readonly signal: AbortSignal;
}

export interface Heard {
  /** A message for a party; `post`: the exchange that it came on. */
  message(party: number, text: string, post: Post | undefined): void;
  /** The exchange is over (HTTP); `status` 0 if the client left. */
  over(post: Post, status: number, body: string): void;
  /** The server closed the connection. */
  closed(party: number): void;
}

export interface Carrier {
  send(post: Post): void;
  /** The party leaves, and comes back on a new connection. `false` where there is no connection to leave. */
  leave(party: number): boolean;
  close(): Promise<void>;
}

interface Connectable {
  connect(transport: never): Promise<void>;
}
export type Build = () => Connectable;
export type Open = (tasks: TaskServer, build: Build, parties: readonly Party[], heard: Heard) => Promise<Carrier>;

/** A pipe for each party, as `connect` makes it. */
async function pipes(
  parties: readonly Party[],
  connect: (party: number) => Promise<{ write(text: string): void; end(): Promise<void> | void }>,
): Promise<Carrier> {
  const open = await Promise.all(parties.map((_, party) => connect(party)));
  const ends: Promise<unknown>[] = [];
  return {
    send: ({ party, text }) => open[party]?.write(text),
    leave(party) {
      ends.push(Promise.resolve(open[party]?.end()));
      const queue: string[] = [];
      open[party] = { write: (text) => void queue.push(text), end: () => {} };
      const again = connect(party).then((connection) => {
        open[party] = connection;
        for (const text of queue) connection.write(text);
      });
      ends.push(again);
      return true;
    },
    async close() {
      await Promise.all(ends);
      await Promise.all(open.map((connection) => connection.end()));
    },
  };
}

function lines(stream: PassThrough, line: (text: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      line(rest.slice(0, end));
      rest = rest.slice(end + 1);
    }
  });
}

/** A line cannot have line breaks, and a hostile client cannot send half a character either. */
const oneLine = (text: string): string => `${text.replaceAll("\n", " ")}\n`;

export const stdioV1: Open = (_tasks, build, parties, heard) =>
  pipes(parties, async (party) => {
    const input = new PassThrough();
    const output = new PassThrough().setMaxListeners(0);
    let left = false;
    lines(output, (text) => left || heard.message(party, text, undefined));
    const transport = new StdioV1(input, output);
    const server = build();
    await server.connect(transport as never);
    const onclose = transport.onclose;
    transport.onclose = () => (onclose?.(), left || heard.closed(party));
    return { write: (text) => void input.write(oneLine(text)), end: () => ((left = true), transport.close()) };
  });

export const stdioV2: Open = (_tasks, build, parties, heard) =>
  pipes(parties, async (party) => {
    const input = new PassThrough();
    const output = new PassThrough().setMaxListeners(0);
    let left = false;
    lines(output, (text) => left || heard.message(party, text, undefined));
    const handle = serveStdio(build as never, { transport: new StdioV2(input, output) });
    output.once("close", () => left || heard.closed(party));
    return {
      write: (text) => void input.write(oneLine(text)),
      end: async () => {
        left = true;
        input.end();
        await handle.close();
      },
    };
  });

/** Objects, with what the host has authenticated beside each. What is no JSON cannot be sent. */
export const memoryV1: Open = (_tasks, build, parties, heard) =>
  pipes(parties, async (party) => {
    const [near, far] = InMemoryV1.createLinkedPair();
    let left = false;
    near.onmessage = (message) => left || heard.message(party, JSON.stringify(message), undefined);
    near.onclose = () => left || heard.closed(party);
    await near.start();
    await build().connect(far as never);
    const authInfo = parties[party]?.authInfo;
    return {
      write(text) {
        let message: never;
        try {
          message = JSON.parse(text) as never;
        } catch {
          return;
        }
        // What a transport is given by its peer is an object: the SDK's own transports see to it.
        if (typeof message !== "object" || message === null) return;
        void near
          .send(message, authInfo === undefined ? undefined : { authInfo: authInfo as never })
          .catch((error: unknown) => void Promise.reject(error));
      },
      end: () => ((left = true), near.close()),
    };
  });

/** Posts through a function that answers requests as `fetch` does. */
function exchanges(
  heard: Heard,
  serve: (request: Request, party: number) => Promise<Response>,
  headersOf: (post: Post) => Headers,
): { send(post: Post): void; settled(): Promise<unknown> } {
  const open = new Set<Promise<void>>();
  const run = async (post: Post): Promise<void> => {
    let status = 0;
    let body = "";
    try {
      const response = await serve(
        new Request("http://127.0.0.1/mcp", {
          method: "POST",
          headers: headersOf(post),
          body: post.text,
          signal: post.signal,
        }),
        post.party,
      );
      ({ status } = response);
      body = await read(response, post.signal, (text) => heard.message(post.party, text, post));
      if (post.signal.aborted) status = 0;
    } catch (error) {
      if (!post.signal.aborted) body = String((error as Error).stack);
    }
    heard.over(post, status, body);
  };
  return {
    send(post) {
      const exchange = run(post).finally(() => open.delete(exchange));
      open.add(exchange);
    },
    settled: () => Promise.all(open),
  };
}

/** Reads a response to its end or until the reader leaves; resolves with what was no message. */
async function read(response: Response, signal: AbortSignal, message: (text: string) => void): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const leave = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", leave, { once: true });
  const stream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      rest += decoder.decode(chunk.value, { stream: true });
      for (let end = rest.indexOf("\n\n"); stream && end >= 0; end = rest.indexOf("\n\n")) {
        const data = /^data: (.+)$/m.exec(rest.slice(0, end))?.[1];
        rest = rest.slice(end + 2);
        if (data !== undefined) message(data);
      }
    }
  } finally {
    signal.removeEventListener("abort", leave);
  }
  if (response.headers.get("content-type")?.startsWith("application/json") === true && rest !== "") {
    const parsed: unknown = JSON.parse(rest);
    for (const one of Array.isArray(parsed) ? parsed : [parsed]) message(JSON.stringify(one));
    return "";
  }
  return rest;
}

function headers(post: Post, more: Record<string, string>): Headers {
  const { message, header } = post;
  const made = new Headers({
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...more,
  });
  const params = message.params ?? {};
  if (params._meta?.["io.modelcontextprotocol/protocolVersion"] === VERSION) {
    made.set("mcp-protocol-version", VERSION);
    if (typeof message.method === "string") made.set("mcp-method", message.method);
    const name: unknown = params.taskId ?? params.name;
    if (typeof name === "string" && /^[\x21-\x7e]+$/.test(name)) made.set("mcp-name", name);
  } else made.set("mcp-protocol-version", "2025-11-25");
  if (header !== undefined) made.set(header.name, header.value);
  return made;
}

/** SDK v2's entry inside `TaskServer.fetch`. */
export const entryV2: Open = async (tasks, build, parties, heard) => {
  const handler = createMcpHandler(build as never, { legacy: "stateless" });
  const serve = tasks.fetch(handler);
  const { send, settled } = exchanges(
    heard,
    (request, party) => serve(request, { authInfo: parties[party]?.authInfo }),
    (post) => headers(post, {}),
  );
  return {
    send,
    leave: () => false,
    async close() {
      await handler.close();
      await settled();
    },
  };
};

/** SDK v1's Streamable HTTP: one session for all parties, which the first opens and whose standing stream it reads. */
export const sessionV1: Open = async (_tasks, build, parties, heard) => {
  const transport = new HttpV1({ sessionIdGenerator: () => crypto.randomUUID() });
  await build().connect(transport as never);
  const serve = (request: Request, party: number): Promise<Response> => {
    const authInfo = parties[party]?.authInfo;
    return transport.handleRequest(request, authInfo === undefined ? {} : { authInfo: authInfo as never });
  };
  const stop = new AbortController();
  const hello = {
    jsonrpc: "2.0",
    id: "hello",
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
      clientInfo: { name: "session", version: "1" },
    },
  };
  const response = await serve(
    new Request("http://127.0.0.1/mcp", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify(hello),
    }),
    0,
  );
  await response.text();
  const session = { "mcp-session-id": response.headers.get("mcp-session-id") ?? "" };
  const standing = await serve(
    new Request("http://127.0.0.1/mcp", { headers: { accept: "text/event-stream", ...session }, signal: stop.signal }),
    0,
  );
  const listening = read(standing, stop.signal, (text) => heard.message(0, text, undefined)).catch(() => {});
  const { send, settled } = exchanges(heard, serve, (post) => headers(post, session));
  return {
    send,
    leave: () => false,
    async close() {
      stop.abort();
      await transport.close();
      await settled();
      await listening;
    },
  };
};

/**
 * SDK v1's Streamable HTTP without sessions: a server and a transport for each request, which close with its response.
 */
export const statelessV1: Open = async (_tasks, build, parties, heard) => {
  const serve = async (request: Request, party: number): Promise<Response> => {
    const transport = new HttpV1({});
    await build().connect(transport as never);
    const authInfo = parties[party]?.authInfo;
    const response = await transport.handleRequest(
      request,
      authInfo === undefined ? {} : { authInfo: authInfo as never },
    );
    if (response.body === null) {
      await transport.close();
      return response;
    }
    const over = new TransformStream();
    void response.body
      .pipeTo(over.writable)
      .catch(() => {})
      .finally(() => transport.close());
    return new Response(over.readable, response);
  };
  const { send, settled } = exchanges(heard, serve, (post) => headers(post, {}));
  return { send, leave: () => false, close: async () => void (await settled()) };
};
