// `prompts/get` and `resources/read` as tasks, from the call to the result, on either end: what can become a task is a
// row of a table (`src/method.rs`), and the policies of a server say which rows it offers.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import { GetPromptRequestSchema, ReadResourceRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV1, ResourceTemplate as TemplateV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  McpServer as McpServerV2,
  ResourceTemplate as TemplateV2,
  Server as ServerV2,
  inputRequired,
} from "@modelcontextprotocol/server";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { TaskClient, type TaskHandle, TaskServer, type TaskServerOptions, memoryStore } from "mcp-longhaul";
import * as z from "zod";
import { FORM, YES, checkFrames, get, initialize, reaches, result } from "./harness/g25.ts";
import { LEGACY, connect, makeClient } from "./client-sdk.ts";
import { handle25, legacy } from "./client-peer.ts";
import { gate, until } from "./harness/frames.ts";
import { entryV2 } from "./harness/http.ts";
import { PipeRequester } from "./harness/pipe.ts";

const INFO = { name: "tests", version: "1.0.0" };
const PROMPTS = { slow: {}, bad: {}, ask: {} };
const RESOURCES = { "test://one": {}, "test://many/{name}": {} };
const said = (text: string) => ({ messages: [{ role: "user" as const, content: { type: "text" as const, text } }] });
const read = (uri: string, text: string) => ({ contents: [{ uri, text }] });

/** Opens when the slow prompt may answer. */
let opened = gate();
/** How often it began to wait for that. */
let began = 0;
/** Why handlers were stopped. */
const stopped: unknown[] = [];
function build(sdk: "v1" | "v2", tasks: TaskServer): any {
  const server: any = sdk === "v1" ? new McpServerV1(INFO) : new McpServerV2(INFO);
  server.registerTool("slow", {}, () => ({ content: [{ type: "text", text: "a tool" }] }));
  server.registerPrompt("slow", { description: "waits" }, () => {
    began += 1;
    return opened.promise.then(() => said("done"));
  });
  server.registerPrompt("bad", { description: "fails" }, () => {
    throw new Error("no such mood");
  });
  server.registerPrompt("other", { description: "has no policy" }, () => said("other"));
  server.registerPrompt("ask", { description: "asks" }, async (context: object) => {
    const answer = await tasks.current(context)!.requireInput({ method: "elicitation/create", params: FORM });
    return said(answer.action);
  });
  const strict = { argsSchema: sdk === "v1" ? { topic: z.string() } : z.object({ topic: z.string() }) };
  server.registerPrompt("strict", strict, ({ topic }: { topic: string }) => said(`on ${topic}`));
  server.registerPrompt("round", {}, (context: any) => {
    const answer = context.mcpReq?.inputResponses?.["ok"];
    const request = { method: "elicitation/create" as const, params: FORM };
    return answer === undefined ? inputRequired({ inputRequests: { ok: request as never } }) : said(answer.action);
  });
  server.registerPrompt("endless", {}, (context: any) => {
    const { signal } = context.mcpReq ?? context;
    return new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => {
        stopped.push(signal.reason.code);
        reject(signal.reason);
      }),
    );
  });
  server.registerResource("one", "test://one", {}, (uri: URL) => opened.promise.then(() => read(uri.href, "one")));
  server.registerResource("none", "test://none", {}, (uri: URL) => read(uri.href, "none"));
  const Template: any = sdk === "v1" ? TemplateV1 : TemplateV2;
  const template = new Template("test://many/{name}", { list: undefined });
  server.registerResource("many", template, {}, (uri: URL, { name }: any) =>
    opened.promise.then(() => read(uri.href, `many ${name}`)),
  );
  return server;
}

