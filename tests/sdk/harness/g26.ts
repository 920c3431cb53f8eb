// A server on SDK v2 and a client that speaks 2026-07-28 by hand: it says in each request what the test wants it to
// say, and every answer is held against schemas that this repository did not write.
import {
  CallToolResultV2Schema,
  CancelTaskResultV2Schema,
  CreateTaskResultV2Schema,
  GetTaskResultV2Schema,
  UpdateTaskResultV2Schema,
} from "@modelcontextprotocol/ext-tasks/core/v2";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  InMemoryTransport,
  McpServer,
  Server,
  specTypeSchemas,
  type AuthInfo,
  type CreateMcpHandlerOptions,
  type ServerOptions,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer, type TaskEvent, type TaskServerOptions } from "mcp-longhaul";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";

export const VERSION = "2026-07-28";
export const EXTENSION = "io.modelcontextprotocol/tasks";
export const RELATED = "io.modelcontextprotocol/related-task";
export const KEYS = {
  version: "io.modelcontextprotocol/protocolVersion",
  capabilities: "io.modelcontextprotocol/clientCapabilities",
  client: "io.modelcontextprotocol/clientInfo",
  logLevel: "io.modelcontextprotocol/logLevel",
} as const;
/** A client that can do everything. */
export const ALL = {
  extensions: { [EXTENSION]: {} },
  elicitation: { form: {}, url: {} },
  sampling: { tools: {} },
  roots: {},
};
/** A client that can do everything but tasks. */
export const PLAIN = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
/** A client that has nothing but tasks. */
export const TASKS = { extensions: { [EXTENSION]: {} } };

// A test reads what a peer sent; the schemas have said what it is.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;
export interface Frame {
  readonly from: "client" | "server";
  readonly message: Json;
  readonly status?: number | undefined;
  /** The method that this answers. */
  readonly of?: string | undefined;
}
/** Every frame of every world in this process. */
export const FRAMES: Frame[] = [];

/** What came back for one request. */
export interface Answer {
  readonly id: unknown;
  /** Of the HTTP response. */
  readonly status: number | undefined;
  readonly result: Json;
  readonly error: { code: number; message: string; data?: Json } | undefined;
  /** What came on the same stream before. */
  readonly notifications: Json[];
  readonly text: string;
}

export interface Says {
  /** The client capabilities; `null` leaves them out. */
  readonly caps?: unknown;
  /** The protocol version; `null` leaves it out. */
  readonly version?: string | null;
  /** More members of `_meta`. */
  readonly meta?: Record<string, unknown>;
  readonly id?: unknown;
  readonly auth?: AuthInfo | undefined;
  /** HTTP headers, over the right ones; `null` leaves one out. */
  readonly headers?: Record<string, string | null>;
  readonly signal?: AbortSignal;
}

export type Tool = (args: Json, ctx: Json) => unknown;
export type Way = "fetch" | "http" | "pipe";
export interface WorldOptions {
  readonly tools: Record<string, Tool>;
  readonly tasks?: TaskServerOptions;
  /** Takes the place of a TaskServer of its own. */
  readonly server?: TaskServer;
  readonly way?: Way;
  /** The low-level `Server` in place of `McpServer`. */
  readonly low?: boolean;
  readonly sdk?: ServerOptions;
  readonly entry?: CreateMcpHandlerOptions;
  readonly schemas?: Record<string, z.ZodObject>;
  /** Does not attach tasks. */
  readonly bare?: boolean;
}

const SERVER_CAPABILITIES = { tools: { listChanged: true }, logging: {}, prompts: {} };

export function buildServer({ tools, low = false, sdk = {}, schemas = {} }: WorldOptions): McpServer | Server {
  const info = { name: "g26", version: "1.0.0" };
  const options = { capabilities: SERVER_CAPABILITIES, ...sdk };
  if (low) {
    const server = new Server(info, options);
    server.setRequestHandler("tools/list", () => ({
      tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" as const } })),
    }));
    server.setRequestHandler(
      "tools/call",
      async ({ params }, ctx) => (await tools[params.name]?.(params.arguments ?? {}, ctx)) as never,
    );
    return server;
  }
  const server = new McpServer(info, options);
  for (const [name, run] of Object.entries(tools)) {
    server.registerTool(
      name,
      { description: name, inputSchema: schemas[name] ?? z.looseObject({}) },
      (args, ctx) => run(args, ctx) as never,
    );
  }
  server.registerPrompt("prompt", { description: "a prompt" }, () => ({
    messages: [{ role: "user", content: { type: "text", text: "hi" } }],
  }));
  return server;
}

