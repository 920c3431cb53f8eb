// Tasks that a client runs for its server (2025-11-25): `sampling/createMessage` and `elicitation/create`. The server
// is no SDK here: it sends exactly what a test says.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { TaskClient, type TaskEvent, TaskServer, type TaskServerOptions, memoryStore } from "mcp-longhaul";
import { type Handlers, LEGACY, makeClient } from "./client-sdk.ts";
import { FORM, G25, RELATED, YES, cancel, checkFrames, get, reaches, result } from "./harness/g25.ts";
import { type Message, gate, until } from "./harness/frames.ts";
import { PipeRequester } from "./harness/pipe.ts";

interface Cleaning {
  after(done: () => Promise<void>): void;
}

const WRITTEN = { role: "assistant", content: { type: "text", text: "Hello" }, model: "m" };
const PROMPT = { messages: [{ role: "user", content: { type: "text", text: "Hi" } }], maxTokens: 10 };
const INTRODUCED = { protocolVersion: G25, capabilities: {}, serverInfo: { name: "server", version: "1" } };

const sample = (server: PipeRequester, more: object = { task: {} }): Promise<Message> =>
  server.request("sampling/createMessage", { ...PROMPT, ...more });
const elicit = (server: PipeRequester, more: object = { task: {} }): Promise<Message> =>
  server.request("elicitation/create", { ...FORM, ...more });

/** Connects a client to a server of the test's. */
async function serve(t: Cleaning, client: any, answer: object = INTRODUCED) {
  let far: unknown;
  const server = await PipeRequester.to({ connect: async (transport) => void (far = transport) });
  server.answer("initialize", () => ({ result: answer }));
  await client.connect(far);
  t.after(async () => {
    await client.close();
    checkFrames(server.frames);
  });
  const { params } = await server.asked("initialize");
  return { server, declared: params.capabilities.tasks };
}

async function hosted(
  t: Cleaning,
  kind: (typeof LEGACY)[number],
  handlers: Handlers = {},
  options: TaskServerOptions = { sampling: {}, elicitation: {} },
  answer: object = INTRODUCED,
) {
  const tasks = new TaskServer({ defaults: { pollInterval: 20 }, ...options });
  const client = tasks.attach(
    makeClient(kind, {
      "sampling/createMessage": () => WRITTEN,
      "elicitation/create": () => YES,
      ...handlers,
    }),
  );
  t.after(() => tasks.close());
  return { tasks, client, ...(await serve(t, client, answer)) };
}

