// Cancelling modern tasks, and clients that go away.
import { memoryStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { KEYS, RELATED, VERSION, World, form, latch, text, type Json, type Way } from "./harness/g26.ts";

const WAYS: Way[] = ["fetch", "http", "pipe"];
const KINDS = WAYS.flatMap((way) =>
  [false, true].map((low) => ({ way, low, name: `${low ? "Server" : "McpServer"}, ${way}` })),
);
const always = { task: "always" } as const;

/** A tool that reports when its signal fires, and ends when it is told to, whatever the signal says. */
function stubborn(world: () => World): {
  tool: (args: Json, ctx: Json) => Promise<Json>;
  started: Promise<void>;
  stopped: Promise<void>;
  end: (value?: unknown) => void;
  signals: { ctx: AbortSignal; task: AbortSignal | undefined }[];
} {
  const started = latch();
  const stopped = latch();
  const ended = latch<unknown>();
  const signals: { ctx: AbortSignal; task: AbortSignal | undefined }[] = [];
  return {
    async tool(_, ctx) {
      const task = world().tasks.current(ctx);
      signals.push({ ctx: ctx.mcpReq.signal, task: task?.signal });
      task?.signal.addEventListener("abort", () => stopped.resolve(), { once: true });
      started.resolve();
      return ((await ended.promise) as Json) ?? text("done all the same");
    },
    started: started.promise,
    stopped: stopped.promise,
    end: (value) => ended.resolve(value),
    signals,
  };
}

for (const { way, low, name } of KINDS) {
  // G26-CAN-02, G26-CAN-05, H04
  test(`a cancel is acknowledged with nothing, takes effect at once and is final (${name})`, async () => {
    let world: World;
    const work = stubborn(() => world);
    await using _ = (world = await World.open({ tools: { work: work.tool }, tasks: always, way, low }));
    const id = await world.start("work");
    await work.started;
    const answer = await world.cancel(id);
    assert.equal(answer.result.resultType, "complete");
    const cancelled = (await world.get(id)).result;
    assert.equal(cancelled.status, "cancelled");
    await work.stopped;
    work.end();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    assert.deepEqual((await world.get(id)).result, cancelled);
    assert.ok(!world.events.some(({ type }) => type === "completed"));
  });

  test(`G26-CAN-05 (part): a cooperative handler is only told, and decides (${name})`, async () => {
    for (const outcome of ["completes", "fails"]) {
      let world: World;
      const work = stubborn(() => world);
      await using _ = (world = await World.open({
        tools: { work: work.tool },
        tasks: { ...always, defaults: { cooperative: true } },
        way,
        low,
      }));
      const id = await world.start("work");
      await work.started;
      assert.ok((await world.cancel(id)).result);
      await work.stopped;
      assert.equal((await world.get(id)).result.status, "working");
      assert.ok((await world.cancel(id)).result);
      work.end(outcome === "completes" ? text("finished first") : { ...text("stopped"), isError: true });
      const { result } = await world.until(id, "completed");
      assert.equal(result.isError ?? false, outcome === "fails");
    }
  });

  test(`G26-CAN-04: cancelling an ended task is acknowledged and changes nothing (${name})`, async () => {
    await using world = await World.open({
      tools: {
        good: () => text("good"),
        bad: () => Promise.reject(new Error("bad")),
        hang: (_, ctx) =>
          new Promise((resolve) => ctx.mcpReq.signal.addEventListener("abort", () => resolve(text("stopped")))),
      },
      tasks: always,
      way,
      low,
    });
    for (const tool of ["good", "bad", "hang"]) {
      const id = await world.start(tool);
      if (tool === "hang") await world.cancel(id);
      const before = await world.until(id, ["completed", "failed", "cancelled"]);
      for (let turn = 0; turn < 3; turn++) {
        assert.ok((await world.cancel(id)).result);
        assert.deepEqual((await world.get(id)).result, before);
      }
    }
  });

  test(`a cancel withdraws what the task asks and rejects the handler that waits (${name})`, async () => {
    const rejected = latch<Json>();
    let world: World;
    await using _ = (world = await World.open({
      tools: {
        work: async (_, ctx) => {
          await world.tasks
            .current(ctx)
            ?.requireInput(form("?", { a: { type: "string" } }))
            .catch(rejected.resolve);
          return text("done");
        },
      },
      tasks: always,
      way,
      low,
    }));
    const id = await world.start("work");
    const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
    await world.cancel(id);
    assert.equal((await rejected.promise).code, "cancelled");
    const state = (await world.get(id)).result;
    assert.equal(state.status, "cancelled");
    assert.equal(state.inputRequests, undefined);
    assert.ok((await world.update(id, { [key]: { action: "decline" } })).result);
    assert.deepEqual((await world.get(id)).result, state);
  });

  // G26-PRG-01, G26-REL-01, X-STO-08 (part)
  test(`after the handle a task sends no progress or log; its words are the status message (${name})`, async () => {
    const gate = latch();
    const told = latch();
    await using world = await World.open({
      tools: {
        async work(_, ctx) {
          const { progressToken } = ctx.mcpReq._meta ?? {};
          await ctx.mcpReq.notify({
            method: "notifications/progress",
            params: { progressToken: progressToken ?? "t", progress: 1, message: "one third" },
          });
          await ctx.mcpReq.log("error", "trouble");
          await ctx.mcpReq.notify({ method: "notifications/message", params: { level: "error", data: "trouble" } });
          told.resolve();
          await gate.promise;
          assert.equal(ctx.mcpReq.signal.aborted, false);
          await ctx.mcpReq.notify({
            method: "notifications/progress",
            params: { progressToken: progressToken ?? "t", progress: 2, message: "two thirds" },
          });
          return text("done");
        },
      },
      tasks: always,
      way,
      low,
    });
    const { result, notifications } = await world.call(
      "work",
      {},
      { meta: { progressToken: "t", [KEYS.logLevel]: "debug" } },
    );
    assert.equal(result.resultType, "task");
    assert.deepEqual(notifications, []);
    await told.promise;
    while ((await world.get(result.taskId)).result.statusMessage !== "one third") continue;
    gate.resolve();
    await world.until(result.taskId, "completed");
    const sent = world.frames.filter(({ from, message }) => from === "server" && message.method !== undefined);
    assert.deepEqual(sent, []);
    for (const { from, message } of world.frames)
      if (from === "server") assert.ok(!JSON.stringify(message).includes(RELATED));
  });

  // G26-PRG-02, G26-PRG-03
  test(`before the handle progress and log flow on the call's own stream, where asked for (${name})`, async () => {
    const gate = latch();
    const promoted = latch();
    let world: World;
    await using _ = (world = await World.open({
      tools: {
        async work(_, ctx) {
          const { progressToken } = ctx.mcpReq._meta ?? {};
          const progress = (value: number): Promise<void> =>
            ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress: value } });
          if (progressToken !== undefined) await progress(1);
          await ctx.mcpReq.log("info", "before");
          await ctx.mcpReq.log("debug", "too quiet");
          await world.tasks.create(ctx);
          promoted.resolve();
          if (progressToken !== undefined) await progress(2);
          await ctx.mcpReq.log("error", "after");
          await gate.promise;
          return text("done");
        },
      },
      tasks: { task: "handler" },
      way,
      low,
    }));
    const loud = await world.call("work", {}, { meta: { progressToken: 7, [KEYS.logLevel]: "info" } });
    assert.equal(loud.result.resultType, "task");
    assert.deepEqual(
      loud.notifications.map(({ method, params }) => [method, params.progress ?? params.data]),
      [
        ["notifications/progress", 1],
        ["notifications/message", "before"],
      ],
    );
    const quiet = await world.call("work");
    assert.deepEqual(quiet.notifications, []);
    await promoted.promise;
    gate.resolve();
    for (const { result } of [loud, quiet]) await world.until(result.taskId, "completed");
    assert.equal(
      world.frames.filter(({ from, message }) => from === "server" && message.method !== undefined).length,
      2,
    );
  });
}

