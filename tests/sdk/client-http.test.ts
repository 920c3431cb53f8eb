// The client half on Streamable HTTP: headers, lost answers, broken streams.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { isTaskError, TaskClient, TaskServer } from "mcp-longhaul";
import { type Behaviour, EXTENSION, G26, handle26, task26, text } from "./client-peer.ts";
import { type Kind, later, makeClient, until } from "./client-sdk.ts";
import { tools } from "./client-tools.ts";
import { entryV2, statefulV1 } from "./harness/http.ts";
import { attached } from "./harness/servers.ts";

interface Post {
  readonly method: string;
  readonly id: unknown;
  readonly params: any;
  readonly headers: Headers;
}

/** A fetch that records each POST, and may spoil it. */
function spy(
  inner: typeof fetch,
  spoil: (post: Post, number: number) => Response | Error | undefined = () => undefined,
) {
  const posts: Post[] = [];
  const spied = async (url: any, init: any = {}): Promise<Response> => {
    if (init.method !== "POST") return inner(url, init);
    const { method, id, params } = JSON.parse(init.body);
    const post = { method, id, params, headers: new Headers(init.headers) };
    posts.push(post);
    const spoiled = spoil(post, posts.filter((other) => other.method === method).length);
    if (spoiled instanceof Error) throw spoiled;
    return spoiled ?? inner(url, init);
  };
  return {
    posts,
    fetch: spied as typeof fetch,
    all: (method: string) => posts.filter((post) => post.method === method),
  };
}

/** A modern server without a socket: each POST is answered with JSON. */
function answering(behaviour: Behaviour): typeof fetch {
  return (async (_url: unknown, init: any) => {
    const message = JSON.parse(init.body);
    if (message.id === undefined) return new Response(null, { status: 202 });
    const discover = () => ({
      resultType: "complete",
      supportedVersions: [G26],
      capabilities: { tools: {}, extensions: { [EXTENSION]: {} } },
      ttlMs: 0,
      cacheScope: "private",
      _meta: { "io.modelcontextprotocol/serverInfo": { name: "m", version: "1" } },
    });
    const result = await ({ "server/discover": discover, ...behaviour } as Behaviour)[message.method]?.(
      message.params,
      message,
      undefined as never,
    );
    return new Response(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }), {
      headers: { "content-type": "application/json" },
    });
  }) as typeof fetch;
}

/** What `work` resolves with, if it does in time. */
async function within<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>(
    (_resolve, reject) => (timer = setTimeout(() => reject(new Error(`nothing in ${ms} ms`)), ms)),
  );
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function start(kind: Kind, transport: unknown, options: object = {}) {
  const errors: Error[] = [];
  const host = new TaskClient({ poll: { min: 5, initial: 5 }, onerror: (error) => errors.push(error), ...options });
  const client = host.attach(
    makeClient(kind, { "elicitation/create": () => ({ action: "accept", content: { name: "Ada" } }) }),
  );
  await client.connect(transport);
  return { client, host, errors };
}

