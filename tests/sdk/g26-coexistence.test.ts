// Both generations on one endpoint, at once.
import { specTypeSchemas } from "@modelcontextprotocol/server";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EXTENSION,
  PLAIN,
  RELATED,
  World,
  accept,
  auth,
  form,
  latch,
  text,
  type Answer,
  type Json,
  type Says,
  type Tool,
} from "./harness/g26.ts";

const WAYS = ["fetch", "http"] as const;
const always = { task: "always" } as const;
const OLD = { "mcp-protocol-version": "2025-11-25", "mcp-method": null, "mcp-name": null };

/** A request of 2025-11-25. */
let lastId = 1_000;
function legacy(world: World, method: string, params: Json = {}, says: Says = {}): Promise<Answer> {
  return world.raw({ jsonrpc: "2.0", id: ++lastId, method, params }, { ...says, headers: { ...OLD, ...says.headers } });
}
const oldCall = (world: World, name: string, task?: Json, says?: Says): Promise<Answer> =>
  legacy(world, "tools/call", { name, arguments: {}, ...(task === undefined ? {} : { task }) }, says);

function valid(name: "CreateTaskResult" | "GetTaskResult" | "CancelTaskResult", value: unknown): void {
  assert.equal((specTypeSchemas[name]["~standard"].validate(value) as Json).issues, undefined, name);
}
const OLD_KEYS = ["taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttl", "pollInterval", "_meta"];
function checkOld(task: Json): void {
  assert.deepEqual(
    Object.keys(task).filter((key) => !OLD_KEYS.includes(key)),
    [],
  );
  for (const key of ["taskId", "status", "createdAt", "lastUpdatedAt", "ttl"]) assert.ok(key in task, key);
}

async function oldUntil(world: World, taskId: string, status: string, says?: Says): Promise<Json> {
  for (;;) {
    const { result, error } = await legacy(world, "tasks/get", { taskId }, says);
    assert.ok(result, JSON.stringify(error));
    checkOld(result);
    if (result.status === status) return result;
  }
}