/** Posts a request over a socket that the test can cut. */
function postAndCut(world: World, message: Json): { cut: () => void } {
  const request = httpRequest(world.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": VERSION,
      "mcp-method": message.method,
      "mcp-name": message.params.name ?? message.params.taskId,
    },
  });
  request.on("error", () => {});
  request.end(JSON.stringify(message));
  return { cut: () => request.destroy() };
}

// G26-HTT-07, H10
test("a client that leaves before the answer cancels the call; a task nobody heard of goes", async () => {
  const inner = memoryStore();
  const arrived = latch();
  const letGo = latch();
  const stored = latch();
  const deleted = latch();
  let holding = true;
  const store = {
    get: inner.get.bind(inner),
    list: inner.list.bind(inner),
    due: inner.due.bind(inner),
    async put(task: Json) {
      if (holding && task.version === 1) {
        arrived.resolve();
        await letGo.promise;
      }
      const done = inner.put(task);
      stored.resolve();
      return done;
    },
    async delete(...values: [string, string, number]) {
      const done = inner.delete(...values);
      deleted.resolve();
      return done;
    },
  };
  let runs = 0;
  await using world = await World.open({
    tools: { work: () => (runs++, text("ran")) },
    tasks: { ...always, store },
    way: "http",
  });
  const left = latch();
  const { cut } = postAndCut(world, world.compose("tools/call", { name: "work", arguments: {} }));
  await arrived.promise;
  world.onleft = left.resolve;
  cut();
  // The server sees the socket close; then the store answers.
  await left.promise;
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  letGo.resolve();
  await stored.promise;
  await deleted.promise;
  assert.deepEqual(await inner.list("", { limit: 10 }), []);
  assert.equal(runs, 0);
  holding = false;
  await world.until(await world.start("work"), "completed");
});