describe("2026-07-28", () => {
  test("requests about tasks carry the headers of their task (G26-HTT-01, G26-HTT-08)", async () => {
    const tasks = new TaskServer({ defaults: { task: "always", pollInterval: 20 } });
    const http = await entryV2(() => attached("v2", tasks, tools));
    const spied = spy(fetch);
    const { client, errors } = await start("SDK v2, 2026", new HttpV2(new URL(http.url), { fetch: spied.fetch }));
    assert.deepEqual((await client.callTool({ name: "ask", arguments: {} })).content, [
      { type: "text", text: "hello Ada" },
    ]);
    const own = spied.posts.filter((post) => post.method.startsWith("tasks/"));
    assert.ok(spied.all("tasks/get").length > 0 && spied.all("tasks/update").length === 1);
    for (const { method, params, headers } of own) {
      assert.equal(headers.get("mcp-method"), method);
      assert.equal(headers.get("mcp-name"), params.taskId);
      assert.equal(headers.get("mcp-protocol-version"), G26);
      assert.match(
        headers.get("accept") ?? "",
        /application\/json.*text\/event-stream|text\/event-stream.*application\/json/,
      );
    }
    assert.equal(new Set(spied.posts.map((post) => post.id)).size, spied.posts.length);
    assert.deepEqual(errors, []);
    await client.close();
    await http.close();
    await tasks.close();
  });

  test("an id that no header can carry is encoded (G26-HTT-02, H64, H65)", async () => {
    for (const taskId of ["é", " a ", "=?base64?x?=", "line\nbreak"]) {
      const spied = spy(
        answering({
          "tools/call": () => handle26(taskId, { pollIntervalMs: 5 }),
          "tasks/get": () => task26(taskId, "completed", { result: text("done") }),
        }),
      );
      const { client } = await start("SDK v2, 2026", new HttpV2(new URL("http://x.local/mcp"), { fetch: spied.fetch }));
      assert.deepEqual((await client.callTool({ name: "any" })).content, text("done").content);
      assert.equal(
        spied.all("tasks/get")[0]?.headers.get("mcp-name"),
        `=?base64?${Buffer.from(taskId).toString("base64")}?=`,
      );
      await client.close();
    }
  });

  test("reads that fail, in whatever way, are repeated; the creating call is not (X-ERR-05, X-CRE-01)", async () => {
    const stream = (...events: string[]) =>
      new Response(events.join(""), { headers: { "content-type": "text/event-stream" } });
    const failures = [
      () => new TypeError("fetch failed"),
      () => new Response("busy", { status: 503 }),
      () => stream(": nothing\n\n"),
      () => new Response("", { status: 502 }),
    ];
    const spied = spy(
      answering({
        "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
        "tasks/get": () => task26("t1", "completed", { result: text("done") }),
      }),
      (post, number) => (post.method === "tasks/get" ? failures[number - 1]?.() : undefined),
    );
    const { client } = await start("SDK v2, 2026", new HttpV2(new URL("http://x.local/mcp"), { fetch: spied.fetch }));
    assert.deepEqual((await client.callTool({ name: "any" })).content, text("done").content);
    assert.equal(spied.all("tasks/get").length, failures.length + 1);
    await client.close();

    const broken = spy(answering({}), (post) =>
      post.method === "tools/call" ? new TypeError("fetch failed") : undefined,
    );
    const second = await start("SDK v2, 2026", new HttpV2(new URL("http://x.local/mcp"), { fetch: broken.fetch }));
    await assert.rejects(second.client.callTool({ name: "any" }));
    await later(30);
    assert.equal(broken.all("tools/call").length, 1);
    await second.client.close();
  });

  test("a refusal that no repetition heals ends at once, and says why (X-ERR-05)", async () => {
    const mismatch = { code: -32020, message: "Bad Request: the request headers and body disagree" };
    const refusals = {
      "the headers, in JSON-RPC": (id: unknown) =>
        new Response(JSON.stringify({ jsonrpc: "2.0", id, error: mismatch }), {
          status: 400,
          headers: { "content-type": "application/json" },
        }),
      "a gateway": () => new Response("forbidden", { status: 403 }),
    };
    for (const [who, refuse] of Object.entries(refusals)) {
      const spied = spy(answering({ "tools/call": () => handle26("t1", { pollIntervalMs: 5 }) }), (post) =>
        post.method === "tasks/get" ? refuse(post.id) : undefined,
      );
      const { client, host } = await start(
        "SDK v2, 2026",
        new HttpV2(new URL("http://x.local/mcp"), { fetch: spied.fetch }),
      );
      const cause = who === "a gateway" ? /forbidden/ : /headers and body disagree/;
      await assert.rejects(
        client.callTool({ name: "any" }),
        (error: any) => error.data.reason === "unsupported" && cause.test(error.message),
        who,
      );
      assert.equal(spied.all("tasks/get").length, 1, who);
      const handle = await host.callTool(client, { name: "any" });
      await assert.rejects(handle.result(), (error: any) => {
        assert.ok(isTaskError(error));
        assert.deepEqual(
          [error.code, error.taskId, (error.cause as any)?.code],
          ["unsupported", "t1", who === "a gateway" ? "CLIENT_HTTP_NOT_IMPLEMENTED" : -32020],
        );
        return cause.test(error.message);
      });
      await client.close();
    }
  });

  test("a server that is gone for good is given up (X-LIM-11)", async () => {
    const spied = spy(answering({ "tools/call": () => handle26("t1", { pollIntervalMs: 1 }) }), (post) =>
      post.method === "tasks/get" ? new TypeError("fetch failed") : undefined,
    );
    const { client } = await start("SDK v2, 2026", new HttpV2(new URL("http://x.local/mcp"), { fetch: spied.fetch }), {
      poll: { min: 1, max: 8 },
    });
    await assert.rejects(
      client.callTool({ name: "any" }),
      (error: any) => error.data.reason === "unreachable" && /fetch failed/.test(error.message),
    );
    assert.equal(spied.all("tasks/get").length, 10);
    await client.close();
  });

  // G26-CAN-01
  test("a call that is aborted, or times out, while its handle is on its way cancels the task", async () => {
    const { promise: stop, resolve: stopped } = Promise.withResolvers<void>();
    let waiting = 2;
    const endless = async (_args: unknown, { signal }: any) => {
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      if (--waiting === 0) stopped();
      return text("stopped");
    };
    const tasks = new TaskServer({ defaults: { task: "always" } });
    const http = await entryV2(() => attached("v2", tasks, { endless }));
    // The network holds the answer back until the caller has gone.
    const gone = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    let calls = 0;
    const spied = spy((async (url: any, init: any) => {
      const response = await fetch(url, init);
      if (init.method !== "POST" || JSON.parse(init.body).method !== "tools/call") return response;
      if (++calls === 2) arrived.resolve();
      await Promise.race([
        gone.promise,
        new Promise((_resolve, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason))),
      ]);
      return response;
    }) as typeof fetch);
    const { client, errors } = await start("SDK v2, 2026", new HttpV2(new URL(http.url), { fetch: spied.fetch }));
    const abort = new AbortController();
    const aborted = assert.rejects(client.callTool({ name: "endless", arguments: {} }, { signal: abort.signal }));
    const late = assert.rejects(client.callTool({ name: "endless", arguments: {} }, { timeout: 200 }), /timed out/i);
    await arrived.promise;
    abort.abort("enough");
    await Promise.all([aborted, late]);
    gone.resolve();
    await stop;
    assert.equal(spied.all("tasks/cancel").length, 2);
    assert.deepEqual(errors, []);
    await client.close();
    await http.close();
    await tasks.close();
  });

  test("an aborted call ends its exchange at once without tasks, and cancels the task that it became", async () => {
    const signals: AbortSignal[] = [];
    const hanging = answering({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () => task26("t1", "working", { pollIntervalMs: 5 }),
      "tasks/cancel": () => ({ resultType: "complete" }),
    });
    let hang = true;
    const spied = spy((async (url: any, init: any) => {
      if (hang && JSON.parse(init.body).method === "tools/call") {
        signals.push(init.signal);
        return new Promise((_resolve, reject) =>
          init.signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))),
        );
      }
      return hanging(url, init);
    }) as typeof fetch);
    const { client, host, errors } = await start(
      "SDK v2, 2026",
      new HttpV2(new URL("http://x.local/mcp"), { fetch: spied.fetch }),
    );
    const first = new AbortController();
    const call = assert.rejects(host.callTool(client, { name: "any" }, { signal: first.signal, preference: "forbid" }));
    await later(20);
    first.abort("enough");
    await call;
    assert.equal(signals[0]?.aborted, true);
    hang = false;
    const second = new AbortController();
    const following = assert.rejects(client.callTool({ name: "any" }, { signal: second.signal }));
    await later(40);
    assert.ok(spied.all("tasks/get").length > 0);
    second.abort("enough");
    await following;
    await later(20);
    assert.equal(spied.all("tasks/cancel").length, 1);
    assert.equal(spied.all("notifications/cancelled").length, 0);
    assert.deepEqual(errors, []);
    await client.close();
  });
});

