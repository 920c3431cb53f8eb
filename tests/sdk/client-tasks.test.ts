// Servers that ask their clients for tasks (2025-11-25), and both directions at once: our hosts on either side, and
// SDK v1's own tasks on the other.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import {
  TaskClient,
  type TaskClientOptions,
  type TaskEvent,
  type TaskHandle,
  TaskServer,
  type TaskServerOptions,
} from "mcp-longhaul";
import { ClientTasks } from "mcp-longhaul/client-tasks";
import { type Handlers, LEGACY, makeClient } from "./client-sdk.ts";
import { addTools } from "./client-tasks-tools.ts";
import { FORM, RELATED, YES, cancel, checkFrames, get, initialize, result } from "./harness/g25.ts";
import { type Message, gate, until } from "./harness/frames.ts";
import { HttpRequester, statefulV1, statefulV2 } from "./harness/http.ts";
import type { Requester } from "./harness/requester.ts";
import { PipeRequester } from "./harness/pipe.ts";

interface Cleaning {
  after(done: () => Promise<void> | void): void;
}
type Sdk = "v1" | "v2";

const INFO = { name: "tests", version: "1.0.0" };
const WRITTEN = { role: "assistant", content: { type: "text", text: "Hello" }, model: "m" } as const;
const PROMPT = { messages: [{ role: "user", content: { type: "text", text: "Hi" } }], maxTokens: 10 } as const;
const DECLARED = {
  elicitation: { form: {} },
  sampling: {},
  tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
};
const NOW = new Date().toISOString();
const text = (said: string) => ({ content: [{ type: "text" as const, text: said }] });

/** A server that asks its client, by each way there is. */
function build(sdk: Sdk, tasks?: TaskServer): any {
  return addTools(sdk, sdk === "v1" ? new McpServerV1(INFO) : new McpServerV2(INFO), tasks);
}

async function asking(t: Cleaning, sdk: Sdk, options: TaskClientOptions = {}, capabilities: object = DECLARED) {
  const created: TaskHandle[] = [];
  const asks = new ClientTasks({
    poll: { min: 5, initial: 5 },
    ontask: (handle) => created.push(handle),
    ...options,
  });
  const server = build(sdk);
  const client = await PipeRequester.to(asks.attach(server), sdk);
  t.after(async () => {
    await client.close();
    checkFrames(client.frames);
  });
  await initialize(client, { capabilities });
  return { asks, server, client, created };
}

/** Answers for a client that runs one task at a time, as the test says. */
function run(client: Requester, method: string, outcome: object) {
  const task = { taskId: "t", ttl: null, createdAt: "2025-01-01T00:00:00Z", lastUpdatedAt: "2025-01-01T00:00:00Z" };
  const state = { status: "working", ended: gate() };
  const seen = () => ({ ...task, status: state.status, pollInterval: 5 });
  client.answer(method, ({ params }) =>
    params.task === undefined ? { result: outcome } : { result: { task: seen() } },
  );
  client.answer("tasks/get", () => ({ result: seen() }));
  client.answer("tasks/cancel", () => {
    state.status = "cancelled";
    return { result: seen() };
  });
  client.answer("tasks/result", async () => {
    await state.ended.promise;
    return { result: { ...outcome, _meta: { [RELATED]: { taskId: "t" } } } };
  });
  return {
    end() {
      state.status = "completed";
      state.ended.open();
    },
  };
}

