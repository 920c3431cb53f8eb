// Our stores in the shape that the drafted tasks extension of SDK v2 asks for.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { memoryStore, type TaskError } from "mcp-longhaul";
import { extensionTaskStore } from "mcp-longhaul/tasks-extension";
import { PLACES } from "./shared-places.ts";

const rejects = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error: TaskError) => error.code === code);
const text = (value: string) => ({ content: [{ type: "text", text: value }] });
const ask = (message: string) => ({ method: "elicitation/create", params: { message } });

for (const [place, make] of Object.entries(PLACES)) {
  describe(`extensionTaskStore on ${place}`, () => {
    test("one process makes a task, another works on it, a third asks about it", async (t) => {
      const open = await make(t);
      const [front, worker, reader] = [open(), open(), open()].map((store) => extensionTaskStore(store));
      const params = { ttlMs: 60_000, pollIntervalMs: 500, principal: "ann", context: { tool: "report" } };
      const task = await front!.create(params);
      const ann = { principal: "ann" };
      assert.deepEqual(await reader!.get(task.taskId, ann), task);
      assert.deepEqual([task.status, task.ttlMs, task.pollIntervalMs], ["working", 60_000, 500]);
      assert.deepEqual(await worker!.context(task.taskId), { tool: "report" });
      for (const access of [undefined, {}, { principal: "bob" }]) {
        assert.equal(await reader!.get(task.taskId, access), undefined);
        assert.equal(await reader!.update(task.taskId, { a: {} }, access), false);
        assert.equal(await reader!.cancel(task.taskId, access), false);
      }

      const handle = worker!.handle(task.taskId);
      await handle.status("compiling");
      assert.equal((await reader!.get(task.taskId, ann))?.statusMessage, "compiling");
      const asked = handle.requireInput({ one: ask("1?"), two: ask("2?") });
      let seen = await reader!.get(task.taskId, ann);
      while (seen?.status !== "input_required") seen = await reader!.get(task.taskId, ann);
      assert.deepEqual(seen.inputRequests, { one: ask("1?"), two: ask("2?") });
      assert.equal(await reader!.update(task.taskId, { two: { n: 2 }, other: {}, __proto__: null }, ann), true);
      assert.equal(await reader!.update(task.taskId, { two: { n: 3 } }, ann), true);
      seen = await reader!.get(task.taskId, ann);
      assert.deepEqual(seen?.status === "input_required" && seen.inputRequests, { one: ask("1?") });
      assert.equal(await front!.update(task.taskId, { one: { n: 1 } }, ann), true);
      assert.deepEqual(await asked, { one: { n: 1 }, two: { n: 2 } });
      assert.equal((await reader!.get(task.taskId, ann))?.status, "working");

      // Whoever takes the work over asks again, and is answered at once.
      const successor = front!.handle(task.taskId);
      assert.deepEqual(await successor.requireInput({ one: ask("1?") }), { one: { n: 1 } });
      await rejects(successor.requireInput({ one: ask("something else?") }), "invalid_argument");

      await handle.complete(text("done"));
      const done = await reader!.get(task.taskId, ann);
      assert.deepEqual(done?.status === "completed" && done.result, text("done"));
      await successor.fail({ code: -1, message: "too late" });
      assert.equal(await front!.cancel(task.taskId, ann), true);
      assert.deepEqual(await reader!.get(task.taskId, ann), done);
    });

    test("a cancellation reaches the handler in another process", async (t) => {
      const open = await make(t);
      const [front, worker] = [open(), open()].map((store) => extensionTaskStore(store));
      const { taskId } = await front!.create({ ttlMs: null });
      const handle = worker!.handle(taskId);
      const aborted = new Promise((resolve) => handle.signal.addEventListener("abort", resolve));
      const asked = rejects(handle.requireInput({ sure: ask("sure?") }), "cancelled");
      while ((await front!.get(taskId))?.status !== "input_required") continue;
      assert.equal(await front!.cancel(taskId), true);
      assert.equal(await front!.cancel(taskId), true);
      await aborted;
      await asked;
      assert.equal((handle.signal.reason as TaskError).code, "cancelled");
      await handle.complete(text("ignored"));
      assert.equal((await front!.get(taskId))?.status, "cancelled");
    });
  });
}

test("what is wrong is refused, and what is not there is not", async () => {
  assert.throws(
    () => extensionTaskStore(memoryStore(), { nmae: "x" } as object),
    /extensionTaskStore has no option `nmae`/,
  );
  const store = extensionTaskStore(memoryStore());
  for (const params of [{ ttlMs: -1 }, { ttlMs: 1.5 }, { ttlMs: null, pollIntervalMs: -1 }])
    await rejects(store.create(params), "invalid_argument");
  const cycle: any = {};
  cycle.cycle = cycle;
  await rejects(store.create({ ttlMs: null, context: cycle }), "invalid_argument");
  const { taskId, ttlMs } = await store.create({ ttlMs: 0 });
  assert.equal(ttlMs, 1_000);
  const handle = store.handle(taskId);
  await rejects(handle.complete(cycle), "invalid_argument");
  await rejects(handle.requireInput({ a: cycle }), "invalid_argument");
  await rejects(store.update(taskId, 7 as any), "invalid_argument");
  for (const id of ["", "unknown", "x".repeat(22), "x".repeat(38)]) {
    assert.equal(await store.get(id), undefined);
    assert.equal(await store.update(id, {}), false);
    assert.equal(await store.cancel(id), false);
    await store.handle(id).complete(text("ignored"));
    await rejects(store.handle(id).requireInput({ a: ask("?") }), "not_found");
  }
});

test("keys that are names of members of every object are keys like any other", async () => {
  const store = extensionTaskStore(memoryStore());
  const { taskId } = await store.create({ ttlMs: null });
  const keys = JSON.parse('{"__proto__":{"method":"roots/list"},"constructor":{"method":"roots/list"}}');
  const asked = store.handle(taskId).requireInput(keys);
  while ((await store.get(taskId))?.status !== "input_required") continue;
  await store.update(taskId, JSON.parse('{"__proto__":{"roots":[]},"constructor":{"roots":[]}}'));
  assert.deepEqual(Object.keys(await asked), ["__proto__", "constructor"]);
});

test("its time is from creation, and a handler hears that it is over", async (t) => {
  let clock = 1_000_000;
  t.mock.method(performance, "now", () => clock);
  const store = extensionTaskStore(memoryStore());
  const { taskId } = await store.create({ ttlMs: 5_000 });
  clock += 5_001;
  assert.equal(await store.get(taskId), undefined);
  const late = store.handle(taskId).signal;
  await new Promise((resolve) => late.addEventListener("abort", resolve));
  assert.equal((late.reason as TaskError).code, "not_found");
});