describe("2025-11-25", () => {
  for (const kind of ["SDK v1", "SDK v2, 2025"] as const) {
    // G25-HTT-01, G25-HTT-02
    test(`${kind}: requests about tasks carry the session, and nothing of the newer revision`, async () => {
      const tasks = new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });
      const http = await statefulV1(() => attached("v1", tasks, tools));
      const spied = spy(fetch);
      const options = { fetch: spied.fetch };
      const { client, errors } = await start(
        kind,
        kind === "SDK v1" ? new HttpV1(new URL(http.url), options) : new HttpV2(new URL(http.url), options),
      );
      assert.deepEqual((await client.callTool({ name: "ask", arguments: {} })).content, [
        { type: "text", text: "hello Ada" },
      ]);
      const own = spied.posts.filter((post) => post.method?.startsWith("tasks/"));
      assert.ok(own.length > 0);
      for (const { headers } of own) {
        assert.equal(headers.get("mcp-protocol-version"), "2025-11-25");
        assert.ok(headers.get("mcp-session-id"));
        assert.equal(headers.get("mcp-name"), null);
        assert.equal(headers.get("mcp-method"), null);
      }
      assert.deepEqual(errors, []);
      await client.close();
      await http.close();
      await tasks.close();
    });

    test(`${kind}: a tasks/result that cannot be sent is sent again (G25-RES-12, G25-GET-04, H07)`, async () => {
      const tasks = new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });
      const http = await statefulV1(() => attached("v1", tasks, tools));
      const spied = spy(fetch, (post, number) =>
        post.method === "tasks/result" && number < 3 ? new TypeError("fetch failed") : undefined,
      );
      const options = { fetch: spied.fetch };
      const { client } = await start(
        kind,
        kind === "SDK v1" ? new HttpV1(new URL(http.url), options) : new HttpV2(new URL(http.url), options),
      );
      assert.deepEqual((await client.callTool({ name: "slow", arguments: {} })).content, [
        { type: "text", text: "slow" },
      ]);
      const results = spied.all("tasks/result");
      assert.equal(new Set(results.map((post) => post.id)).size, results.length);
      assert.ok(results.length >= 3);
      await client.close();
      await http.close();
      await tasks.close();
    });
  }
});