test("G26-HTT-07 (part): before it is a task, the handler's signal fires when its client leaves", async () => {
  const started = latch();
  const stopped = latch();
  const store = memoryStore();
  await using world = await World.open({
    tools: {
      work(_, ctx) {
        ctx.mcpReq.signal.addEventListener("abort", () => stopped.resolve());
        started.resolve();
        return stopped.promise.then(() => text("stopped"));
      },
    },
    tasks: { task: { after: 60_000 }, store },
    way: "http",
  });
  const { cut } = postAndCut(world, world.compose("tools/call", { name: "work", arguments: {} }));
  await started.promise;
  cut();
  await stopped.promise;
  assert.deepEqual(await store.list("", { limit: 10 }), []);
});

for (const way of ["fetch", "http"] as const) {
  // X-STO-08 (part), H28
  test(`a handler outlives the exchange that called it, with a signal that has not fired (${way})`, async () => {
    let world: World;
    const work = stubborn(() => world);
    await using _ = (world = await World.open({ tools: { work: work.tool }, tasks: always, way }));
    const aborter = new AbortController();
    const id = await world.start("work", {}, { signal: aborter.signal });
    await work.started;
    aborter.abort();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    for (const { ctx, task } of work.signals) assert.ok(!ctx.aborted && task?.aborted === false);
    assert.equal((await world.get(id)).result.status, "working");
    work.end();
    await world.until(id, "completed");
  });
}

test("X-STO-08 (part), H28 (part): nor does closing the pipe end it; another connection reads the result", async () => {
  const store = memoryStore();
  let first: World;
  const work = stubborn(() => first);
  const tools = { work: work.tool };
  first = await World.open({ tools, tasks: { ...always, store }, way: "pipe" });
  const second = await World.open({ tools, server: first.tasks, way: "pipe" });
  const id = await first.start("work");
  await work.started;
  await first.disconnect();
  for (const { ctx, task } of work.signals) assert.ok(!ctx.aborted && task?.aborted === false);
  assert.equal((await second.get(id)).result.status, "working");
  work.end();
  assert.deepEqual((await second.until(id, "completed")).result.content, text("done all the same").content);
  await second.close();
});