/** One server with its tasks, and the client. */
export class World {
  readonly tasks: TaskServer;
  readonly events: TaskEvent[] = [];
  readonly errors: unknown[] = [];
  readonly frames: Frame[] = [];
  /** Called when a response's connection closes (way `http`). */
  onleft: () => void = () => {};
  readonly way: Way;
  readonly #options: WorldOptions;
  #post: ((body: Json, says: Says, headers: Headers) => Promise<Response>) | undefined;
  #url: string | undefined;
  #pipe: InMemoryTransport | undefined;
  readonly #waiting = new Map<unknown, (answer: Answer) => void>();
  readonly #notifications: Json[] = [];
  readonly #closers: (() => unknown)[] = [];
  #lastId = 0;

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.way = options.way ?? "fetch";
    this.tasks =
      options.server ??
      new TaskServer({
        onevent: (event) => this.events.push(event),
        onerror: (error) => this.errors.push(error),
        ...options.tasks,
      });
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    await world.#start();
    return world;
  }

  get url(): string {
    return this.#url ?? "http://127.0.0.1/mcp";
  }

  async #start(): Promise<void> {
    const make = (): McpServer | Server => {
      const server = buildServer(this.#options);
      return this.#options.bare ? server : this.tasks.attach(server);
    };
    if (this.way === "pipe") {
      const [client, server] = InMemoryTransport.createLinkedPair();
      const handle = serveStdio(make, { transport: server });
      client.onmessage = (message) => this.#arrived(message as Json, undefined);
      await client.start();
      this.#pipe = client;
      this.#closers.push(
        () => client.close(),
        () => handle.close(),
      );
      return;
    }
    const handler = createMcpHandler(make, this.#options.entry);
    const serve = this.tasks.fetch(handler as never) as (request: Request, options?: unknown) => Promise<Response>;
    this.#closers.push(() => handler.close());
    if (this.way === "fetch") {
      this.#post = (body, says, headers) =>
        serve(
          new Request("http://127.0.0.1/mcp", {
            method: "POST",
            headers,
            body,
            ...(says.signal ? { signal: says.signal } : {}),
          }),
          says.auth ? { authInfo: says.auth } : {},
        );
      return;
    }
    const node = toNodeHandler({ fetch: serve as never });
    const http = createServer((incoming, outgoing) => {
      outgoing.once("close", () => this.onleft());
      const auth = incoming.headers["x-test-auth"];
      if (typeof auth === "string") Object.assign(incoming, { auth: reviveAuth(JSON.parse(auth)) });
      void node(incoming as never, outgoing);
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    this.#url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
    this.#post = (body, says, headers) => {
      if (says.auth) headers.set("x-test-auth", JSON.stringify(says.auth));
      return fetch(this.url, { method: "POST", headers, body, ...(says.signal ? { signal: says.signal } : {}) });
    };
    this.#closers.push(
      () => new Promise((resolve) => http.close(resolve)),
      () => http.closeAllConnections(),
    );
  }

  /** Closes the client's end of the pipe, and nothing else. */
  async disconnect(): Promise<void> {
    await this.#pipe?.close();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
    await this.tasks.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The request as this client writes it. */
  compose(method: string, params: Record<string, unknown> = {}, says: Says = {}): Json {
    const { caps = ALL, version = VERSION } = says;
    const meta = {
      ...(version === null ? {} : { [KEYS.version]: version }),
      ...(caps === null ? {} : { [KEYS.capabilities]: caps }),
      ...says.meta,
    };
    return { jsonrpc: "2.0", id: "id" in says ? says.id : ++this.#lastId, method, params: { ...params, _meta: meta } };
  }

  async request(method: string, params: Record<string, unknown> = {}, says: Says = {}): Promise<Answer> {
    return this.raw(this.compose(method, params, says), says);
  }

  /** Sends a message as it is. */
  async raw(message: Json, says: Says = {}): Promise<Answer> {
    this.#record({ from: "client", message });
    if (this.#pipe) {
      const notifications = this.#notifications.splice(0);
      const answered = new Promise<Answer>((resolve) => this.#waiting.set(message.id, resolve));
      await this.#pipe.send(message);
      const answer = await answered;
      return { ...answer, notifications: [...notifications, ...this.#notifications.splice(0)] };
    }
    const response = await this.post(message, says);
    return this.read(response, message);
  }

  /** Sends a notification, or a request whose answer nobody waits for. */
  async send(message: Json, says: Says = {}): Promise<void> {
    this.#record({ from: "client", message });
    if (this.#pipe) await this.#pipe.send(message);
    else await (await this.post(message, says)).body?.cancel();
  }

  async post(message: Json, says: Says = {}, body: string = JSON.stringify(message)): Promise<Response> {
    const params = message.params ?? {};
    const name = params.taskId ?? params.name ?? params.uri;
    const headers = new Headers({ "content-type": "application/json", accept: "application/json, text/event-stream" });
    if (params._meta?.[KEYS.version] !== undefined) headers.set("mcp-protocol-version", params._meta[KEYS.version]);
    headers.set("mcp-method", String(message.method));
    if (typeof name === "string" && name !== "") headers.set("mcp-name", encodeHeader(name));
    for (const [header, value] of Object.entries(says.headers ?? {})) {
      if (value === null) headers.delete(header);
      else headers.set(header, value);
    }
    assert.ok(this.#post, "this world has a pipe");
    return this.#post(body, says, headers);
  }

  /** Reads an HTTP response to its end. */
  async read(response: Response, message: Json): Promise<Answer> {
    const text = await response.text();
    const messages: Json[] = response.headers.get("content-type")?.includes("text/event-stream")
      ? [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data as string))
      : text === ""
        ? []
        : [JSON.parse(text)];
    for (const one of messages) this.#received(one, message, response.status);
    const reply = messages.find((one) => one.method === undefined) ?? {};
    return {
      id: reply.id,
      status: response.status,
      result: reply.result,
      error: reply.error,
      notifications: messages.filter((one) => one.method !== undefined),
      text,
    };
  }

  #arrived(message: Json, status: number | undefined): void {
    if (message.method !== undefined) {
      this.#record({ from: "server", message });
      this.#notifications.push(message);
      return;
    }
    const request = this.frames.findLast(
      (frame) => frame.from === "client" && frame.message.id === message.id,
    )?.message;
    this.#received(message, request, status);
    const settle = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    settle?.({
      id: message.id,
      status,
      result: message.result,
      error: message.error,
      notifications: [],
      text: JSON.stringify(message),
    });
  }

  #received(message: Json, request: Json, status: number | undefined): void {
    this.#record({ from: "server", message, status, of: message.method === undefined ? request?.method : undefined });
    checkFrame(message, request);
  }

  #record(frame: Frame): void {
    this.frames.push(frame);
    FRAMES.push(frame);
  }

  // The requests of this suite.

  call(name: string, args: Record<string, unknown> = {}, says?: Says): Promise<Answer> {
    return this.request("tools/call", { name, arguments: args }, says);
  }
  get(taskId: unknown, says?: Says): Promise<Answer> {
    return this.request("tasks/get", { taskId }, says);
  }
  update(taskId: unknown, inputResponses: unknown, says?: Says): Promise<Answer> {
    return this.request("tasks/update", { taskId, inputResponses }, says);
  }
  cancel(taskId: unknown, says?: Says): Promise<Answer> {
    return this.request("tasks/cancel", { taskId }, says);
  }

  /** Calls a tool that becomes a task; its id. */
  async start(name: string, args?: Record<string, unknown>, says?: Says): Promise<string> {
    const { result, error } = await this.call(name, args, says);
    assert.equal(result?.resultType, "task", JSON.stringify(error ?? result));
    return result.taskId;
  }

  /** Polls as a client does, until the task is in one of these statuses. */
  async until(taskId: string, statuses: string | string[], says?: Says): Promise<Json> {
    const wanted = [statuses].flat();
    const deadline = performance.now() + 20_000;
    for (;;) {
      const { result, error } = await this.get(taskId, says);
      assert.ok(result, JSON.stringify(error));
      if (wanted.includes(result.status)) return result;
      assert.ok(performance.now() < deadline, `the task is ${result.status}, not ${wanted.join(" or ")}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

/** A subject that a token speaks for. */
export function auth(subject: string | undefined, more: Partial<AuthInfo> = {}): AuthInfo {
  return {
    token: `token of ${subject ?? "nobody"}`,
    clientId: "client",
    scopes: [],
    extra: { iss: "https://issuer.test", ...(subject === undefined ? {} : { sub: subject }) },
    ...more,
  };
}
function reviveAuth(json: Json): AuthInfo {
  return { ...json, ...(json.resource === undefined ? {} : { resource: new URL(json.resource) }) };
}

/** A promise that a test settles. */
export function latch<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}

export const text = (value: string): Json => ({ content: [{ type: "text", text: value }] });
export const form = (
  message: string,
  properties: Record<string, unknown>,
  required: string[] = Object.keys(properties),
): Json => ({
  method: "elicitation/create",
  params: { mode: "form", message, requestedSchema: { type: "object", properties, required } },
});
export const accept = (content: Record<string, unknown>): Json => ({ action: "accept", content });

export function encodeHeader(value: string): string {
  const safe = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return safe ? value : `=?base64?${Buffer.from(value).toString("base64")}?=`;
}

// What must be true of every frame that a modern server sends.

const TASK_KEYS = [
  "taskId",
  "status",
  "statusMessage",
  "createdAt",
  "lastUpdatedAt",
  "ttlMs",
  "pollIntervalMs",
  "resultType",
  "_meta",
];
const BY_STATUS: Record<string, string[]> = {
  working: [],
  input_required: ["inputRequests"],
  completed: ["result"],
  failed: ["error"],
  cancelled: [],
};
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const CODES = [-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022];

function accepts(
  name: string,
  schema: { safeParse(value: unknown): { success: boolean; error?: unknown } },
  value: unknown,
): void {
  const { success, error } = schema.safeParse(value);
  assert.ok(success, `${name} does not take ${JSON.stringify(value)?.slice(0, 500)}: ${String(error)}`);
}

/** Throws where an answer is not what the dated schemas say. */
export function checkFrame(message: Json, request: Json): void {
  const validated = specTypeSchemas.JSONRPCMessage["~standard"].validate(message) as { issues?: unknown };
  assert.equal(validated.issues, undefined, JSON.stringify(message).slice(0, 500));
  if (request?.params?._meta?.[KEYS.version] !== VERSION) return;
  if (message.method !== undefined) {
    assert.equal(message.id, undefined, `a modern server sends no requests: ${message.method}`);
    return;
  }
  if (message.error !== undefined) {
    // What the server itself says; a handler's own error reaches a plain call as it is.
    if (request.method !== "tools/call") assert.ok(CODES.includes(message.error.code), String(message.error.code));
    return;
  }
  const { result } = message;
  if (request.method === "tools/call") {
    if (result.resultType !== "task") return accepts("CallToolResult", CallToolResultV2Schema, result);
    accepts("CreateTaskResult", CreateTaskResultV2Schema, result);
    checkTask(result, []);
  } else {
    assert.notEqual(result.resultType, "task");
  }
  if (request.method === "tasks/get") {
    accepts("GetTaskResult", GetTaskResultV2Schema, result);
    assert.equal(result.resultType, "complete");
    checkTask(result, BY_STATUS[result.status] ?? []);
    assert.equal(result.taskId, request.params.taskId);
    if (result.status === "completed") accepts("the inlined result", CallToolResultV2Schema, result.result);
  }
  if (request.method === "tasks/update" || request.method === "tasks/cancel") {
    accepts(
      "the acknowledgement",
      request.method === "tasks/update" ? UpdateTaskResultV2Schema : CancelTaskResultV2Schema,
      result,
    );
    assert.deepEqual(
      Object.keys(result).filter((key) => key !== "_meta"),
      ["resultType"],
    );
    assert.equal(result.resultType, "complete");
  }
}

function checkTask(task: Json, more: string[]): void {
  const keys = Object.keys(task);
  assert.deepEqual(
    keys.filter((key) => ![...TASK_KEYS, ...more].includes(key)),
    [],
  );
  for (const key of ["taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs", ...more])
    assert.ok(keys.includes(key), key);
  assert.match(task.createdAt, RFC3339);
  assert.match(task.lastUpdatedAt, RFC3339);
  assert.ok(task.ttlMs === null || (Number.isSafeInteger(task.ttlMs) && task.ttlMs > 0));
  assert.ok(
    task.pollIntervalMs === undefined || (Number.isSafeInteger(task.pollIntervalMs) && task.pollIntervalMs > 0),
  );
}