for (const sdk of ["v1", "v2"] as const) {
  describe(`a server that asks for tasks, on ${sdk}`, () => {
    it("gets the results of tasks from createMessage and elicitInput", async (t) => {
      const { server, client, created } = await asking(t, sdk);
      for (const [method, ask, outcome] of [
        ["sampling/createMessage", () => server.server.createMessage(PROMPT), WRITTEN],
        ["elicitation/create", () => server.server.elicitInput(FORM), YES],
      ] as const) {
        const before = client.frames.all.length;
        const task = run(client, method, outcome);
        const answer = ask();
        const asked = await client.asked(method, before);
        assert.deepEqual(asked.params.task, {});
        assert.equal(JSON.stringify(asked).includes("mcp-longhaul"), false);
        await client.asked("tasks/result", before);
        task.end();
        const { _meta, ...rest } = await answer;
        assert.deepEqual(rest, outcome);
      }
      assert.deepEqual(
        created.map(({ reference }) => [reference?.method, reference?.tool, reference?.server]),
        ["sampling/createMessage", "elicitation/create"].map((method) => [method, "", "requester/1.0.0"]),
      );
    });

    it("gets handles, follows and cancels by them, and finds tasks again", async (t) => {
      const { asks, server, client } = await asking(t, sdk);
      const task = run(client, "sampling/createMessage", WRITTEN);
      const handle = await asks.createMessage(server, PROMPT);
      const other = await asks.resume(server, JSON.parse(JSON.stringify(handle.reference)));
      assert.equal(other.taskId, "t");
      task.end();
      assert.deepEqual(((await handle.result()) as any).content, WRITTEN.content);
      run(client, "elicitation/create", YES);
      const cancelled = await asks.elicitInput(server.server, FORM);
      assert.equal(await cancelled.cancel({ awaitTerminal: true }), "cancelled");
      await assert.rejects(cancelled.result(), { code: "cancelled" });
      await assert.rejects(asks.request(server, "tools/call" as never, {}), { code: "invalid_argument" });
    });

    it("sends requests as ever where its client declares no tasks, or none of the kind", async (t) => {
      for (const capabilities of [
        { elicitation: { form: {} }, sampling: {} },
        { ...DECLARED, tasks: { requests: { sampling: { createMessage: {} } } } },
      ]) {
        const { asks, server, client } = await asking(t, sdk, {}, capabilities);
        client.answer("elicitation/create", ({ params }) => ({ result: params.task === undefined ? YES : {} }));
        assert.deepEqual((await server.server.elicitInput(FORM)).content, YES.content);
        const handle = await asks.elicitInput(server, FORM);
        assert.equal(handle.taskId, undefined);
        assert.deepEqual(((await handle.result()) as any).content, YES.content);
        const required = asks.elicitInput(server, FORM, { preference: "require" });
        await assert.rejects(required, { code: "unsupported" });
      }
    });

    it("takes an answer at once for what it is", async (t) => {
      const { server, client } = await asking(t, sdk);
      client.answer("elicitation/create", () => ({ result: YES }));
      client.answer("sampling/createMessage", () => ({ result: WRITTEN }));
      assert.deepEqual((await server.server.elicitInput(FORM)).content, YES.content);
      assert.deepEqual((await server.server.createMessage(PROMPT)).content, WRITTEN.content);
    });

    it("lists what its client has, page by page, and cancels by an id alone", async (t) => {
      const { asks, server, client } = await asking(t, sdk);
      run(client, "sampling/createMessage", WRITTEN);
      const handle = await asks.createMessage(server, PROMPT);
      const row = (taskId: string) => ({ taskId, status: "working", ttl: null, createdAt: NOW, lastUpdatedAt: NOW });
      client.answer("tasks/list", ({ params }) => {
        const page = Number(params?.cursor ?? "0");
        return { result: { tasks: [row(`t${page}`)], ...(page < 2 && { nextCursor: String(page + 1) }) } };
      });
      const ids: string[] = [];
      for await (const { taskId, status } of asks.list(server)) ids.push(`${taskId} ${status}`);
      assert.deepEqual(ids, ["t0 working", "t1 working", "t2 working"]);
      assert.equal(await asks.cancel(server, handle.taskId!), "cancelled");
      await assert.rejects(handle.result(), { code: "cancelled" });
    });

    it("lists nothing that is not there: no declaration, an error, no list, the same page for ever", async (t) => {
      const all = async (answer: object, capabilities: object = DECLARED) => {
        const { asks, server, client } = await asking(t, sdk, {}, capabilities);
        client.answer("tasks/list", () => answer);
        const rows = [];
        for await (const row of asks.list(server)) rows.push(row);
        return rows;
      };
      const { list: _, ...unlisted } = DECLARED.tasks;
      await assert.rejects(all({}, { ...DECLARED, tasks: unlisted }), { code: "unsupported" });
      await assert.rejects(all({ error: { code: -32603, message: "no" } }), { code: "failed", message: "no" });
      await assert.rejects(all({ result: { tasks: "none" } }), { code: "protocol" });
      assert.equal((await all({ result: { tasks: [7, null], nextCursor: "again" } })).length, 0);
      const { asks, server, client } = await asking(t, sdk);
      client.answer("tasks/list", () => undefined);
      const listing = asks.list(server).next();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await client.close();
      await assert.rejects(listing, { code: "connection" });
      await assert.rejects(new ClientTasks().list(server).next(), { code: "invalid_argument" });
    });

    it("hears of a connection that closes in the middle", async (t) => {
      const { asks, server, client } = await asking(t, sdk);
      run(client, "sampling/createMessage", WRITTEN);
      const handle = await asks.createMessage(server, PROMPT);
      await client.close();
      await assert.rejects(handle.result(), { code: "connection" });
    });
  });
}