/** The answer to the call is lost: its stream ends, or its body breaks off, after the server has taken it. */
const LOST: Readonly<Record<string, () => Response>> = {
  "the stream ends": () => new Response(": nothing\n\n", { headers: { "content-type": "text/event-stream" } }),
  "the stream breaks off": () =>
    new Response(
      new ReadableStream({
        pull: (controller) => (
          controller.enqueue(new TextEncoder().encode('data: {"jsonrpc":"2.0","id":')),
          controller.error(new TypeError("terminated"))
        ),
      }),
      {
        headers: { "content-type": "text/event-stream" },
      },
    ),
  "a gateway answers": () => new Response("bad gateway", { status: 502 }),
};

for (const kind of ["SDK v1", "SDK v2, 2025", "SDK v2, 2026"] as const) {
  test(`${kind}: a lost handle fails the call, and nothing is sent again (H11, X-CRE-01)`, async () => {
    for (const [how, lose] of Object.entries(LOST)) {
      const tasks = new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });
      let calls = 0;
      const counted = { ...tools, slow: () => (calls++, { content: [] }) };
      const http = await (kind === "SDK v2, 2026"
        ? entryV2(() => attached("v2", tasks, counted))
        : statefulV1(() => attached("v1", tasks, counted)));
      const spied = spy((async (url: any, init: any) => {
        const response = await fetch(url, init);
        if (init.method !== "POST" || JSON.parse(init.body).method !== "tools/call") return response;
        await response.body?.cancel();
        return lose();
      }) as typeof fetch);
      const transport =
        kind === "SDK v1"
          ? new HttpV1(new URL(http.url), { fetch: spied.fetch })
          : new HttpV2(new URL(http.url), { fetch: spied.fetch });
      const { client, host } = await start(kind, transport);
      // What is not known is not called a failure of the task.
      await assert.rejects(
        host.callTool(client, { name: "slow", arguments: {} }, { timeout: 300 }),
        (error: any) => isTaskError(error) && (error.code === "connection" || error.code === "unreachable"),
        how,
      );
      await later(50);
      assert.equal(spied.all("tools/call").length, 1, how);
      assert.equal(calls, 1, how);
      await client.close();
      await http.close();
      await tasks.close();
    }
  });
}

