// The client half of pushes on revision 2026-07-28: one `subscriptions/listen` below the SDK, and polls as the safety
// net.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { specTypeSchemas, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import {
  TaskStatusNotificationV2Schema,
  TaskSubscriptionNotificationsV2Schema,
} from "@modelcontextprotocol/ext-tasks/core/v2";
import { isTaskError, TaskClient, type TaskClientOptions } from "mcp-longhaul";
import {
  type Behaviour,
  EXTENSION,
  G26,
  handle25,
  handle26,
  legacy,
  modern,
  type Peer,
  task25,
  task26 as taskNow,
  text,
} from "./client-peer.ts";
import { type AnyClient, connect, type Handlers, later, makeClient, until } from "./client-sdk.ts";
import type { Message } from "./client-types.ts";

const kind = "SDK v2, 2026";
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const LISTEN = "subscriptions/listen";

/** A task is born once: the newest snapshot is the one that was updated last. */
const createdAt = new Date(Date.now() - 1000).toISOString();
const task26 = (taskId: string, status: string, more: object = {}) => taskNow(taskId, status, { createdAt, ...more });

const acknowledged = (id: unknown, taskIds: readonly string[]): Message => ({
  jsonrpc: "2.0",
  method: "notifications/subscriptions/acknowledged",
  params: { _meta: { [SUBSCRIPTION]: id }, notifications: { taskIds } },
});

function pushed(id: unknown, taskId: string, status: string, more: object = {}): Message {
  const { resultType: _, ...task } = task26(taskId, status, more);
  const message: Message = {
    jsonrpc: "2.0",
    method: "notifications/tasks",
    params: { _meta: { [SUBSCRIPTION]: id }, ...task },
  };
  TaskStatusNotificationV2Schema.parse(message);
  return message;
}

function valid(schema: "SubscriptionsListenRequest" | "CancelledNotification", message: unknown): void {
  const { issues } = specTypeSchemas[schema]["~standard"].validate(message) as { issues?: unknown };
  assert.equal(issues, undefined, JSON.stringify(message));
}

interface World {
  readonly peer: Peer;
  readonly client: AnyClient;
  readonly host: TaskClient;
  readonly errors: Error[];
  /** What the SDK's client was told and has no handler for. */
  readonly strangers: Message[];
  listens(): Message[];
  reads(taskId?: string): Message[];
}

/** A peer whose tasks run until it says otherwise; `task-<name of the tool>` is the id of each. */
async function world(
  behaviour: Behaviour = {},
  options: TaskClientOptions & { handlers?: Handlers } = {},
): Promise<World> {
  const peer = modern({
    "tools/call": ({ name }) => handle26(`task-${name}`, { pollIntervalMs: 5 }),
    "tasks/get": ({ taskId }) => task26(taskId, "working", { pollIntervalMs: 5 }),
    "tasks/cancel": () => ({ resultType: "complete" }),
    "tasks/update": () => ({ resultType: "complete" }),
    [LISTEN]: (params, { id }) => void peer.push(acknowledged(id, params.notifications.taskIds)),
    ...behaviour,
  });
  const connected = await connect(peer, kind, options);
  const strangers: Message[] = [];
  (connected.client as unknown as { fallbackNotificationHandler: unknown }).fallbackNotificationHandler = async (
    message: Message,
  ) => void strangers.push(message);
  return {
    peer,
    ...connected,
    strangers,
    listens: () => peer.all(LISTEN),
    reads: (taskId) => peer.all("tasks/get").filter(({ params }) => taskId === undefined || params.taskId === taskId),
  };
}

/** Waits until the task was read after its acknowledgement. */
async function heard({ listens, peer }: World, taskId: string): Promise<Message> {
  const names = ({ method, params }: Message) => method === LISTEN && params.notifications.taskIds.includes(taskId);
  const readAfter = () => {
    const at = peer.frames.findIndex(names);
    return (
      at >= 0 && peer.frames.slice(at).some(({ method, params }) => method === "tasks/get" && params.taskId === taskId)
    );
  };
  await until(readAfter, `${taskId} is listened to`);
  await later(10);
  return listens().findLast(names) as Message;
}