/** Both hosts of ours, on one connection. */
async function both(t: Cleaning, sdk: Sdk, kind: (typeof LEGACY)[number], handlers: Handlers, first = "receiver") {
  const created: TaskHandle[] = [];
  const tasks = new TaskServer({ tools: { ask: {}, require: {} }, defaults: { pollInterval: 20 } });
  const asks = new ClientTasks({ poll: { min: 5, initial: 5 }, ontask: (handle) => created.push(handle) });
  const hosted: TaskServerOptions = { sampling: {}, elicitation: {}, defaults: { pollInterval: 20 } };
  const clientTasks = new TaskServer(hosted);
  const host = new TaskClient({ poll: { min: 5, initial: 5 } });
  const server = build(sdk, tasks);
  const client = makeClient(kind, handlers) as any;
  if (first === "receiver") {
    asks.attach(tasks.attach(server));
    host.attach(clientTasks.attach(client));
  } else {
    tasks.attach(asks.attach(server));
    clientTasks.attach(host.attach(client));
  }
  const [near, far] = InMemoryTransport.createLinkedPair();
  const frames: { from: string; message: Message }[] = [];
  for (const [from, end] of [
    ["client", near],
    ["server", far],
  ] as const) {
    const send = end.send.bind(end);
    end.send = (message, options) => {
      frames.push({ from, message: JSON.parse(JSON.stringify(message)) });
      return send(message, options);
    };
  }
  await server.connect(far);
  await client.connect(near);
  t.after(async () => {
    await client.close();
    await tasks.close();
    await clientTasks.close();
  });
  return { tasks, asks, server, client, host, created, frames };
}

for (const sdk of ["v1", "v2"] as const)
  for (const kind of LEGACY)
    for (const first of ["receiver", "requestor"]) {
      describe(`a server on ${sdk} and a client on ${kind}, the ${first} attached first`, () => {
        for (const tool of ["ask", "require"])
          it(`a task asks by a task (${tool}), and waits for input meanwhile`, async (t) => {
            const opened = gate();
            const { client, host, created, frames } = await both(
              t,
              sdk,
              kind,
              { "elicitation/create": () => opened.promise.then(() => YES) },
              first,
            );
            const handle = await host.callTool(client, { name: tool, arguments: {} });
            await until(() => created.length === 1, "a task of the client's");
            await until(
              async () => (await handle.updates().next()).value?.status === "input_required",
              "the outer task waits",
            );
            const asked = frames.find(({ message }) => message.method === "elicitation/create")?.message;
            assert.deepEqual(asked?.params._meta?.[RELATED], { taskId: handle.taskId });
            assert.deepEqual(asked?.params.task, {});
            opened.open();
            assert.deepEqual((await handle.result()).content, text("accept").content);
          });

        it("H75: a task that is cancelled cancels what it asks", async (t) => {
          let stopped = false;
          const { client, host, created, frames } = await both(
            t,
            sdk,
            kind,
            {
              "elicitation/create": (_params, signal) =>
                new Promise((_resolve, reject) =>
                  signal.addEventListener("abort", () => {
                    stopped = true;
                    reject(signal.reason as Error);
                  }),
                ),
            },
            first,
          );
          const handle = await host.callTool(client, { name: "require", arguments: {} });
          await until(() => created.length === 1, "a task of the client's");
          await handle.cancel();
          await until(() => stopped, "the client's handler stops");
          assert.ok(frames.some(({ from, message }) => from === "server" && message.method === "tasks/cancel"));
        });

        it("ask as ever from outside of tasks", async (t) => {
          const { server, created } = await both(t, sdk, kind, { "sampling/createMessage": () => WRITTEN }, first);
          const { content } = await server.server.createMessage(PROMPT);
          assert.deepEqual(content, WRITTEN.content);
          assert.equal(created.length, 1);
        });
      });
    }

