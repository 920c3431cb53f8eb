// Low-level servers, of which nobody but themselves knows the tools, and servers that run tasks themselves.
import { InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ProtocolError, Server as ServerV2 } from "@modelcontextprotocol/server";
import { type TaskServerOptions, TaskServer, memoryStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { World, text, type Json } from "./harness/g26.ts";
import { initialize } from "./harness/g25.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { attached, type SdkServer } from "./harness/servers.ts";

/** A low-level server; its lists have a page for each of `listed`. */
function low(tasks: TaskServer, listed: readonly string[], hidden: readonly string[], list?: () => unknown): ServerV2 {
  const server = new ServerV2({ name: "low", version: "1.0.0" }, { capabilities: { tools: {} } });
  const page = (at: number): Json => ({
    tools: [{ name: listed[at], inputSchema: { type: "object" } }],
    ...(at + 1 < listed.length && { nextCursor: `${at + 1}` }),
  });
  server.setRequestHandler("tools/list", (request) => (list?.() ?? page(Number(request.params?.cursor ?? 0))) as never);
  server.setRequestHandler("tools/call", ({ params }) => {
    if (![...listed, ...hidden].includes(params.name)) throw new ProtocolError(-32602, `no tool ${params.name}`);
    return text(params.name) as never;
  });
  return tasks.attach(server);
}

async function open(server: SdkServer): Promise<PipeRequester> {
  const requester = await PipeRequester.to(server as never, "v2");
  await initialize(requester);
  return requester;
}

for (const way of ["fetch", "http", "pipe"] as const) {
  test(`a tool that no low-level server lists makes no task in 2026-07-28 (${way})`, async () => {
    const store = memoryStore();
    await using world = await World.open({
      tools: { work: () => text("done") },
      low: true,
      way,
      tasks: { task: "always", store },
    });
    const { error, result } = await world.call("unknown");
    assert.ok(error !== undefined, JSON.stringify(result));
    assert.deepEqual(await store.list("", { limit: 10 }), []);
    await world.until(await world.start("work"), "completed");
  });
}

test("G25-CRE-08 (part): nor in 2025-11-25; every page of the list counts, and a name once seen is known", async () => {
  let lists = 0;
  const store = memoryStore();
  const tasks = new TaskServer({ task: "always", store });
  const requester = await open(low(tasks, ["one", "two", "three"], [], () => void lists++));
  const call = (name: string): Promise<Json> => requester.request("tools/call", { name, arguments: {}, task: {} });
  assert.deepEqual((await call("four")).error, { code: -32602, message: "no tool four" });
  assert.deepEqual(await store.list("", { limit: 10 }), []);
  assert.equal(lists, 3);
  for (const name of ["three", "one", "two"]) assert.equal((await call(name)).result.task.status, "working");
  assert.equal(lists, 3);
  await requester.close();
});

const known: [what: string, options: TaskServerOptions, list: (() => unknown) | undefined][] = [
  ["that the policies name", { tools: { hidden: {} } }, undefined],
  ["of a server whose list fails", { task: "always" }, () => Promise.reject(new Error("no list today"))],
  ["of a server whose list does not come", { task: "always" }, () => new Promise(() => {})],
];
for (const [what, options, list] of known) {
  test(`a tool ${what} makes a task`, async () => {
    const requester = await open(low(new TaskServer(options), ["one"], ["hidden"], list));
    const { result } = await requester.request("tools/call", { name: "hidden", arguments: {}, task: {} });
    assert.match(result.task.taskId, /./);
    await requester.close();
  });
}

test("a server that runs tasks itself is refused where both would, and left alone where not", async () => {
  const taskStore = new InMemoryTaskStore();
  const capabilities = { tasks: { requests: { tools: { call: {} } } } };
  const make = (): McpServerV1 => {
    const server = new McpServerV1({ name: "own", version: "1.0.0" }, { capabilities, taskStore });
    server.experimental.tasks.registerToolTask("own", {}, {
      createTask: async (extra: any) => {
        const task = await extra.taskStore.createTask({ ttl: 60_000 });
        await extra.taskStore.storeTaskResult(task.taskId, "completed", text("ours"));
        return { task };
      },
      getTask: (extra: any) => extra.taskStore.getTask(extra.taskId),
      getTaskResult: (extra: any) => extra.taskStore.getTaskResult(extra.taskId),
    } as never);
    return server;
  };
  for (const options of [{ tools: { own: {} } }, { task: "always" }] as const) {
    for (const server of [make(), make().server]) {
      assert.throws(() => new TaskServer(options).attach(server), { code: "invalid_argument", message: /taskStore/ });
    }
  }
  for (const options of [{}, { task: "always", generations: ["2026-07-28"] }] as const) {
    for (const inner of [false, true]) {
      const server = make();
      new TaskServer(options).attach(inner ? server.server : server);
      const requester = await PipeRequester.to(server);
      await initialize(requester);
      const { result } = await requester.request("tools/call", { name: "own", arguments: {}, task: {} });
      assert.deepEqual(
        (await requester.request("tasks/result", { taskId: result.task.taskId })).result.content,
        text("ours").content,
      );
      await requester.close();
    }
  }
  taskStore.cleanup(); // it has timers
  // Servers without tasks of their own are attached as ever.
  await attached("v1", new TaskServer({ task: "always" }), {}).close();
});