test("G26-CAN-08: a cancelled or dropped tasks/* request ends that request only", async () => {
  for (const way of ["pipe", "http"] as const) {
    let reads = 0;
    let hold: PromiseWithResolvers<void> | undefined;
    let arrived = latch();
    const inner = memoryStore();
    const store = {
      put: inner.put.bind(inner),
      delete: inner.delete.bind(inner),
      list: inner.list.bind(inner),
      due: inner.due.bind(inner),
      async get(...values: Parameters<typeof inner.get>) {
        reads++;
        if (hold) {
          arrived.resolve();
          await hold.promise;
        }
        return inner.get(...values);
      },
    };
    let world: World;
    const work = stubborn(() => world);
    await using _ = (world = await World.open({ tools: { work: work.tool }, tasks: { ...always, store }, way }));
    const id = await world.start("work");
    await work.started;
    for (const method of ["tasks/get", "tasks/update"]) {
      hold = latch();
      arrived = latch();
      const message = world.compose(method, { taskId: id, inputResponses: {} }, { id: `doomed ${method}` });
      if (way === "pipe") await world.send(message);
      const cut =
        way === "http"
          ? postAndCut(world, message).cut
          : () =>
              world.send({
                jsonrpc: "2.0",
                method: "notifications/cancelled",
                params: { requestId: message.id, _meta: message.params._meta },
              });
      await arrived.promise;
      await cut();
      hold.resolve();
      hold = undefined;
      assert.equal((await world.get(id)).result.status, "working");
      assert.ok(
        !world.frames.some(({ from, message: { id: answered } }) => from === "server" && answered === message.id),
        "nothing is answered to who left",
      );
    }
    assert.ok(work.signals.every(({ ctx, task }) => !ctx.aborted && task?.aborted === false));
    work.end();
    await world.until(id, "completed");
    assert.ok(reads > 0);
  }
});

// G26-CAN-08 (part)
test("a cancel notification for the call that made the task is ignored; before that it is a cancellation", async () => {
  let world: World;
  const work = stubborn(() => world);
  const begun = latch();
  const stopped = latch();
  await using _ = (world = await World.open({
    tools: {
      work: work.tool,
      plain(_, ctx) {
        ctx.mcpReq.signal.addEventListener("abort", () => stopped.resolve());
        begun.resolve();
        return stopped.promise.then(() => text("too late"));
      },
    },
    tasks: { tools: { work: { task: "always" } } },
    way: "pipe",
  }));
  const cancelled = (requestId: unknown): Json => ({
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId, _meta: world.compose("x").params._meta },
  });
  for (const id of [0, "", "1", 1]) {
    const { result } = await world.call("work", {}, { id });
    await world.send(cancelled(id));
    assert.equal((await world.get(result.taskId, { id: "poll" })).result.status, "working", JSON.stringify(id));
  }
  const message = world.compose("tools/call", { name: "plain", arguments: {} }, { id: 0 });
  await world.send(message);
  await begun.promise;
  await world.send(cancelled(0));
  await stopped.promise;
  work.end();
});

test("H02: cancel and completion at one instant: two acknowledgements, one outcome", async () => {
  for (let turn = 0; turn < 40; turn++) {
    let world: World;
    const work = stubborn(() => world);
    await using _ = (world = await World.open({
      tools: { work: work.tool },
      tasks: always,
      way: turn % 2 ? "fetch" : "pipe",
    }));
    const id = await world.start("work");
    await work.started;
    const cancel = (): Promise<Json> => world.cancel(id);
    const [answer] = turn % 4 < 2 ? await Promise.all([cancel(), work.end()]) : (work.end(), [await cancel()]);
    assert.ok(answer.result);
    const state = await world.until(id, ["completed", "cancelled"]);
    assert.equal("result" in state, state.status === "completed");
    for (let again = 0; again < 3; again++) assert.deepEqual((await world.get(id)).result, state);
    assert.equal(world.events.filter(({ type }) => type === "completed" || type === "cancelled").length, 1);
  }
});

// X-LIM-09 (part), H36 (part)
test('ids 1 and "1", 0 and "" in flight together are answered each in its own type', async () => {
  const gate = latch();
  await using world = await World.open({
    tools: { work: () => gate.promise.then(() => text("done")), plain: () => gate.promise.then(() => text("plain")) },
    tasks: { tools: { work: { task: "always" } } },
    way: "pipe",
  });
  const ids = [1, "1", 0, "", "0"];
  const plain = ids.map((id) => world.call("plain", {}, { id }));
  const handles = await Promise.all(["a", "b"].map((id) => world.call("work", {}, { id })));
  assert.ok(handles.every(({ result }) => result.resultType === "task"));
  gate.resolve();
  const answers = await Promise.all(plain);
  assert.deepEqual(
    answers.map(({ id }) => id),
    ids,
  );
  assert.ok(answers.every(({ result }) => result.content[0].text === "plain"));
});