describe("a pushed outcome", () => {
  // G26-SUB-01, G26-SUB-06
  test("answers the call; the listen is a whole request of ours that the SDK never sees", async () => {
    const here = await world();
    const { client, peer, listens, reads, errors, strangers } = here;
    const call = client.callTool({ name: "a", _meta: { progressToken: 7, "example.org/of": "the call" } });
    const { id, params } = await heard(here, "task-a");
    valid("SubscriptionsListenRequest", { ...peer.all(LISTEN)[0] });
    assert.deepEqual(TaskSubscriptionNotificationsV2Schema.parse(params.notifications), { taskIds: ["task-a"] });
    assert.deepEqual(Object.keys(params).sort(), ["_meta", "notifications"]);
    const { _meta: meta } = params;
    assert.deepEqual(
      Object.keys(meta).sort(),
      ["clientCapabilities", "clientInfo", "protocolVersion"].map((key) => `io.modelcontextprotocol/${key}`),
    );
    assert.equal(meta["io.modelcontextprotocol/protocolVersion"], G26);
    assert.deepEqual(meta["io.modelcontextprotocol/clientCapabilities"].extensions, { [EXTENSION]: {} });
    assert.deepEqual(meta["io.modelcontextprotocol/clientCapabilities"].elicitation, { form: {} });
    assert.equal(typeof id, "string");

    const before = reads().length;
    await later(60);
    assert.equal(reads().length, before, "while it is listened to it is not polled every 5 ms");
    peer.push(pushed(id, "task-a", "completed", { result: { resultType: "complete", ...text("done") } }));
    assert.deepEqual((await call).content, text("done").content);

    await until(() => peer.all("notifications/cancelled").length === 1, "the stream is closed");
    const [cancelled] = peer.all("notifications/cancelled");
    valid("CancelledNotification", cancelled);
    assert.equal(cancelled?.params.requestId, id);
    assert.equal(cancelled?.params._meta["io.modelcontextprotocol/protocolVersion"], G26);
    // What comes late on the closed stream is nobody's.
    peer.push(pushed(id, "task-a", "working"));
    peer.push({ jsonrpc: "2.0", id: id as string, result: { resultType: "complete", _meta: { [SUBSCRIPTION]: id } } });
    await later(10);
    assert.deepEqual([errors, strangers, listens().length], [[], [], 1]);
    await client.close();
  });

  test("may be a failure, an end, or a question (G26-RES-06, G26-INP-08)", async () => {
    const here = await world(
      {},
      { handlers: { "elicitation/create": ({ message }) => ({ action: "accept", content: { name: message } }) } },
    );
    const { client, host, peer, errors } = here;
    const handle = await host.callTool(client, { name: "a" });
    const { id } = await heard(here, "task-a");
    const statuses: string[] = [];
    const watched = (async () => {
      for await (const { status, statusMessage } of handle.updates()) statuses.push(statusMessage ?? status);
    })();
    peer.push(pushed(id, "task-a", "working", { statusMessage: "half" }));
    await until(() => statuses.includes("half"), "the status arrives");
    const ask = {
      method: "elicitation/create",
      params: {
        mode: "form",
        message: "who?",
        requestedSchema: { type: "object", properties: { name: { type: "string" } } },
      },
    };
    peer.push(pushed(id, "task-a", "input_required", { inputRequests: { name: ask } }));
    await until(() => peer.all("tasks/update").length === 1, "it is answered");
    assert.deepEqual(peer.all("tasks/update")[0]?.params.inputResponses, {
      name: { action: "accept", content: { name: "who?" } },
    });
    const failed = assert.rejects(
      handle.result(),
      (error: any) => isTaskError(error) && error.code === "failed" && error.message.includes("no luck"),
    );
    peer.push(pushed(id, "task-a", "failed", { error: { code: -32050, message: "no luck" } }));
    await Promise.all([failed, watched]);
    assert.equal(statuses.at(-1), "failed");
    assert.deepEqual(errors, []);
    await client.close();
  });

  test("is told once: what says otherwise later is dropped and reported (X-NTF-01, H69)", async () => {
    const here = await world();
    const { client, peer, errors } = here;
    const [call, other] = [client.callTool({ name: "a" }), client.callTool({ name: "b" })];
    await heard(here, "task-a");
    const { id } = await heard(here, "task-b");
    peer.push(pushed(id, "task-a", "completed", { result: text("done") }));
    assert.deepEqual((await call).content, text("done").content);
    peer.push(pushed(id, "task-a", "completed", { result: text("done") }));
    peer.push(pushed(id, "task-a", "working"));
    assert.deepEqual(errors, []);
    peer.push(pushed(id, "task-a", "cancelled"));
    assert.deepEqual(
      errors.map((error: any) => [error.code, error.taskId]),
      [["protocol", "task-a"]],
    );
    peer.push(pushed(id, "task-b", "completed", { result: text("too") }));
    assert.deepEqual((await other).content, text("too").content);
    await client.close();
  });

  test("that comes before its task is dropped; the next read tells (X-NTF-02, H70)", async () => {
    const here = await world({
      "tools/call": (_params, _message, to) => {
        to.push(pushed("somebody's", "task-a", "cancelled"));
        return handle26("task-a", { pollIntervalMs: 5 });
      },
      "tasks/get": () => task26("task-a", "completed", { result: text("done") }),
    });
    assert.deepEqual((await here.client.callTool({ name: "a" })).content, text("done").content);
    assert.equal(here.listens().length, 0, "a short task has no stream");
    await here.client.close();
  });
});

