// What the entry in front of a tapped server still does, and ids and tokens that peers choose badly.
import { createMcpHandler, localhostAllowedOrigins, originValidationResponse } from "@modelcontextprotocol/server";
import { memoryStore, TaskServer } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { World, buildServer, latch, text, type Json } from "./harness/g26.ts";

const always = { task: "always" } as const;

test("X-HTT-01: a foreign origin is refused before a task is looked up or made", async () => {
  const store = memoryStore();
  const tasks = new TaskServer({ ...always, store });
  const tools = { work: () => text("done") };
  const serve = tasks.fetch(createMcpHandler(() => tasks.attach(buildServer({ tools }))) as never);
  // A world only writes the requests here.
  await using world = await World.open({ tools });
  const send = async (message: Json, origin: string | undefined): Promise<Response> => {
    const headers = new Headers({
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": message.method,
      "mcp-name": message.params.taskId ?? message.params.name,
    });
    if (origin !== undefined) headers.set("origin", origin);
    const request = new Request("http://127.0.0.1/mcp", { method: "POST", headers, body: JSON.stringify(message) });
    return originValidationResponse(request, localhostAllowedOrigins()) ?? serve(request);
  };
  const call = (): Json => world.compose("tools/call", { name: "work", arguments: {} });
  assert.equal((await send(call(), "https://evil.example")).status, 403);
  assert.deepEqual(await store.list("", { limit: 10 }), []);
  const { result } = (await (await send(call(), "http://localhost:3000")).json()) as Json;
  for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
    const message = world.compose(method, { taskId: result.taskId, inputResponses: {} });
    assert.equal((await send(message, "https://evil.example")).status, 403);
    assert.equal((await send(message, undefined)).status, 200);
  }
  await tasks.close();
});

test("X-SEC-04: where nobody is authenticated there is no list, and tasks live an hour", async () => {
  await using world = await World.open({ tools: { work: () => text("done") }, tasks: always });
  assert.equal((await world.call("work")).result.ttlMs, 3_600_000);
  const old = { headers: { "mcp-protocol-version": "2025-11-25", "mcp-method": null, "mcp-name": null } };
  const initialize = {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "old", version: "1" } },
  };
  const { capabilities } = (await world.raw(initialize, old)).result;
  assert.ok(capabilities.tasks.cancel);
  assert.equal(capabilities.tasks.list, undefined);
  assert.equal((await world.raw({ jsonrpc: "2.0", id: 2, method: "tasks/list", params: {} }, old)).error?.code, -32601);
});

for (const way of ["fetch", "http"] as const) {
  // G26-HTT-03, G26-HTT-04
  test(`a request about a task without Mcp-Name is refused, or let in where the host says so (${way})`, async () => {
    const tools = { work: () => latch().promise };
    const errors: string[] = [];
    const unnamed = { headers: { "mcp-name": null } };
    await using strict = await World.open({
      way,
      tools,
      tasks: { ...always, onerror: (error) => void errors.push(error.message) },
    });
    const refused = await strict.start("work");
    for (const method of ["tasks/get", "tasks/update", "tasks/cancel", "tasks/get"]) {
      const { status, error } = await strict.request(method, { taskId: refused, inputResponses: {} }, unnamed);
      assert.deepEqual([status, error?.code], [400, -32020]);
      assert.match(error?.message ?? "", /Mcp-Name/);
    }
    // Who runs the server is told once what can be done.
    assert.deepEqual(
      errors.map((error) => /Mcp-Name.*fillTaskName/.test(error)),
      [true],
    );

    await using world = await World.open({ way, tools, tasks: { ...always, fillTaskName: true } });
    const [id, other] = [await world.start("work"), await world.start("work")];
    assert.equal((await world.request("tasks/get", { taskId: id }, unnamed)).result.status, "working");
    assert.ok((await world.request("tasks/update", { taskId: id, inputResponses: {} }, unnamed)).result);
    // One that is there is compared as ever, and nothing else is made up.
    for (const name of [other, ""])
      assert.equal(
        (await world.request("tasks/cancel", { taskId: id }, { headers: { "mcp-name": name } })).error?.code,
        -32020,
      );
    assert.equal((await world.request("tools/call", { name: "work", arguments: {} }, unnamed)).error?.code, -32020);
    assert.equal((await world.request("tasks/get", { taskId: 5 }, unnamed)).error?.code, -32602);
    assert.equal((await world.request("tasks/get", { taskId: "unknown" }, unnamed)).error?.code, -32602);
    assert.ok((await world.request("tasks/cancel", { taskId: id }, unnamed)).result);
    assert.equal((await world.get(id)).result.status, "cancelled");
    assert.equal((await world.get(other)).result.status, "working");
  });
}

// X-LIM-09
test('0 and "" are ids, 1 and "1" differ; fractions, null and booleans are no ids and start nothing', async () => {
  const store = memoryStore();
  let runs = 0;
  await using world = await World.open({
    tools: { work: () => (runs++, text("done")) },
    tasks: { ...always, store },
    way: "http",
  });
  for (const id of [1.5, null, true, {}, []]) {
    const message = { ...world.compose("tools/call", { name: "work", arguments: {} }), id };
    const response = await world.post(message);
    assert.equal(response.status, 400, JSON.stringify(id));
    assert.equal(((await response.json()) as Json).error.code, -32600);
  }
  assert.equal(runs, 0);
  assert.deepEqual(await store.list("", { limit: 10 }), []);
  await using pipe = await World.open({ tools: { work: () => text("done") }, tasks: always, way: "pipe" });
  const ids = [1, "1", 0, "", "0"];
  const handles = await Promise.all(ids.map((id) => pipe.call("work", {}, { id })));
  assert.deepEqual(
    handles.map(({ id }) => id),
    ids,
  );
  const states = await Promise.all(handles.map(({ result }, index) => pipe.get(result.taskId, { id: ids[index] })));
  states.forEach(({ id, result }, index) => {
    assert.equal(id, ids[index]);
    assert.equal(result.taskId, handles[index]?.result.taskId);
  });
});

// H72 (part)
test("one progress token for two calls: both report under it, and neither task knows the other's", async () => {
  const gates = [latch(), latch()];
  let world: World;
  await using _ = (world = await World.open({
    tools: {
      async work({ n }, ctx) {
        const { progressToken } = ctx.mcpReq._meta;
        await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: 1 } });
        await world.tasks.create(ctx);
        await ctx.mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken, progress: 2, message: `call ${n}` },
        });
        await gates[n]?.promise;
        return text(String(n));
      },
    },
    way: "pipe",
  }));
  const calls = await Promise.all([0, 1].map((n) => world.call("work", { n }, { meta: { progressToken: "same" } })));
  const ids = calls.map(({ result }) => result.taskId as string);
  for (const n of [1, 0]) {
    while ((await world.get(ids[n])).result.statusMessage !== `call ${n}`) continue;
    gates[n]?.resolve();
    assert.deepEqual((await world.until(ids[n] as string, "completed")).result.content, text(String(n)).content);
  }
  assert.equal(
    world.frames.filter(({ from, message }) => from === "server" && message.method === "notifications/progress").length,
    2,
  );
});