for (const kind of LEGACY) {
  describe(`a client that runs tasks, on ${kind}`, () => {
    it("G25-CAP-01, G25-CAP-02: says in its `initialize` which, and what it does with them", async (t) => {
      const all = { sampling: { createMessage: {} }, elicitation: { create: {} } };
      assert.deepEqual((await hosted(t, kind)).declared, { list: {}, cancel: {}, requests: all });
      const sampling = await hosted(t, kind, {}, { sampling: {}, list: false });
      assert.deepEqual(sampling.declared, { cancel: {}, requests: { sampling: { createMessage: {} } } });
      const none = await hosted(t, kind, {}, { sampling: { support: "forbidden" } });
      assert.equal(none.declared, undefined);
    });

    it("G25-INP-13: answers with tasks, which its server follows to the end", async (t) => {
      const opened = gate();
      const { server } = await hosted(t, kind, {
        "sampling/createMessage": async (params) => {
          assert.equal(params.task, undefined);
          await opened.promise;
          return WRITTEN;
        },
      });
      const ids: string[] = [];
      for (const response of [await sample(server, { task: { ttl: 60_000 } }), await elicit(server)]) {
        assert.deepEqual(Object.keys(response.result), ["task"]);
        ids.push(response.result.task.taskId);
      }
      assert.equal((await get(server, ids[0])).result.status, "working");
      const waiting = result(server, ids[0]);
      opened.open();
      const written = (await waiting).result;
      assert.deepEqual(written, { ...WRITTEN, _meta: { [RELATED]: { taskId: ids[0] } } });
      assert.deepEqual((await result(server, ids[1])).result.content, YES.content);
      const { tasks } = (await server.request("tasks/list")).result;
      assert.deepEqual(tasks.map(({ taskId }: any) => taskId).sort(), [...ids].sort());
      const told = server.frames.fromServer(({ method }) => method === "notifications/tasks/status");
      assert.deepEqual(
        told.map(({ message }) => message.params.status),
        ["completed", "completed"],
      );
    });

    it("cancels them, and their handlers with them", async (t) => {
      let stopped = false;
      const { server } = await hosted(t, kind, {
        "sampling/createMessage": (_params, signal) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => {
              stopped = true;
              reject(signal.reason as Error);
            }),
          ),
      });
      const { taskId } = (await sample(server)).result.task;
      assert.equal((await cancel(server, taskId)).result.status, "cancelled");
      await until(() => stopped, "the handler stops");
      assert.equal((await cancel(server, taskId)).error?.code, -32602);
      assert.notEqual((await result(server, taskId)).error, undefined);
    });

    it("answers as ever where its server does not ask for a task, or it offers none of the kind", async (t) => {
      const { server } = await hosted(t, kind, {}, { sampling: {} });
      assert.deepEqual((await sample(server, {})).result, WRITTEN);
      const answered = (await elicit(server)).result;
      assert.equal(answered.action, "accept");
      assert.equal(answered.task, undefined);
      const before = await hosted(t, kind, {}, undefined, { ...INTRODUCED, protocolVersion: "2025-06-18" });
      assert.deepEqual((await sample(before.server)).result, WRITTEN);
      assert.equal((await get(before.server, "none")).error?.code, -32601);
    });

    it("fails with its handlers, and refuses ids that it does not know and methods of servers", async (t) => {
      const { server } = await hosted(t, kind, {
        "elicitation/create": () => {
          throw new Error("nobody is there");
        },
      });
      const { taskId } = (await elicit(server)).result.task;
      await reaches(server, taskId, "failed");
      assert.match((await result(server, taskId)).error?.message ?? "", /nobody is there/);
      for (const ask of [get, result, cancel]) assert.equal((await ask(server, "unknown")).error?.code, -32602);
      assert.equal((await server.request("tasks/update", { taskId })).error?.code, -32601);
      for (const method of ["tools/call", "tools/list", "prompts/get", "initialize", "server/discover"])
        assert.equal((await server.request(method, { name: "x", task: {} })).error?.code, -32601, method);
    });

    it("keeps to its limits", async (t) => {
      const opened = gate();
      const { server } = await hosted(
        t,
        kind,
        { "sampling/createMessage": () => opened.promise.then(() => WRITTEN) },
        { sampling: {}, limits: { runningPerOwner: 1, resultBytes: 10 } },
      );
      const { taskId } = (await sample(server)).result.task;
      assert.equal((await sample(server)).error?.data?.reason, "task_limit");
      opened.open();
      await reaches(server, taskId, "failed");
      assert.equal((await result(server, taskId)).error?.data?.reason, "payload_limit");
    });

    it("keeps the tasks of each connection from all others, unless its host names the server", async (t) => {
      const store = memoryStore();
      const first = await hosted(t, kind, {}, { sampling: {}, store });
      const second = await hosted(t, kind, {}, { sampling: {}, store });
      const { taskId } = (await sample(first.server)).result.task;
      assert.equal((await get(second.server, taskId)).error?.code, -32602);
      assert.deepEqual((await second.server.request("tasks/list")).result.tasks, []);
      const owner = (): string => "https://server.example";
      const before = await hosted(t, kind, {}, { sampling: {}, store, owner });
      const kept = (await sample(before.server)).result.task.taskId;
      await before.client.close();
      const after = await hosted(t, kind, {}, { sampling: {}, store, owner });
      assert.equal((await reaches(after.server, kept, "completed")).taskId, kept);
    });

    it("ends what no task is, and keeps what is one, when the connection closes in the middle", async (t) => {
      const events: TaskEvent[] = [];
      const opened = gate();
      const { server, client } = await hosted(
        t,
        kind,
        { "sampling/createMessage": () => opened.promise.then(() => WRITTEN) },
        { sampling: {}, onevent: (event) => events.push(event) },
      );
      await sample(server);
      await client.close();
      opened.open();
      await until(() => events.some(({ type }) => type === "completed" || type === "failed"), "an end");
    });
  });
}

