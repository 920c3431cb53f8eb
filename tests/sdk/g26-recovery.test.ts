// A trap in the core: its instance is lost, the store and the handlers are not.
import { memoryStore, type TaskStore } from "mcp-longhaul";
import * as core from "mcp-longhaul/wasm/generated/server";
import assert from "node:assert/strict";
import { test } from "node:test";
import { World, accept, form, latch, text, type Json, type Way } from "./harness/g26.ts";
import { Stream } from "./harness/listen.ts";
import { trapOnce } from "./harness/trap.ts";

const always = { task: "always" } as const;

for (const way of ["fetch", "http", "pipe"] as Way[]) {
  for (const low of [false, true]) {
    test(`after a trap tasks go on, and waiting requests are to try again (${low ? "low, " : ""}${way})`, async () => {
      const gate = latch();
      let world: World;
      await using _ = (world = await World.open({
        tools: {
          hold: () => gate.promise.then(() => text("held")),
          ask: async (_, ctx) => {
            await gate.promise;
            const answer: Json = await world.tasks.current(ctx)?.requireInput(form("?", { a: { type: "string" } }));
            return text(answer.content.a);
          },
        },
        tasks: always,
        way,
        low,
      }));
      const done = await world.start("hold");
      const held = await world.start("hold");
      const asks = await world.start("ask");
      await world.cancel(done);
      trapOnce(core.request);
      const lost = await world.get(held);
      assert.equal(lost.error?.code, -32603);
      assert.doesNotMatch(lost.text, /unreachable|wasm|at /);
      assert.equal(world.errors.length, 1);
      assert.equal((world.errors[0] as Json).code, "internal");
      // What ended before is as it was, what ran runs, what is new works.
      assert.equal((await world.get(done)).result.status, "cancelled");
      assert.equal((await world.get(held)).result.status, "working");
      const later = await world.start("hold");
      gate.resolve();
      for (const id of [held, later])
        assert.deepEqual((await world.until(id, "completed")).result.content, text("held").content);
      const [key] = Object.keys((await world.until(asks, "input_required")).inputRequests) as [string];
      await world.update(asks, { [key]: accept({ a: "x" }) });
      assert.deepEqual((await world.until(asks, "completed")).result.content, text("x").content);
      assert.equal(world.errors.length, 1);
    });
  }
}