/** A client of ours that runs tasks and follows those of its server. */
async function connected(t: Cleaning, kind: (typeof LEGACY)[number], transport: unknown) {
  const events: TaskEvent[] = [];
  const clientTasks = new TaskServer({
    elicitation: {},
    defaults: { pollInterval: 20 },
    onevent: (event) => events.push(event),
  });
  const host = new TaskClient({ poll: { min: 5, initial: 5 } });
  const client = host.attach(clientTasks.attach(makeClient(kind, { "elicitation/create": () => YES })));
  await client.connect(transport);
  t.after(async () => {
    await client.close();
    await clientTasks.close();
  });
  /** Calls each tool; what it asks becomes a task each time. */
  return async (...names: string[]) => {
    for (const name of names) {
      events.length = 0;
      const { content } = await client.callTool({ name, arguments: {} });
      assert.deepEqual(content, text("accept").content, name);
      await until(() => events.some(({ type }) => type === "retrieved"), `${name} asks for a task`);
    }
  };
}

for (const sdk of ["v1", "v2"] as const)
  for (const kind of LEGACY) {
    it(`a server on ${sdk} and a client on ${kind} have tasks in both directions over stdio`, async (t) => {
      const program = fileURLToPath(new URL("client-tasks-stdio-server.ts", import.meta.url));
      const args = ["--disable-warning=ExperimentalWarning", program, sdk];
      const call = await connected(t, kind, new StdioClientTransport({ command: process.execPath, args }));
      await call("ask", "require", "plain");
    });

    it(`a server on ${sdk} and a client on ${kind} have tasks both ways over HTTP with sessions`, async (t) => {
      const tasks = new TaskServer({ tools: { ask: {}, require: {} }, defaults: { pollInterval: 20 } });
      const asks = new ClientTasks({ poll: { min: 5, initial: 5 } });
      const make = () => asks.attach(tasks.attach(build(sdk, tasks)));
      const http = await (sdk === "v1" ? statefulV1(make) : statefulV2(make));
      t.after(async () => {
        await http.close();
        await tasks.close();
      });
      const call = await connected(t, kind, new StreamableHTTPClientTransport(new URL(http.url)));
      await call("ask", "require", "plain");
    });
  }

// SDK v2's `elicitInput` itself needs that stream.
it("a server asks for tasks over HTTP while its client has a stream open for that", async (t) => {
  const asks = new ClientTasks({ poll: { min: 5, initial: 5 } });
  const http = await statefulV1(() => asks.attach(build("v1")));
  const client = new HttpRequester(http.url);
  t.after(async () => {
    await client.close();
    await http.close();
  });
  await initialize(client, { capabilities: DECLARED });
  run(client, "elicitation/create", YES).end();
  const asked = async () => {
    const before = client.frames.all.length;
    const { result } = await client.request("tools/call", { name: "plain", arguments: {} });
    assert.deepEqual(result.content, text("accept").content);
    return (await client.asked("elicitation/create", before)).params.task;
  };
  assert.equal(await asked(), undefined);
  const stream = await client.listen();
  assert.deepEqual(await asked(), {});
  stream.close();
  // Until the server has seen it.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await asked(), undefined);
});

it("ids that are equal in both directions are told apart by a server", async (t) => {
  const tasks = new TaskServer({ tools: { require: {} }, defaults: { pollInterval: 20 } });
  const asks = new ClientTasks({ poll: { min: 5, initial: 5 } });
  const server = tasks.attach(asks.attach(build("v1", tasks)));
  const client = await PipeRequester.to(server);
  t.after(async () => {
    await client.close();
    await tasks.close();
    checkFrames(client.frames);
  });
  await initialize(client, { capabilities: DECLARED });
  const { result: created } = await client.request("tools/call", { name: "require", arguments: {}, task: {} });
  const { taskId } = created.task;
  // The client's task has the id of the server's.
  const asked = await client.asked("elicitation/create");
  const theirs = { taskId, status: "working", ttl: null, createdAt: NOW, lastUpdatedAt: NOW, pollInterval: 5 };
  await client.respond(asked.id, { result: { task: theirs } });
  const fetched = await client.asked("tasks/result");
  assert.equal(fetched.params.taskId, taskId);
  assert.equal((await get(client, taskId)).result.status, "input_required");
  // Its own request under the id of one that waits here, about the other task.
  const seen = (await client.request("tasks/get", { taskId }, fetched.id)).result;
  assert.equal(seen.status, "input_required");
  await client.notify("notifications/tasks/status", { ...theirs, status: "completed" });
  client.answer("tasks/result", () => ({ result: { ...YES, _meta: { [RELATED]: { taskId } } } }));
  client.answer("tasks/get", () => ({ result: { ...theirs, status: "completed" } }));
  await client.respond(fetched.id, { result: { ...YES, _meta: { [RELATED]: { taskId } } } });
  assert.deepEqual((await result(client, taskId)).result.content, text("accept").content);
  // A task of the client's is none of the server's, and the other way round.
  assert.equal((await cancel(client, "theirs")).error?.code, -32602);
});