for (const kind of ["SDK v1", "SDK v2, 2025"] as const) {
  test(`${kind}: a session that is lost is initialised anew, and finds its tasks (G25-HTT-04)`, async () => {
    const tasks = new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });
    const gate = Promise.withResolvers<void>();
    const waiting = {
      ...tools,
      wait: async () => (await gate.promise, { content: [{ type: "text", text: "waited" }] }),
    };
    const authenticate = (token: string | undefined) => ({
      token,
      clientId: "app",
      scopes: [],
      extra: { iss: "https://id.example", sub: token },
    });
    const http = await statefulV1(() => attached("v1", tasks, waiting), { authenticate });
    let expired: string | undefined;
    const connectAs = async (who: string, options: object = {}) => {
      const spied = spy((async (url: any, init: any) => {
        const session = new Headers(init.headers).get("mcp-session-id");
        if (session !== null && session === expired)
          return new Response('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}', {
            status: 404,
          });
        return fetch(url, init);
      }) as typeof fetch);
      const more = { fetch: spied.fetch, requestInit: { headers: { authorization: `Bearer ${who}` } } };
      const transport = kind === "SDK v1" ? new HttpV1(new URL(http.url), more) : new HttpV2(new URL(http.url), more);
      return { spied, transport, ...(await start(kind, transport, options)) };
    };
    const first = await connectAs("ada", { poll: { min: 1, max: 4, initial: 1 } });
    const handle = await first.host.callTool(first.client, { name: "wait", arguments: {} });
    const lost = assert.rejects(
      handle.result(),
      (error: any) => isTaskError(error) && error.code === "connection" && error.taskId === handle.taskId,
    );
    await later(30);
    expired = first.transport.sessionId;
    assert.ok(expired);
    await assert.rejects(first.client.listTools(), /404|not found/i);
    // The pending wait ends with the session.
    await lost;
    await first.client.close();
    assert.equal(first.spied.all("tools/call").length, 1);

    const second = await connectAs("ada");
    assert.equal(second.spied.all("initialize").length, 1);
    assert.notEqual(second.transport.sessionId, expired);
    const reference = JSON.parse(JSON.stringify(handle.reference));
    const resumed = await second.host.resume(second.client, reference);
    assert.equal(resumed.snapshot.status, "working");
    gate.resolve();
    assert.deepEqual((await resumed.result()).content, [{ type: "text", text: "waited" }]);
    assert.equal(second.spied.all("tools/call").length, 0);
    const own = second.spied.posts.filter((post) => post.method?.startsWith("tasks/"));
    for (const { headers } of own) assert.equal(headers.get("mcp-session-id"), second.transport.sessionId);

    const stranger = await connectAs("eve");
    await assert.rejects(stranger.host.resume(stranger.client, reference), (error: any) => error.code === "not_found");
    for (const { client } of [second, stranger]) await client.close();
    await http.close();
    await tasks.close();
  });

  // G25-INP-05
  test(`${kind}: requests of a task are served on whichever stream they come, the GET stream too`, async () => {
    const encode = (message: object) =>
      new TextEncoder().encode(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
    const question = (id: string) => ({
      id,
      method: "elicitation/create",
      params: {
        message: id,
        requestedSchema: { type: "object", properties: { name: { type: "string" } } },
        _meta: { "io.modelcontextprotocol/related-task": { taskId: "t1" } },
      },
    });
    const streams = new Map<string, ReadableStreamDefaultController>();
    const answers: any[] = [];
    const open = (name: string) =>
      new Response(new ReadableStream({ start: (controller) => void streams.set(name, controller) }), {
        headers: { "content-type": "text/event-stream" },
      });
    const json = (id: unknown, result: object) =>
      new Response(JSON.stringify({ jsonrpc: "2.0", id, result }), { headers: { "content-type": "application/json" } });
    const task = {
      taskId: "t1",
      status: "working",
      ttl: 60_000,
      pollInterval: 1000,
      createdAt: new Date().toISOString(),
      lastUpdatedAt: new Date().toISOString(),
    };
    let resultId: unknown;
    const served = (async (_url: unknown, init: any) => {
      if (init.method === "DELETE") return new Response(null, { status: 200 });
      if (init.method !== "POST") return open("GET");
      const message = JSON.parse(init.body);
      switch (message.method) {
        case "initialize":
          return json(message.id, {
            protocolVersion: "2025-11-25",
            capabilities: { tools: {}, tasks: { requests: { tools: { call: {} } } } },
            serverInfo: { name: "s", version: "1" },
          });
        case "tools/list":
          return json(message.id, {
            tools: [{ name: "slow", inputSchema: { type: "object" }, execution: { taskSupport: "required" } }],
          });
        case "tools/call":
          return message.params.name === "other" ? open("POST") : json(message.id, { task });
        case "tasks/result":
          resultId = message.id;
          return open("result");
        case "tasks/get":
          return json(message.id, task);
        case undefined:
          answers.push(message);
      }
      return new Response(null, { status: 202 });
    }) as typeof fetch;
    const url = new URL("http://x.local/mcp");
    const { client, errors } = await start(
      kind,
      kind === "SDK v1" ? new HttpV1(url, { fetch: served }) : new HttpV2(url, { fetch: served }),
    );
    const call = client.callTool({ name: "slow", arguments: {} });
    // Its stream belongs to another request.
    const other = client.callTool({ name: "other", arguments: {} });
    await until(() => streams.size === 3, "all streams are open");
    for (const [name, stream] of streams) stream.enqueue(encode(question(name)));
    await until(() => answers.length === 3, "all questions are answered");
    for (const { id, result } of answers) {
      assert.equal(result.action, "accept", id);
      assert.deepEqual(result._meta, { "io.modelcontextprotocol/related-task": { taskId: "t1" } });
    }
    assert.deepEqual(answers.map((answer) => answer.id).sort(), ["GET", "POST", "result"]);
    streams.get("result")?.enqueue(encode({ id: resultId, result: { content: [{ type: "text", text: "done" }] } }));
    assert.deepEqual((await call).content, [{ type: "text", text: "done" }]);
    assert.deepEqual(errors, []);
    const closed = assert.rejects(other);
    await client.close();
    await closed;
  });
}