for (const [tool, status] of [
  ["good", "completed"],
  ["bad", "failed"],
] as const) {
  test(`a trap while an outcome is handed over does not lose it (${status})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: {
        good: () => gate.promise.then(() => text("done")),
        bad: () => gate.promise.then(() => Promise.reject(new Error("bad"))),
      },
      tasks: always,
      low: true,
    });
    const id = await world.start(tool);
    trapOnce(core.ended);
    gate.resolve();
    await world.until(id, status);
    assert.equal(world.errors.length, 1);
  });
}

test("a trap while a call ends that may become a task answers it all the same, or says that it failed", async () => {
  await using world = await World.open({ tools: { work: () => text("done") }, tasks: { task: { after: 60_000 } } });
  trapOnce(core.ended);
  const first = await world.call("work");
  assert.ok(first.error?.code === -32603 || first.result);
  assert.ok((await world.call("work")).result);
});

test("a trap while a task asks: the question stays, and its answer reaches the handler", async () => {
  let world: World;
  await using _ = (world = await World.open({
    tools: {
      async ask(_, ctx) {
        const task = world.tasks.current(ctx);
        const both: Json[] = await Promise.all(
          ["a", "b"].map((key) => task?.requireInput(form("?", { a: { type: "string" } }), key)),
        );
        return text(both.map(({ content }) => content.a).join());
      },
    },
    tasks: always,
  }));
  const id = await world.start("ask");
  let state: Json;
  do state = await world.until(id, "input_required");
  while (Object.keys(state.inputRequests).length < 2);
  const [a, b] = Object.keys(state.inputRequests) as [string, string];
  trapOnce(core.request);
  assert.equal((await world.get(id)).error?.code, -32603);
  assert.deepEqual((await world.get(id)).result.inputRequests, state.inputRequests);
  await world.update(id, { [b]: accept({ a: "y" }) });
  await world.update(id, { [a]: accept({ a: "x" }) });
  assert.deepEqual((await world.until(id, "completed")).result.content, text("x,y").content);
});

test("a cancel reaches the handler of a task that was taken along", async () => {
  const stopped = latch();
  await using world = await World.open({
    tools: {
      work: (_, ctx) =>
        new Promise((resolve) =>
          ctx.mcpReq.signal.addEventListener("abort", () => (stopped.resolve(), resolve(text("stopped")))),
        ),
    },
    tasks: { ...always, store: memoryStore() },
  });
  const id = await world.start("work");
  trapOnce(core.request);
  await world.get(id);
  await world.cancel(id);
  await stopped.promise;
  assert.equal((await world.get(id)).result.status, "cancelled");
});

test("traps again and again, on a connection that was idle at the first", async () => {
  const gate = latch();
  await using world = await World.open({
    tools: { work: () => gate.promise.then(() => text("done")), quick: () => text("quick") },
    tasks: always,
    way: "pipe",
  });
  const quick = await world.start("quick");
  await world.until(quick, "completed");
  for (let turn = 0; turn < 3; turn++) {
    trapOnce(core.request);
    assert.equal((await world.get(quick)).error?.code, -32603);
    assert.equal((await world.get(quick)).result.status, "completed");
  }
  const id = await world.start("work");
  for (let turn = 0; turn < 3; turn++) {
    trapOnce(core.request);
    assert.equal((await world.get(id)).error?.code, -32603);
    assert.equal((await world.get(id)).result.status, "working");
  }
  gate.resolve();
  await world.until(id, "completed");
});

test("what a store answers to a core that is no more is dropped", async () => {
  const inner = memoryStore();
  const held: (() => void)[] = [];
  let holding = false;
  const store = {
    put: inner.put.bind(inner),
    delete: inner.delete.bind(inner),
    list: inner.list.bind(inner),
    due: inner.due.bind(inner),
    async get(...values: Parameters<typeof inner.get>) {
      if (holding) await new Promise<void>((go) => held.push(go));
      return inner.get(...values);
    },
  };
  await using world = await World.open({
    tools: { work: () => text("done") },
    tasks: { ...always, store },
    way: "pipe",
  });
  const id = await world.start("work");
  await world.until(id, "completed");
  holding = true;
  const lost = world.get(id);
  while (held.length === 0) await new Promise(setImmediate);
  holding = false;
  trapOnce(core.request);
  assert.equal((await world.get(id)).error?.code, -32603);
  assert.equal((await lost).error?.code, -32603);
  for (const go of held) go();
  const after = await Promise.all([world.get(id), world.get(id)]);
  for (const { result } of after) assert.equal(result.status, "completed");
  const answers = world.frames.filter(({ from }) => from === "server").map(({ message }) => message.id);
  assert.equal(new Set(answers).size, answers.length);
});

for (const method of ["listen", "listening", "request"] as const) {
  test(`a subscription goes on over a trap in \`${method}\`: acknowledged once, told to the end`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: { work: () => gate.promise.then(() => text("done")) },
      tasks: always,
    });
    const id = await world.start("work");
    if (method !== "request") trapOnce(core[method]);
    const stream = await Stream.open(world, { taskIds: [id] });
    await stream.status("working");
    if (method === "request") {
      trapOnce(core[method]);
      assert.equal((await world.get(id)).error?.code, -32603);
    }
    gate.resolve();
    await stream.status("completed");
    assert.ok((await stream.last()).result);
    assert.equal(
      stream.messages.filter(({ method }) => method === "notifications/subscriptions/acknowledged").length,
      1,
    );
    assert.equal(world.errors.length, 1);
  });
}

test("a trap that one server meets harms no others, each of which begins anew by itself", async () => {
  const open = () => World.open({ tools: { work: () => text("done") }, tasks: always });
  await using first = await open();
  const crowd = await Promise.all(Array.from({ length: 1500 }, open));
  const mine = await first.start("work");
  const ids = await Promise.all(crowd.map((world) => world.start("work")));
  trapOnce(core.request);
  assert.equal((await first.get(mine)).error?.code, -32603);
  // None enters the new instance with what it had in the old one: were the wasm left in the middle each time, its stack
  // would run out.
  for (const [index, world] of crowd.entries()) {
    assert.equal((await world.get(ids[index]!)).result?.status, "completed");
    assert.match(String(world.errors), /failed for another server/);
  }
  await Promise.all(crowd.map((world) => world[Symbol.asyncDispose]()));
});

test("a trap between calls, in the report of a store or at a deadline, is reported and ends nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  const slow = memoryStore();
  const store: TaskStore = {
    get: async (owner, id) => slow.get(owner, id),
    put: async (task) => slow.put(task),
    delete: async (owner, id, version) => slow.delete(owner, id, version),
    list: async (owner, page) => slow.list(owner, page),
    due: async (before, limit, after) => slow.due(before, limit, after),
  };
  for (const method of ["found", "deadline"] as const) {
    const gate = latch();
    await using world = await World.open({
      tools: { work: () => gate.promise.then(() => text("done")) },
      tasks: { ...always, store, lease: 30_000 },
    });
    const id = await world.start("work");
    trapOnce(core[method]);
    const lost = method === "found" ? world.get(id) : undefined;
    if (method === "deadline") t.mock.timers.tick(31_000);
    assert.equal((await lost)?.error?.code, method === "found" ? -32603 : undefined);
    assert.match(String(world.errors), /please report this/);
    gate.resolve();
    await world.until(id, "completed");
  }
});