describe("the stream", () => {
  test("is one for all tasks, replaced as they come: the new one first (G26-SUB-01)", async () => {
    const here = await world();
    const { client, peer, listens, errors } = here;
    const calls = [client.callTool({ name: "a" }), client.callTool({ name: "b" })];
    const first = await heard(here, "task-b");
    assert.deepEqual(first.params.notifications.taskIds.sort(), ["task-a", "task-b"]);
    calls.push(client.callTool({ name: "c" }));
    const second = await heard(here, "task-c");
    assert.deepEqual(second.params.notifications.taskIds.sort(), ["task-a", "task-b", "task-c"]);
    assert.notEqual(second.id, first.id);
    assert.deepEqual(
      peer.all("notifications/cancelled").map(({ params }) => params.requestId),
      [first.id],
    );
    assert.ok(
      peer.frames.findIndex(({ method }) => method === "notifications/cancelled") > peer.frames.indexOf(second),
    );
    for (const name of ["a", "b", "c"])
      peer.push(pushed(second.id, `task-${name}`, "completed", { result: text(name) }));
    assert.deepEqual(
      (await Promise.all(calls)).map((result) => result.content[0].text),
      ["a", "b", "c"],
    );
    assert.deepEqual([listens().length, errors], [2, []]);
    await client.close();
  });

  test("does not have what the server did not accept: that is polled (G26-SUB-05)", async () => {
    let done = false;
    const here = await world({
      [LISTEN]: (_params, { id }, peer) => void peer.push(acknowledged(id, ["task-a", "of nobody"])),
      "tasks/get": ({ taskId }) =>
        done && taskId === "task-b"
          ? task26(taskId, "completed", { result: text("polled") })
          : task26(taskId, "working", { pollIntervalMs: 5 }),
    });
    const { client, peer, reads, listens } = here;
    const [a, b] = [client.callTool({ name: "a" }), client.callTool({ name: "b" })];
    const { id } = await heard(here, "task-a");
    const before = { a: reads("task-a").length, b: reads("task-b").length };
    await until(() => reads("task-b").length > before.b + 3, "it is polled");
    assert.equal(reads("task-a").length, before.a);
    done = true;
    assert.deepEqual((await b).content, text("polled").content);
    peer.push(pushed(id, "task-a", "completed", { result: text("pushed") }));
    assert.deepEqual((await a).content, text("pushed").content);
    assert.equal(listens().length, 1);
    await client.close();
  });

  for (const [how, end] of [
    [
      "with a result",
      (id: unknown): Message => ({
        jsonrpc: "2.0",
        id: id as string,
        result: { resultType: "complete", _meta: { [SUBSCRIPTION]: id } },
      }),
    ],
    [
      "with a cancellation",
      (id: unknown): Message => ({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } }),
    ],
    [
      "with an error",
      (id: unknown): Message => ({ jsonrpc: "2.0", id: id as string, error: { code: -32000, message: "not now" } }),
    ],
  ] as const) {
    test(`that ends ${how} is opened again with a new id; meanwhile polls (G26-SUB-09)`, async () => {
      const here = await world();
      const { client, peer, reads, listens, errors, strangers } = here;
      const call = client.callTool({ name: "a" });
      const first = await heard(here, "task-a");
      const before = reads().length;
      peer.push(end(first.id));
      await until(() => reads().length > before + 3, "it is polled again");
      await until(() => listens().length === 2, "another stream is opened");
      const second = listens()[1] as Message;
      assert.notEqual(second.id, first.id);
      await until(
        () => peer.frames.slice(peer.frames.indexOf(second)).some(({ method }) => method === "tasks/get"),
        "the state is read again",
      );
      peer.push(pushed(second.id, "task-a", "completed", { result: text("done") }));
      assert.deepEqual((await call).content, text("done").content);
      assert.deepEqual([errors, strangers], [[], []]);
      await client.close();
    });
  }

  test("is not asked for again where the server has none, and polls do it all", async () => {
    let reads = 0;
    const here = await world({
      [LISTEN]: () => ({ error: { code: -32601, message: "Method not found" } }),
      "tasks/get": ({ taskId }) =>
        ++reads % 40 === 0
          ? task26(taskId, "completed", { result: text("polled") })
          : task26(taskId, "working", { pollIntervalMs: 5 }),
    });
    for (let call = 0; call < 2; call++)
      assert.deepEqual((await here.client.callTool({ name: "a" })).content, text("polled").content);
    assert.equal(here.listens().length, 1);
    assert.deepEqual(here.errors, []);
    await here.client.close();
  });

  test("ends with the following: on detach, on close, and not where nobody wants one", async () => {
    const here = await world();
    const { client, host, peer } = here;
    const handle = await host.callTool(client, { name: "a" });
    const { id } = await heard(here, "task-a");
    const detached = assert.rejects(handle.result(), (error: any) => error.code === "detached");
    handle.detach();
    await detached;
    assert.deepEqual(
      peer.all("notifications/cancelled").map(({ params }) => params.requestId),
      [id],
    );
    const call = assert.rejects(client.callTool({ name: "b" }));
    const { id: next } = await heard(here, "task-b");
    host.close();
    await call;
    assert.deepEqual(
      peer.all("notifications/cancelled").map(({ params }) => params.requestId),
      [id, next],
    );
    await client.close();

    const quiet = await world({}, { listen: false });
    const endless = assert.rejects(quiet.client.callTool({ name: "a" }));
    await until(() => quiet.reads().length > 30, "it is polled");
    assert.equal(quiet.listens().length, 0);
    await quiet.client.close();
    await endless;
  });

  test("leaves the SDK's own subscriptions alone", async () => {
    const here = await world({
      [LISTEN]: ({ notifications }, { id }, peer) =>
        void peer.push({
          jsonrpc: "2.0",
          method: "notifications/subscriptions/acknowledged",
          params: { _meta: { [SUBSCRIPTION]: id }, notifications },
        }),
    });
    const { client, peer, listens } = here;
    const call = client.callTool({ name: "a" });
    const { id } = await heard(here, "task-a");
    const theirs = await (client as any).listen({ toolsListChanged: true });
    assert.deepEqual(theirs.honoredFilter, { toolsListChanged: true });
    assert.equal(listens().length, 2);
    peer.push(pushed(id, "task-a", "completed", { result: text("done") }));
    assert.deepEqual((await call).content, text("done").content);
    await until(() => peer.all("notifications/cancelled").length === 1, "ours is closed");
    assert.equal(peer.all("notifications/cancelled")[0]?.params.requestId, id);
    await theirs.close();
    await client.close();
  });

  for (const older of ["SDK v1", "SDK v2, 2025"] as const) {
    test(`does not exist in 2025-11-25 (${older})`, async () => {
      let reads = 0;
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => handle25("t1", { pollInterval: 5 }),
          "tasks/get": () => task25("t1", ++reads < 20 ? "working" : "completed", { pollInterval: 5 }),
          "tasks/result": async () => (await until(() => reads >= 20), text("done")),
        },
      );
      const { client, host } = await connect(peer, older);
      await client.listTools();
      const handle = await host.callTool(client, { name: "slow" });
      for await (const _ of handle.updates());
      assert.deepEqual(((await handle.result()) as any).content, text("done").content);
      assert.ok(reads >= 20);
      assert.equal(peer.all(LISTEN).length, 0);
      await client.close();
    });
  }
});