for (const order of ["receiver", "requestor"] as const) {
  it(`a client has tasks in both directions on one connection, the ${order} attached first`, async (t) => {
    const opened = gate();
    const tasks = new TaskServer({ sampling: {}, defaults: { pollInterval: 20 } });
    const host = new TaskClient({ poll: { min: 5, initial: 5 } });
    const client = makeClient("SDK v1", { "sampling/createMessage": () => opened.promise.then(() => WRITTEN) });
    if (order === "receiver") host.attach(tasks.attach(client));
    else tasks.attach(host.attach(client));
    t.after(() => tasks.close());
    const capabilities = { tools: {}, tasks: { cancel: {}, requests: { tools: { call: {} } } } };
    const { server } = await serve(t, client, { ...INTRODUCED, capabilities });
    server.answer("tools/list", () => ({ result: { tools: [TOOL] } }));
    // The task of the server's has the id of the task of the client's.
    const { taskId } = (await sample(server)).result.task;
    const theirs = (status: string) => ({ taskId, status, ttl: null, createdAt: NOW, lastUpdatedAt: NOW });
    let status = "working";
    server.answer("tools/call", ({ params }) =>
      params.task === undefined ? undefined : { result: { task: theirs(status) } },
    );
    server.answer("tasks/get", () => ({ result: theirs(status) }));
    const finished = gate();
    const content = [{ type: "text", text: "of the server" }];
    server.answer("tasks/result", () =>
      finished.promise.then(() => ({ result: { content, _meta: { [RELATED]: { taskId } } } })),
    );
    const called = client.callTool({ name: "slow", arguments: {} });
    const asked = await server.asked("tasks/result");
    // A request of the server's has the id of one of the client's that waits.
    const mine = server.request("tasks/get", { taskId }, asked.id);
    await server.frames.next(({ method, id }) => method === undefined && id === asked.id, "an answer");
    assert.equal((await mine).result.status, "working");
    await server.notify("notifications/tasks/status", theirs("working"));
    opened.open();
    assert.deepEqual((await result(server, taskId)).result.content, WRITTEN.content);
    status = "completed";
    finished.open();
    assert.deepEqual((await called).content, content);
  });
}

const TOOL = { name: "slow", inputSchema: { type: "object" }, execution: { taskSupport: "required" } };
const NOW = new Date().toISOString();

it("a task server is for servers or for clients, and says which", () => {
  const forClients = new TaskServer({ sampling: {} });
  const refused = (act: () => unknown, text: RegExp): void =>
    assert.throws(act, (error: { code?: string; message: string }) => {
      assert.match(error.message, text);
      return error.code === "invalid_argument";
    });
  refused(() => forClients.attach(new McpServer({ name: "s", version: "1" })), /takes a Client/);
  refused(() => forClients.attach(InMemoryTransport.createLinkedPair()[0]), /takes a Client/);
  refused(() => new TaskServer({ task: "always" }).attach(new ClientV1({ name: "c", version: "1" })), /only where/);
  refused(() => new TaskServer({ sampling: {}, tools: {} }), /`tools`/);
  refused(() => new TaskServer({ elicitation: { withoutTasks: { after: 1 } } }), /`elicitation\.withoutTasks`/);
  refused(() => new TaskServer({ sampling: { tll: 1 } as never }), /`sampling\.tll`/);
  const capabilities = { sampling: {}, tasks: { requests: { sampling: { createMessage: {} } } } };
  const own = new ClientV1({ name: "c", version: "1" }, { capabilities, taskStore: new InMemoryTaskStore() });
  refused(() => forClients.attach(own), /taskStore/);
});