describe("SDK v1's own tasks", () => {
  it("are asked for by its server, of our client", async (t) => {
    const clientTasks = new TaskServer({ sampling: {}, elicitation: {}, defaults: { pollInterval: 20 } });
    const client = clientTasks.attach(
      makeClient("SDK v1", { "sampling/createMessage": () => WRITTEN, "elicitation/create": () => YES }),
    );
    const server = new McpServerV1(INFO);
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    await client.connect(near);
    t.after(async () => {
      await client.close();
      await clientTasks.close();
    });
    const { tasks } = server.server.experimental;
    for (const [stream, outcome] of [
      [tasks.createMessageStream(PROMPT as never, { task: { ttl: 60_000 } }), WRITTEN],
      [tasks.elicitInputStream(FORM as never, { task: { ttl: 60_000 } }), YES],
    ] as const) {
      const types: string[] = [];
      for await (const message of stream) {
        types.push(message.type);
        if (message.type === "result") {
          const { _meta, ...rest } = message.result as Record<string, unknown>;
          assert.deepEqual(rest, outcome);
        } else assert.notEqual(message.type, "error", JSON.stringify(message));
      }
      assert.equal(types[0], "taskCreated");
      assert.equal(types.at(-1), "result");
    }
    assert.equal((await tasks.listTasks()).tasks.length, 2);
  });

  it("are run by its client, for our server", async (t) => {
    const taskStore = new InMemoryTaskStore();
    const client = new ClientV1(INFO, { capabilities: DECLARED, taskStore, defaultTaskPollInterval: 10 });
    const create = async (extra: any, outcome: object) => {
      const task = await extra.taskStore.createTask({ ttl: 60_000 });
      setTimeout(() => void extra.taskStore.storeTaskResult(task.taskId, "completed", outcome), 20);
      return { task };
    };
    client.setRequestHandler(CreateMessageRequestSchema, (_request, extra) => create(extra, WRITTEN) as any);
    client.setRequestHandler(ElicitRequestSchema, (_request, extra) => create(extra, YES) as any);
    const created: TaskHandle[] = [];
    const asks = new ClientTasks({ poll: { min: 5, initial: 5 }, ontask: (handle) => created.push(handle) });
    const server = asks.attach(build("v2"));
    const [near, far] = InMemoryTransport.createLinkedPair();
    await server.connect(far);
    await client.connect(near);
    t.after(async () => {
      await client.close();
      taskStore.cleanup();
    });
    assert.deepEqual((await server.server.createMessage(PROMPT)).content, WRITTEN.content);
    assert.deepEqual((await server.server.elicitInput(FORM)).content, YES.content);
    assert.equal(created.length, 2);
    const listed = [];
    for await (const { taskId } of asks.list(server)) listed.push(taskId);
    assert.deepEqual(listed.sort(), created.map(({ taskId }) => taskId).sort());
  });
});

for (const sdk of ["v1", "v2"] as const)
  for (const kind of LEGACY)
    it(`a server on ${sdk} lists the tasks of our client on ${kind}, and cancels one by its id`, async (t) => {
      const { asks, server, created } = await both(t, sdk, kind, {
        "sampling/createMessage": () => new Promise(() => {}),
        "elicitation/create": () => YES,
      });
      const handle = await asks.createMessage(server, PROMPT);
      assert.deepEqual((await server.server.elicitInput(FORM)).content, YES.content);
      const rows: string[] = [];
      for await (const { taskId, status } of asks.list(server)) rows.push(`${taskId} ${status}`);
      const [first, second] = created.map(({ taskId }) => taskId);
      assert.deepEqual(rows.sort(), [`${first} working`, `${second} completed`].sort());
      assert.equal(await asks.cancel(server, handle.taskId!), "cancelled");
      await assert.rejects(handle.result(), { code: "cancelled" });
      await assert.rejects(asks.cancel(server, "none".repeat(6)), { code: "not_found" });
    });