/** A modern server without a socket: a listen gets a stream, everything else JSON. */
class Served {
  readonly posts: (Message & { headers: Headers })[] = [];
  /** The streams that were opened, by the id of their request, and those whose reader went away. */
  readonly streams = new Map<unknown, ReadableStreamDefaultController<Uint8Array>>();
  readonly aborted: unknown[] = [];
  done: boolean | "from the second stream on" = false;
  refusal: Response | undefined;

  readonly fetch = (async (_url: unknown, init: any): Promise<Response> => {
    const message = JSON.parse(init.body) as Message;
    this.posts.push({ ...message, headers: new Headers(init.headers) });
    const { id, params } = message;
    const json = (result: object) =>
      new Response(JSON.stringify({ jsonrpc: "2.0", id, result }), { headers: { "content-type": "application/json" } });
    switch (message.method) {
      case "server/discover":
        return json({
          resultType: "complete",
          supportedVersions: [G26],
          capabilities: { tools: {}, extensions: { [EXTENSION]: {} } },
          ttlMs: 0,
          cacheScope: "private",
          _meta: { "io.modelcontextprotocol/serverInfo": { name: "m", version: "1" } },
        });
      case "tools/call":
        return json(handle26("t1", { pollIntervalMs: 5 }));
      case "tasks/get":
        return json(
          this.done === true || (this.done !== false && this.streams.size > 1)
            ? task26("t1", "completed", { result: text("polled") })
            : task26("t1", "working", { pollIntervalMs: 5 }),
        );
      case LISTEN: {
        if (this.refusal !== undefined) return this.refusal.clone();
        const body = new ReadableStream<Uint8Array>({ start: (controller) => void this.streams.set(id, controller) });
        init.signal?.addEventListener("abort", () => {
          this.aborted.push(id);
          try {
            this.streams.get(id)?.error(init.signal.reason);
          } catch {
            // It was broken before.
          }
        });
        this.say(id, acknowledged(id, params.notifications.taskIds));
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      }
    }
    return new Response(null, { status: 202 });
  }) as typeof fetch;