for (const way of WAYS) {
  // X-GEN-01, X-HTT-03, G26-CAP-13 (part)
  test(`the generation follows what a request says its version is, in any mixture (${way})`, async () => {
    await using world = await World.open({ tools: { work: () => text("done") }, tasks: always, way });
    const kinds: Record<string, () => Promise<string>> = {
      modern: async () => (await world.call("work")).result.resultType,
      // A legacy parameter in a modern request is an unknown field.
      modernWithTask: async () =>
        (await world.request("tools/call", { name: "work", arguments: {}, task: { ttl: 1 } }, { caps: PLAIN })).result
          .resultType,
      // A session is nobody's business here.
      modernInSession: async () =>
        (await world.call("work", {}, { headers: { "mcp-session-id": "s" } })).result.resultType,
      old: async () => (await oldCall(world, "work")).result.resultType ?? "plain",
      oldTask: async () => Object.keys((await oldCall(world, "work", {})).result).join(),
      // Nor is the extension, in an old request.
      oldWithExtension: async () =>
        (
          await legacy(world, "tools/call", {
            name: "work",
            arguments: {},
            _meta: { "io.modelcontextprotocol/clientCapabilities": { extensions: { [EXTENSION]: {} } } },
          })
        ).result?.resultType ?? "plain",
    };
    const wanted = {
      modern: "task",
      modernWithTask: "complete",
      modernInSession: "task",
      old: "plain",
      oldTask: "task",
      oldWithExtension: "plain",
    };
    for (let round = 0; round < 3; round++) {
      const seen = await Promise.all(Object.entries(kinds).map(async ([name, run]) => [name, await run()]));
      assert.deepEqual(Object.fromEntries(seen), wanted);
    }
  });

  test(`H47, X-GEN-02, X-GEN-03: one owner, two generations: each sees its own tasks only (${way})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: { work: () => gate.promise.then(() => text("done")) },
      tasks: always,
      way,
    });
    for (const says of [{}, { auth: auth("ada") }]) {
      const modern = await world.start("work", {}, says);
      const created = await oldCall(world, "work", {}, says);
      valid("CreateTaskResult", created.result);
      const old = created.result.task.taskId;
      const unknown = (await world.get("AAAAAAAAAAAAAAAAAAAAAA", says)).error;
      assert.deepEqual((await world.get(old, says)).error, unknown);
      assert.deepEqual((await world.cancel(old, says)).error, unknown);
      assert.deepEqual((await world.update(old, {}, says)).error, unknown);
      for (const method of ["tasks/get", "tasks/result", "tasks/cancel"])
        assert.equal((await legacy(world, method, { taskId: modern }, says)).error?.code, -32602, method);
      // A legacy client keeps what is its own; under the modern version it must declare the extension like anybody.
      valid("GetTaskResult", (await legacy(world, "tasks/get", { taskId: old }, says)).result);
      assert.equal((await world.get(old, { ...says, caps: { tasks: { cancel: {} } } })).error?.code, -32021);
      const cancelled = await legacy(world, "tasks/cancel", { taskId: old }, says);
      valid("CancelTaskResult", cancelled.result);
      assert.equal(cancelled.result.status, "cancelled");
      assert.equal((await world.get(modern, says)).result.status, "working");
    }
    gate.resolve();
  });

  test(`H48: each generation's methods are its own (${way})`, async () => {
    await using world = await World.open({
      tools: { work: () => text("done") },
      tasks: { ...always, list: true },
      way,
    });
    const modern = await world.start("work");
    const old = (await oldCall(world, "work", {})).result.task.taskId;
    for (const method of ["tasks/result", "tasks/list"]) {
      const { error, status } = await world.request(method, { taskId: modern });
      assert.equal(error?.code, -32601);
      assert.equal(status, 404);
    }
    assert.equal((await legacy(world, "tasks/update", { taskId: old, inputResponses: {} })).error?.code, -32601);
    assert.ok((await legacy(world, "tasks/result", { taskId: old })).result);
    assert.ok((await legacy(world, "tasks/list")).result);
  });

  // X-GEN-02 (part), X-GEN-04, X-STO-03 (part)
  test(`where it is allowed, each generation reads the other's tasks in its own words (${way})`, async () => {
    const gate = latch();
    let world: World;
    const tools: Record<string, Tool> = {
      good: () => ({ ...text("good"), structuredContent: { n: 1 }, _meta: { "example.com/x": 1 } }),
      bad: () => ({ ...text("bad"), isError: true }),
      error: () => Promise.reject(Object.assign(new Error("no"), { code: -32000, data: { why: 1 } })),
      hold: () => gate.promise.then(() => text("held")),
    };
    await using _ = (world = await World.open({ tools, tasks: { ...always, crossGeneration: true }, way, low: true }));
    const ends = {
      good: ["completed", "completed"],
      bad: ["failed", "completed"],
      error: ["failed", "failed"],
    } as const;
    for (const [tool, [old, modern]] of Object.entries(ends)) {
      for (const id of [await world.start(tool), (await oldCall(world, tool, {})).result.task.taskId]) {
        // Each answer is held against its own generation's schema and keys.
        const asOld = await oldUntil(world, id, old);
        const asModern = await world.until(id, modern);
        assert.equal(asOld.createdAt, asModern.createdAt);
        assert.equal(asOld.lastUpdatedAt, asModern.lastUpdatedAt);
        assert.equal(asOld.ttl, asModern.ttlMs);
        assert.equal(asOld.pollInterval, asModern.pollIntervalMs);
        const outcome = await legacy(world, "tasks/result", { taskId: id });
        if (tool === "error") {
          assert.deepEqual(outcome.error, { code: -32000, message: "no", data: { why: 1 } });
          assert.deepEqual(asModern.error, outcome.error);
        } else {
          assert.deepEqual(outcome.result._meta[RELATED], { taskId: id });
          assert.equal(asModern.result._meta?.[RELATED], undefined);
          assert.deepEqual(asModern.result.content, outcome.result.content);
          assert.equal(asModern.result.resultType, "complete");
        }
      }
    }
    // A cancel of either, by either.
    for (const id of [await world.start("hold"), (await oldCall(world, "hold", {})).result.task.taskId]) {
      assert.equal((await legacy(world, "tasks/cancel", { taskId: id })).result.status, "cancelled");
      assert.ok((await world.cancel(id)).result);
      assert.equal((await world.get(id)).result.status, "cancelled");
    }
    gate.resolve();
  });
}

// X-GEN-02 (part)
test("a modern task that asks is seen by an old client as asking, and answered by a modern one", async () => {
  let world: World;
  const tools: Record<string, Tool> = {
    ask: async (_, ctx) =>
      text(JSON.stringify(await world.tasks.current(ctx)?.requireInput(form("?", { a: { type: "string" } })))),
  };
  await using _ = (world = await World.open({ tools, tasks: { ...always, crossGeneration: true } }));
  const id = await world.start("ask");
  await world.until(id, "input_required");
  const old = await oldUntil(world, id, "input_required");
  assert.equal(old.inputRequests, undefined);
  await world.update(id, {
    [Object.keys((await world.get(id)).result.inputRequests)[0] as string]: accept({ a: "x" }),
  });
  await oldUntil(world, id, "completed");
});

test("X-SEC-01 (part): with both generations and crossGeneration, a stranger still sees nothing", async () => {
  await using world = await World.open({
    tools: { work: () => text("done") },
    tasks: { ...always, crossGeneration: true },
  });
  const ada = { auth: auth("ada") };
  const ids = [await world.start("work", {}, ada), (await oldCall(world, "work", {}, ada)).result.task.taskId];
  for (const id of ids) {
    for (const stranger of [{ auth: auth("bob") }, {}]) {
      assert.equal((await world.get(id, stranger)).error?.code, -32602);
      for (const method of ["tasks/get", "tasks/result", "tasks/cancel"])
        assert.equal((await legacy(world, method, { taskId: id }, stranger)).error?.code, -32602);
    }
    assert.ok((await world.until(id, "completed", ada)).result);
  }
  assert.deepEqual((await legacy(world, "tasks/list", {}, { auth: auth("bob") })).result.tasks, []);
});