for (const kind of ["SDK v1", "SDK v2, 2025"] as const) {
  const transportTo = (url: string, served: typeof fetch) =>
    kind === "SDK v1" ? new HttpV1(new URL(url), { fetch: served }) : new HttpV2(new URL(url), { fetch: served });

  // G25-HTT-04, H94
  test(`${kind}: a restarting server takes its sessions along: callers hear at once, and resume`, async (t) => {
    // No poll is due before the test is over: what the transport reports makes the client look.
    const tasks = new TaskServer({
      defaults: { task: "always", support: "required", pollInterval: 60_000 },
      tools: { plain: { task: "never", support: "forbidden" } },
    });
    const gate = Promise.withResolvers<void>();
    const wait = async () => (await gate.promise, { content: [{ type: "text" as const, text: "waited" }] });
    const serve = () => statefulV1(() => attached("v1", tasks, { wait, plain: wait }));
    let http = await serve();
    const { url } = http;
    const restarted = ((_url: unknown, init: any) => fetch(http.url, init)) as typeof fetch;
    const first = await start(kind, transportTo(url, restarted));
    first.client.onerror = () => {};
    const handle = await first.host.callTool(first.client, { name: "wait", arguments: {} });
    const plain = first.client.callTool({ name: "plain", arguments: {} });
    const hears = Promise.all([
      assert.rejects(
        handle.result(),
        (error: any) => isTaskError(error) && error.code === "connection" && error.taskId === handle.taskId,
      ),
      assert.rejects(plain, (error: any) => error.data?.reason === "connection"),
    ]);
    await later(50);
    const before = http;
    http = await serve();
    t.after(() => http.close());
    await before.close();
    await within(20_000, hears);
    // Plain requests fail with the SDK's own error, which says that a new session is needed.
    await assert.rejects(first.client.listTools(), /404|not found/i);

    const second = await start(kind, transportTo(url, restarted));
    const resumed = await second.host.resume(second.client, JSON.parse(JSON.stringify(handle.reference)));
    gate.resolve();
    assert.deepEqual((await resumed.result()).content, [{ type: "text", text: "waited" }]);
    for (const { client } of [first, second]) await client.close();
    await tasks.close();
  });

  // G25-GET-04, G25-RES-12
  test(`${kind}: streams that a proxy cuts delay a task by a poll, not by the safety net`, async (t) => {
    const tasks = new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 100 } });
    const work = async () => (await later(600), { content: [{ type: "text" as const, text: "worked" }] });
    const http = await statefulV1(() => attached("v1", tasks, { work }));
    t.after(() => http.close());
    let cut = 0;
    const cutting = (async (url: any, init: any) => {
      const response = await fetch(url, init);
      const waits = init.method !== "POST" || JSON.parse(init.body).method === "tasks/result";
      if (response.body === null || !response.ok || !waits) return response;
      const reader = response.body.getReader();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const body = new ReadableStream({
        start(controller) {
          timer = setTimeout(
            () => (cut++, controller.error(new TypeError("terminated")), reader.cancel().catch(() => {})),
            200,
          );
        },
        async pull(controller) {
          const { value, done } = await reader.read();
          if (!done) return controller.enqueue(value);
          clearTimeout(timer);
          controller.close();
        },
        cancel(reason) {
          clearTimeout(timer);
          return reader.cancel(reason).catch(() => {});
        },
      });
      return new Response(body, { headers: response.headers });
    }) as typeof fetch;
    const { client } = await start(kind, transportTo(http.url, cutting));
    client.onerror = () => {};
    const result: any = await within(15_000, client.callTool({ name: "work", arguments: {} }));
    assert.deepEqual(result.content, [{ type: "text", text: "worked" }]);
    assert.ok(cut >= 2);
    await client.close();
    await tasks.close();
  });
}