  say(id: unknown, message: Message): void {
    this.streams.get(id)?.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(message)}\n\n`));
  }

  all(method: string): (Message & { headers: Headers })[] {
    return this.posts.filter((post) => post.method === method);
  }

  async connect() {
    const errors: Error[] = [];
    const host = new TaskClient({ poll: { min: 5, initial: 5 }, onerror: (error) => errors.push(error) });
    const client = host.attach(makeClient(kind));
    await client.connect(new HttpV2(new URL("http://x.local/mcp"), { fetch: this.fetch }));
    return { client, host, errors };
  }
}

describe("over Streamable HTTP", () => {
  test("a listen has its own stream, which is aborted when the task is over (G26-SUB-01, G26-HTT-01)", async () => {
    const server = new Served();
    const { client, errors } = await server.connect();
    const call = client.callTool({ name: "any" });
    await until(() => server.streams.size === 1 && server.all("tasks/get").length >= 2, "it is listened to");
    const [listen] = server.all(LISTEN);
    assert.equal(listen?.headers.get("mcp-method"), LISTEN);
    assert.equal(listen?.headers.get("mcp-protocol-version"), G26);
    assert.equal(listen?.headers.get("mcp-name"), null);
    server.say(listen?.id, pushed(listen?.id, "t1", "completed", { result: text("pushed") }));
    assert.deepEqual((await call).content, text("pushed").content);
    assert.deepEqual(server.aborted, [listen?.id]);
    assert.equal(server.all("notifications/cancelled").length, 0, "the abort says it all");
    assert.deepEqual(errors, []);
    await client.close();
  });

  test("a broken stream is opened again, and the state read again (G26-SUB-09)", async () => {
    const server = new Served();
    const { client } = await server.connect();
    const call = client.callTool({ name: "any" });
    await until(() => server.streams.size === 1, "it is listened to");
    const [first] = server.all(LISTEN);
    server.streams.get(first?.id)?.error(new TypeError("terminated"));
    const before = server.all("tasks/get").length;
    await until(() => server.all("tasks/get").length > before + 3, "it is polled meanwhile");
    // It ends just before the server listens again, and nothing is pushed.
    server.done = "from the second stream on";
    assert.deepEqual((await call).content, text("polled").content);
    const second = server.all(LISTEN)[1];
    assert.notEqual(first?.id, second?.id);
    assert.ok(server.aborted.includes(second?.id));
    await client.close();
  });

  for (const status of [404, 405]) {
    test(`status ${status} for a listen leaves it to the polls`, async () => {
      const server = new Served();
      server.refusal = new Response("no", { status });
      const { client } = await server.connect();
      const call = client.callTool({ name: "any" });
      await until(() => server.all(LISTEN).length === 1, "a listen was tried");
      const before = server.all("tasks/get").length;
      await until(() => server.all("tasks/get").length > before + 10, "it is polled");
      server.done = true;
      assert.deepEqual((await call).content, text("polled").content);
      assert.equal(server.all(LISTEN).length, 1);
      await client.close();
    });
  }

  test("closing the client closes the stream", async () => {
    const server = new Served();
    const { client } = await server.connect();
    const call = assert.rejects(client.callTool({ name: "any" }));
    await until(() => server.streams.size === 1, "it is listened to");
    await client.close();
    await call;
    assert.deepEqual(server.aborted, [server.all(LISTEN)[0]?.id]);
  });
});