async function served(
  t: { after(done: () => Promise<void>): void },
  sdk: "v1" | "v2",
  options: TaskServerOptions = { prompts: PROMPTS, resources: RESOURCES },
) {
  opened = gate();
  const tasks = new TaskServer({ defaults: { pollInterval: 20 }, ...options });
  const server = build(sdk, tasks);
  const requester = await PipeRequester.to(tasks.attach(server), sdk);
  t.after(async () => {
    await requester.close();
    await tasks.close();
    checkFrames(requester.frames);
  });
  return { requester, tasks, greeting: await initialize(requester) };
}
const ask = (requester: PipeRequester, name: string, more = {}) => requester.request("prompts/get", { name, ...more });

for (const sdk of ["v1", "v2"] as const) {
  describe(`prompts and resources on ${sdk}`, () => {
    it("become tasks where their client asks for them, and their results are as ever", async (t) => {
      const { requester } = await served(t, sdk);
      const calls = [
        ["prompts/get", { name: "slow" }, said("done")],
        ["resources/read", { uri: "test://one" }, read("test://one", "one")],
        ["resources/read", { uri: "test://many/x" }, read("test://many/x", "many x")],
      ] as const;
      const ids: string[] = [];
      for (const [method, params] of calls) {
        const { result: handle } = await requester.request(method, { ...params, task: { ttl: 60_000 } });
        assert.deepEqual(Object.keys(handle), ["task"]);
        assert.equal((await get(requester, handle.task.taskId)).result.status, "working");
        ids.push(handle.task.taskId);
      }
      opened.open();
      for (const [at, [, , expected]] of calls.entries()) {
        await reaches(requester, ids[at]!, "completed");
        const { _meta, ...outcome } = (await result(requester, ids[at]!)).result;
        assert.deepEqual(outcome, expected);
      }
    });

    it("ask their client from inside", async (t) => {
      const { requester } = await served(t, sdk);
      requester.answer("elicitation/create", () => ({ result: YES }));
      const { result: handle } = await ask(requester, "ask", { task: {} });
      assert.deepEqual((await result(requester, handle.task.taskId)).result.messages, said("accept").messages);
    });

    if (sdk === "v2")
      it("ask their client by their results", async (t) => {
        const { requester } = await served(t, sdk, { prompts: { round: {} } });
        requester.answer("elicitation/create", () => ({ result: YES }));
        const { result: handle } = await ask(requester, "round", { task: {} });
        assert.deepEqual((await result(requester, handle.task.taskId)).result.messages, said("accept").messages);
      });

    it("G25-CAP-02: are declared where a policy offers them, and only they", async (t) => {
      const declared = async (options: TaskServerOptions) =>
        (await served(t, sdk, options)).greeting.result.capabilities.tasks?.requests;
      assert.deepEqual(await declared({ prompts: PROMPTS }), { prompts: { get: {} } });
      assert.deepEqual(await declared({ resources: RESOURCES, task: "always" }), {
        tools: { call: {} },
        resources: { read: {} },
      });
      assert.equal(await declared({ prompts: { slow: { support: "forbidden" } } }), undefined);
      assert.deepEqual(await declared({ task: "always" }), { tools: { call: {} } });
    });

    it("are answered as ever where their client does not ask, or no policy names them", async (t) => {
      const { requester } = await served(t, sdk);
      opened.open();
      assert.deepEqual((await ask(requester, "slow")).result.messages, said("done").messages);
      // A tool of the same name has no task for it.
      const tool = await requester.request("tools/call", { name: "slow", arguments: {}, task: {} });
      assert.deepEqual(tool.result.content, [{ type: "text", text: "a tool" }]);
      assert.equal((await ask(requester, "other", { task: {} })).error?.code, -32601);
      const none = await requester.request("resources/read", { uri: "test://none", task: {} });
      assert.equal(none.error?.code, -32601);
    });

    it("G25-CRE-08: make no task where the server knows no such thing, or not with these arguments", async (t) => {
      const store = memoryStore();
      const { requester } = await served(t, sdk, {
        store,
        prompts: { ...PROMPTS, strict: {}, missing: {} },
        resources: { ...RESOURCES, "test://missing": {} },
      });
      const wrong: [string, object][] = [
        ["prompts/get", { name: "missing" }],
        ["prompts/get", { name: "unheard of" }],
        ["prompts/get", { name: "toString" }],
        ["prompts/get", { name: "strict" }],
        ["prompts/get", { name: "strict", arguments: { topic: 1 } }],
        ["resources/read", { uri: "test://missing" }],
        ["resources/read", { uri: "no URI" }],
        ["resources/read", { uri: `test://many/${"x".repeat(2_000_000)}` }],
      ];
      for (const [method, params] of wrong) {
        const answer = await requester.request(method, { ...params, task: {} });
        assert.notEqual(answer.error, undefined, JSON.stringify(answer).slice(0, 200));
      }
      assert.equal(store.tasks, 0);
      const { result: handle } = await ask(requester, "strict", { arguments: { topic: "tea" }, task: {} });
      assert.deepEqual((await result(requester, handle.task.taskId)).result.messages, said("on tea").messages);
    });

    it("know a resource by its URI in whichever spelling", async (t) => {
      const { requester } = await served(t, sdk);
      opened.open();
      for (const uri of ["TEST://one", "test://many/y", "Test://many/y"]) {
        const { result: handle } = await requester.request("resources/read", { uri, task: {} });
        assert.equal((await result(requester, handle.task.taskId)).result.contents.length, 1, uri);
      }
    });

    it("are told by their context when to stop", async (t) => {
      const { requester } = await served(t, sdk, { prompts: { endless: {} } });
      const { result: handle } = await ask(requester, "endless", { task: {} });
      await requester.request("tasks/cancel", { taskId: handle.task.taskId });
      await until(() => stopped.includes("cancelled"), "the handler hears of it");
    });

    it("are found by their owner alone, whatever their method", async (t) => {
      let owner = "ann";
      const { requester } = await served(t, sdk, { prompts: PROMPTS, tools: { slow: {} }, owner: () => owner });
      const { result: handle } = await ask(requester, "slow", { task: {} });
      const { result: tool } = await requester.request("tools/call", { name: "slow", arguments: {}, task: {} });
      const { tasks } = (await requester.request("tasks/list", {})).result;
      assert.deepEqual(tasks.map((task: any) => task.taskId).sort(), [handle.task.taskId, tool.task.taskId].sort());
      owner = "bob";
      for (const method of ["tasks/get", "tasks/result", "tasks/cancel"])
        assert.equal((await requester.request(method, { taskId: handle.task.taskId })).error?.code, -32602, method);
      assert.deepEqual((await requester.request("tasks/list", {})).result.tasks, []);
      owner = "ann";
      opened.open();
      // Each id leads to the result of its own method, whatever else a request about it names.
      const outcome = await requester.request("tasks/result", { taskId: handle.task.taskId, name: "slow", uri: "x" });
      assert.deepEqual(outcome.result.messages, said("done").messages);
      assert.equal(outcome.result.content, undefined);
      const other = await requester.request("tasks/result", { taskId: tool.task.taskId });
      assert.deepEqual(other.result.content, [{ type: "text", text: "a tool" }]);
    });

    it("go on in another process", async (t) => {
      const store = memoryStore();
      const options = { store, lease: 1000, prompts: { slow: { onLost: "restart" as const, pollInterval: 20 } } };
      began = 0;
      const first = await served(t, sdk, options);
      const { result: handle } = await ask(first.requester, "slow", { task: {} });
      await first.tasks.close();
      const second = await served(t, sdk, options);
      const again = result(second.requester, handle.task.taskId);
      await until(() => began === 2, "the handler runs again");
      opened.open();
      assert.deepEqual((await again).result.messages, said("done").messages);
    });

    it("take what is no name or no task for what it is", async (t) => {
      const { requester } = await served(t, sdk);
      opened.open();
      for (const params of [
        {},
        { name: 1 },
        { name: null, task: {} },
        { name: "slow", task: [] },
        { name: "slow", task: 1 },
      ])
        assert.notEqual((await requester.request("prompts/get", params)).error, undefined, JSON.stringify(params));
    });

    it("are refused without a task where their policy requires one", async (t) => {
      const { requester } = await served(t, sdk, { prompts: { slow: { support: "required" } } });
      assert.equal((await ask(requester, "slow")).error?.code, -32601);
    });

    it("fail with their handlers", async (t) => {
      const { requester } = await served(t, sdk);
      const { result: handle } = await ask(requester, "bad", { task: {} });
      await reaches(requester, handle.task.taskId, "failed");
      assert.match((await result(requester, handle.task.taskId)).error?.message ?? "", /no such mood/);
    });
  });

  it(`have the gate of a low-level server on ${sdk}`, async (t) => {
    opened = gate();
    const tasks = new TaskServer({ prompts: { slow: {}, endless: {} }, resources: { "test://one": {} } });
    const capabilities = { prompts: {}, resources: {} };
    const server: any = sdk === "v1" ? new ServerV1(INFO, { capabilities }) : new ServerV2(INFO, { capabilities });
    const handle = (method: string, schema: unknown, answer: (params: any, signal: AbortSignal) => unknown) =>
      server.setRequestHandler(sdk === "v1" ? schema : method, async ({ params }: any, context: any) =>
        answer(params, (context.mcpReq ?? context).signal),
      );
    handle("prompts/get", GetPromptRequestSchema, ({ name }, signal) =>
      name === "slow"
        ? opened.promise.then(() => said("done"))
        : new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    handle("resources/read", ReadResourceRequestSchema, ({ uri }) => read(uri, "one"));
    const requester = await PipeRequester.to(tasks.attach(server), sdk);
    t.after(async () => {
      await requester.close();
      await tasks.close();
    });
    await initialize(requester);
    const slow = await ask(requester, "slow", { task: {} });
    const endless = await ask(requester, "endless", { task: {} });
    const resource = await requester.request("resources/read", { uri: "test://one", task: {} });
    opened.open();
    assert.deepEqual((await result(requester, slow.result.task.taskId)).result.messages, said("done").messages);
    const contents = (await result(requester, resource.result.task.taskId)).result.contents;
    assert.deepEqual(contents, read("test://one", "one").contents);
    await requester.request("tasks/cancel", { taskId: endless.result.task.taskId });
    // Its handler was told, and has ended.
    await tasks.close({ drain: 5_000 });
  });

  it(`are no tasks on ${sdk} where nothing says so`, async (t) => {
    const { requester } = await served(t, sdk, { task: "always" });
    opened.open();
    const { result: prompt } = await ask(requester, "slow", { task: {} });
    assert.deepEqual(prompt.messages, said("done").messages);
  });
}

for (const kind of LEGACY) {
  describe(`a client on ${kind}`, () => {
    async function connected(t: { after(done: () => Promise<void>): void }) {
      const created: TaskHandle[] = [];
      const tasks = new TaskServer({ defaults: { pollInterval: 20 }, prompts: PROMPTS, resources: RESOURCES });
      const [ours, theirs] = InMemoryTransport.createLinkedPair();
      await tasks.attach(build("v2", tasks)).connect(theirs as never);
      const host = new TaskClient({ ontask: (handle) => created.push(handle) });
      const client = host.attach(makeClient(kind) as never) as any;
      await client.connect(ours);
      t.after(async () => {
        await client.close();
        await tasks.close();
      });
      opened = gate();
      return { host, client, created };
    }

    it("gets prompts and resources as ever, while the server makes tasks of them", async (t) => {
      const { client, created } = await connected(t);
      const prompt = client.getPrompt({ name: "slow" });
      const resource = client.readResource({ uri: "test://many/x" });
      await until(() => created.length === 2, "two tasks");
      opened.open();
      assert.deepEqual((await prompt).messages, said("done").messages);
      assert.deepEqual((await resource).contents, read("test://many/x", "many x").contents);
      await assert.rejects(client.getPrompt({ name: "bad" }), /no such mood/);
      assert.deepEqual((await client.getPrompt({ name: "other" })).messages, said("other").messages);
    });

    it("gets handles by getPrompt, readResource and request, and finds their tasks again", async (t) => {
      const { host, client } = await connected(t);
      const prompt = await host.getPrompt(client, { name: "slow" });
      const resource = await host.readResource(client, { uri: "test://one" });
      const request = await host.request(client, "prompts/get", { name: "slow" });
      assert.deepEqual(
        [prompt, resource, request].map(({ reference }) => [reference?.method, reference?.tool]),
        [
          ["prompts/get", "slow"],
          ["resources/read", "test://one"],
          ["prompts/get", "slow"],
        ],
      );
      const again = await host.resume(client, JSON.parse(JSON.stringify(resource.reference)));
      opened.open();
      assert.deepEqual(((await prompt.result()) as any).messages, said("done").messages);
      assert.deepEqual(((await resource.result()) as any).contents, read("test://one", "one").contents);
      assert.deepEqual(((await again.result()) as any).contents, read("test://one", "one").contents);
      assert.deepEqual(((await request.result()) as any).messages, said("done").messages);
      const other = await host.getPrompt(client, { name: "other" });
      assert.equal(other.taskId, undefined);
      assert.deepEqual(((await other.result()) as any).messages, said("other").messages);
      const bad = await host.getPrompt(client, { name: "bad" });
      await assert.rejects(bad.result(), { code: "failed" });
      await assert.rejects(host.request(client, "tasks/get" as never, {}), { code: "invalid_argument" });
    });
  });
}

it("policies that are wrong are refused by name", () => {
  const wrong: [object, string][] = [
    [{ prompts: { a: 1 } }, "prompts.a"],
    [{ resources: { a: { ttl: 0 } } }, "resources.a.ttl"],
    [{ prompts: { a: { withoutTasks: { after: 1 } } } }, "prompts.a.withoutTasks"],
    [{ prompts: 1 }, "prompts"],
    [{ resources: { a: { tll: 1 } } }, "resources.a.tll"],
  ];
  for (const [options, name] of wrong)
    assert.throws(
      () => new TaskServer(options as TaskServerOptions),
      (error: { code?: string; message: string }) =>
        error.code === "invalid_argument" && error.message.includes(`\`${name}\``),
      name,
    );
});

for (const kind of LEGACY) {
  it(`${kind}: a refusal is believed until the list has changed (G25-TLN-08, G25-TLN-09)`, async (t) => {
    const requests = { tools: { call: {} }, prompts: { get: {} } };
    let takesTasks = false;
    const peer = legacy(
      {},
      {
        initialize: () => ({
          protocolVersion: "2025-11-25",
          serverInfo: INFO,
          capabilities: { tools: {}, prompts: { listChanged: true }, tasks: { cancel: {}, requests } },
        }),
        "prompts/get": ({ task }) => {
          if (task === undefined) return said("plain");
          return takesTasks ? handle25("t1") : { error: { code: -32601, message: "no tasks of this prompt" } };
        },
        "tasks/result": () => said("a task's"),
      },
    );
    const { client } = await connect(peer, kind);
    t.after(() => client.close());
    const prompts = client as unknown as { getPrompt(params: object): Promise<object> };
    const asked = (): boolean[] => peer.all("prompts/get").map(({ params }) => (params as any).task !== undefined);
    const get = () => prompts.getPrompt({ name: "slow" });
    assert.deepEqual(await get(), said("plain"));
    assert.deepEqual(await get(), said("plain"));
    assert.deepEqual(asked(), [true, false, false]);
    takesTasks = true;
    peer.push({ jsonrpc: "2.0", method: "notifications/prompts/list_changed" });
    assert.deepEqual(await get(), said("a task's"));
    assert.deepEqual(asked(), [true, false, false, true]);
  });
}

for (const kind of LEGACY) {
  it(`${kind}: prompts and resources may be answered at once (G25-CRE-11)`, async (t) => {
    const requests = { prompts: { get: {} }, resources: { read: {} } };
    const peer = legacy(
      {},
      {
        "prompts/get": ({ name }) => (name === "slow" ? handle25("t1") : said("at once")),
        "resources/read": ({ uri }) => read(uri, "at once"),
        "tasks/result": () => said("a task's"),
      },
      { cancel: {}, requests },
    );
    const { host, client } = await connect(peer, kind);
    t.after(() => client.close());
    const quick = await host.getPrompt(client, { name: "quick" });
    assert.deepEqual(await quick.result(), said("at once"));
    const resource = await host.readResource(client, { uri: "test://one" });
    assert.deepEqual(await resource.result(), read("test://one", "at once"));
    for (const method of ["prompts/get", "resources/read"])
      assert.deepEqual(
        peer.all(method).map(({ params }) => (params as any).task),
        [{}],
        method,
      );
    const slow = await host.getPrompt(client, { name: "slow" });
    assert.deepEqual(await slow.result(), said("a task's"));
    assert.equal(peer.all("tasks/result").length, 1);
    assert.equal(peer.all("tasks/get").length, 0);
  });
}

describe("in 2026-07-28, whose extension knows tasks of tools alone", () => {
  async function connected(t: { after(done: () => Promise<void>): void }) {
    const store = memoryStore();
    const tasks = new TaskServer({ store, defaults: { task: "always" }, prompts: PROMPTS, resources: RESOURCES });
    const entry = await entryV2(() => tasks.attach(build("v2", tasks)), {
      wrap: (made) => ({ fetch: tasks.fetch(made) }),
    });
    const host = new TaskClient();
    const client = host.attach(
      new Client(INFO, { versionNegotiation: { mode: { pin: "2026-07-28" } }, capabilities: { elicitation: {} } }),
    );
    client.setRequestHandler("elicitation/create", () => ({ action: "accept" as const, content: YES.content }));
    await client.connect(new StreamableHTTPClientTransport(new URL(entry.url)));
    t.after(async () => {
      await client.close();
      await tasks.close();
      await entry.close();
    });
    opened = gate();
    opened.open();
    return { host, client, store };
  }

  it("prompts and resources are answered as ever", async (t) => {
    const { host, client, store } = await connected(t);
    assert.deepEqual((await client.getPrompt({ name: "slow" })).messages, said("done").messages);
    assert.deepEqual(
      (await client.readResource({ uri: "test://many/x" })).contents,
      read("test://many/x", "many x").contents,
    );
    const handle = await host.getPrompt(client, { name: "slow" });
    assert.equal(handle.taskId, undefined);
    assert.deepEqual((await handle.result()).messages, said("done").messages);
    const resource = await host.readResource(client, { uri: "test://one" });
    assert.deepEqual((await resource.result()).contents, read("test://one", "one").contents);
    assert.equal(store.tasks, 0);
  });

  it("a caller that requires a task is refused before anything is sent", async (t) => {
    const { host, client } = await connected(t);
    const required = { preference: "require" } as const;
    await assert.rejects(host.getPrompt(client, { name: "slow" }, required), { code: "unsupported" });
    await assert.rejects(host.request(client, "resources/read", { uri: "test://one" }, required), {
      code: "unsupported",
    });
  });

  it("a prompt that asks by its result is asked and answered without a task", async (t) => {
    const { host, client } = await connected(t);
    assert.deepEqual((await client.getPrompt({ name: "round" })).messages, said("accept").messages);
    const handle = await host.getPrompt(client, { name: "round" });
    assert.deepEqual((await handle.result()).messages, said("accept").messages);
  });
});
