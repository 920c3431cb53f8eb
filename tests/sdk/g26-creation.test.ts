// How a modern call becomes a task, or does not.
import { acceptedContent, createRequestStateCodec, inputRequired } from "@modelcontextprotocol/server";
import { memoryStore, type TaskStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN, World, accept, form, latch, text, type Json, type Way } from "./harness/g26.ts";

const WAYS: Way[] = ["fetch", "http", "pipe"];
const KINDS = WAYS.flatMap((way) =>
  [false, true].map((low) => ({ way, low, name: `${low ? "Server" : "McpServer"}, ${way}` })),
);

/** A store that answers late: each operation waits until `step()` has let it go, or a little. */
function slow(inner: TaskStore, hold: (operation: string) => Promise<void>): TaskStore {
  return {
    async get(...values) {
      await hold("get");
      return inner.get(...values);
    },
    async put(task) {
      await hold("put");
      return inner.put(task);
    },
    async delete(...values) {
      await hold("delete");
      return inner.delete(...values);
    },
    list: (...values) => inner.list(...values),
    due: (...values) => inner.due(...values),
  };
}

for (const { way, low, name } of KINDS) {
  test(`G26-CRE-01, G26-CRE-07, G26-TTL-01: a handle is flat and can be read at once (${name})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: { work: () => gate.promise.then(() => text("done")) },
      tasks: { task: "always" },
      way,
      low,
    });
    const { result } = await world.call("work");
    // The harness holds every frame against the schema and its keys; here is what the schema leaves open.
    assert.equal(result.resultType, "task");
    for (const key of ["task", "result", "error", "inputRequests", "requestState", "ttl", "pollInterval"])
      assert.equal(result[key], undefined, key);
    assert.equal(result.status, "working");
    assert.equal(result.ttlMs, 3_600_000);
    assert.equal(result.pollIntervalMs, 1000);
    const { resultType, ...seed } = result;
    const { resultType: complete, ...state } = (await world.get(result.taskId)).result;
    assert.deepEqual(state, seed);
    gate.resolve();
    const done = await world.until(result.taskId, "completed");
    assert.equal(done.requestState, undefined);
  });

  // G26-TLN-04
  test(`a tool that answers soon answers at once, and becomes a task when it does not (${name})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: { quick: () => text("quick"), slow: () => gate.promise.then(() => text("slow")) },
      tasks: { tools: { quick: { task: { after: 60_000 } }, slow: { task: { after: 5 } } } },
      way,
      low,
    });
    assert.deepEqual((await world.call("quick")).result.content, text("quick").content);
    const id = await world.start("slow");
    gate.resolve();
    assert.deepEqual((await world.until(id, "completed")).result.content, text("slow").content);
  });

  test(`a handler makes its call a task when it sees fit, and learns when it cannot (${name})`, async () => {
    const gate = latch();
    const seen: unknown[] = [];
    let world: World;
    await using _ = (world = await World.open({
      tools: {
        async work({ long }, ctx) {
          if (!long) return text("short");
          const task = await world.tasks.create(ctx);
          seen.push(task === undefined ? undefined : typeof task.taskId);
          if (task) await gate.promise;
          return text("long");
        },
      },
      way,
      low,
    }));
    assert.deepEqual((await world.call("work", {})).result.content, text("short").content);
    assert.deepEqual((await world.call("work", { long: true }, { caps: PLAIN })).result.content, text("long").content);
    const id = await world.start("work", { long: true });
    gate.resolve();
    await world.until(id, "completed");
    assert.deepEqual(seen, [undefined, "string"]);
  });

  // G26-CRE-06, G26-INP-11, H61
  test(`rounds of input come before the task, and their keys mean nothing to it (${name})`, async () => {
    let world: World;
    await using _ = (world = await World.open({
      tools: {
        async work(_, ctx) {
          const answers = ctx.mcpReq.inputResponses;
          if (!answers?.["name-1"])
            return inputRequired({ inputRequests: { "name-1": form("first?", { a: { type: "string" } }) } });
          if (ctx.mcpReq.requestState() !== "second")
            return inputRequired({
              inputRequests: { "name-1": form("second?", { a: { type: "string" } }) },
              requestState: "second",
            });
          const before = acceptedContent<Json>(answers, "name-1")?.a;
          const task = await world.tasks.create(ctx);
          const inside = await task?.requireInput(form("third?", { a: { type: "string" } }), "name");
          return text(`${before} ${(inside as Json).content.a}`);
        },
      },
      way,
      low,
    }));
    const first = await world.call("work");
    assert.equal(first.result.resultType, "input_required");
    const second = await world.request("tools/call", {
      name: "work",
      arguments: {},
      inputResponses: { "name-1": accept({ a: "one" }) },
    });
    assert.equal(second.result.resultType, "input_required");
    const third = await world.request("tools/call", {
      name: "work",
      arguments: {},
      inputResponses: { "name-1": accept({ a: "two" }) },
      requestState: second.result.requestState,
    });
    assert.equal(third.result.resultType, "task");
    const id = third.result.taskId;
    const asking = await world.until(id, "input_required");
    // The same key, another question.
    assert.deepEqual(Object.keys(asking.inputRequests), ["name-1"]);
    assert.equal(asking.inputRequests["name-1"].params.message, "third?");
    await world.update(id, { "name-1": accept({ a: "three" }) });
    assert.deepEqual((await world.until(id, "completed")).result.content, text("two three").content);
  });
}

// X-SEC-12
test("the SDK still checks a round's state: tampered, replayed or made up, it makes no task", async () => {
  const store = memoryStore();
  const bind = (ctx: Json): string => JSON.stringify([ctx.http?.authInfo?.extra?.sub ?? "", ctx.mcpReq.method]);
  const codec = createRequestStateCodec<{ step: number }>({ key: crypto.getRandomValues(new Uint8Array(32)), bind });
  let runs = 0;
  await using world = await World.open({
    tools: {
      async work(_, ctx) {
        if (!ctx.mcpReq.inputResponses)
          return inputRequired({
            inputRequests: { a: form("?", { a: { type: "string" } }) },
            requestState: await codec.mint({ step: 1 }, ctx),
          });
        runs++;
        return text(String(ctx.mcpReq.requestState().step));
      },
    },
    // The first round is quick, so that it stays a plain exchange.
    tasks: { store, tools: { work: { task: { after: 1_000 } } } },
    sdk: { capabilities: { tools: {} }, requestState: { verify: codec.verify } },
  });
  const { result } = await world.call("work");
  const state: string = result.requestState;
  const again = (requestState: unknown, name = "work"): Promise<Json> =>
    world.request("tools/call", { name, arguments: {}, inputResponses: { a: accept({ a: "x" }) }, requestState });
  for (const forged of [
    `${state}x`,
    state.replace("v1.", "v2."),
    state.slice(0, -2),
    "",
    "v1.e30.AAAA",
    btoa('{"step":1}'),
  ]) {
    assert.equal((await again(forged)).error.code, -32602, forged);
  }
  assert.equal(runs, 0);
  assert.deepEqual((await again(state)).result.content, text("1").content);
  assert.deepEqual(await store.list("", { limit: 10 }), []);

  // And where the call is a task from its first moment: the same check, told by the task or instead of it.
  await using always = await World.open({
    tools: { work: (_, ctx) => text(String(ctx.mcpReq.requestState().step)) },
    tasks: { store, task: "always" },
    sdk: { capabilities: { tools: {} }, requestState: { verify: codec.verify } },
  });
  const refused = await always.request("tools/call", { name: "work", arguments: {}, requestState: `${state}x` });
  assert.equal(refused.error?.code, -32602);
  assert.deepEqual(await store.list("", { limit: 10 }), []);
  const taken = await always.request("tools/call", { name: "work", arguments: {}, requestState: state });
  assert.deepEqual((await always.until(taken.result.taskId, "completed")).result.content, text("1").content);
});

test("a call that fails its checks is answered directly and leaves no task", async () => {
  const store = memoryStore();
  await using world = await World.open({
    tools: { work: () => text("ran") },
    tasks: { store, task: "always" },
    schemas: { work: (await import("zod")).z.object({ n: (await import("zod")).z.number() }) },
  });
  assert.equal((await world.call("nobody")).error?.code, -32602);
  // A wrong argument is, to SDK v2, a failed tool result.
  const wrong = await world.call("work", { n: "x" });
  assert.equal(wrong.result.isError, true);
  assert.deepEqual(await store.list("", { limit: 10 }), []);
  await world.start("work", { n: 1 });
});

test("G26-CRE-03: no handle before every instance can read the task, on a store that is slow to write", async () => {
  const inner = memoryStore();
  const held: { operation: string; go: () => void }[] = [];
  let holding = true;
  const arrived = latch();
  const store = slow(inner, (operation) => {
    if (!holding || operation !== "put") return Promise.resolve();
    arrived.resolve();
    return new Promise((go) => held.push({ operation, go }));
  });
  const gate = latch();
  const tools = { work: () => gate.promise.then(() => text("done")) };
  await using one = await World.open({ tools, tasks: { store, task: "always" } });
  await using two = await World.open({ tools, tasks: { store: inner, task: "always" } });
  let answered = false;
  const call = one.call("work").finally(() => (answered = true));
  await arrived.promise;
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.equal(answered, false);
  assert.deepEqual(await inner.list("", { limit: 10 }), []);
  holding = false;
  for (const { go } of held) go();
  const { result } = await call;
  // The other instance reads it, follows it and cancels it.
  assert.equal((await two.get(result.taskId)).result.status, "working");
  gate.resolve();
  assert.deepEqual((await two.until(result.taskId, "completed")).result.content, text("done").content);
});

// G26-CRE-03 (part)
test("a handle is readable at once, a hundred times over, by another instance on a lagging store", async () => {
  const inner = memoryStore();
  const store = slow(inner, () => new Promise(setImmediate));
  const tools = { work: () => text("done") };
  await using one = await World.open({ tools, tasks: { store, task: "always" } });
  await using two = await World.open({ tools, tasks: { store, task: "always" } });
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const id = await one.start("work");
      assert.ok((await two.get(id)).result, "missed");
    }),
  );
});

for (const { way, low, name } of KINDS) {
  // H46
  test(`work done before the handle is sent: the handle comes first, the next read has it (${name})`, async () => {
    await using world = await World.open({
      tools: { work: () => text("done") },
      tasks: { store: slow(memoryStore(), () => new Promise(setImmediate)), task: "always" },
      way,
      low,
    });
    const { result } = await world.call("work");
    assert.equal(result.resultType, "task");
    assert.equal(result.result, undefined);
    assert.deepEqual((await world.until(result.taskId, "completed")).result.content, text("done").content);
  });

  // H84, X-LIM-01 (part)
  test(`beyond the limit of tasks a call runs without one, unless it must be one (${name})`, async () => {
    const gate = latch();
    let runs = 0;
    await using world = await World.open({
      tools: {
        hold: () => gate.promise.then(() => text("held")),
        free: () => text("free"),
        must: () => (runs++, text("must")),
      },
      tasks: { task: "always", tools: { must: { support: "required" } }, limits: { runningPerOwner: 2 } },
      way,
      low,
    });
    const ids = [await world.start("hold"), await world.start("hold")];
    assert.deepEqual((await world.call("free")).result.content, text("free").content);
    const { error, status } = await world.call("must");
    assert.equal(error?.code, -32603);
    assert.deepEqual(error?.data, { reason: "task_limit" });
    if (status !== undefined) assert.equal(status, 429);
    assert.equal(runs, 0);
    gate.resolve();
    for (const id of ids) await world.until(id, "completed");
    await world.until(await world.start("must"), "completed");
  });
}

test("H85 (part): a store that is full refuses; the call runs without a task", async () => {
  await using world = await World.open({
    tools: { work: () => text("done") },
    tasks: { task: "always", store: memoryStore({ maxTasks: 1 }) },
  });
  await world.until(await world.start("work"), "completed");
  assert.equal((await world.call("work")).result.resultType, "complete");
});

test("a store that fails: the call runs without a task, the failure is told to the host alone", async () => {
  let failing = true;
  const inner = memoryStore();
  const store: TaskStore = {
    ...inner,
    put: (task) => (failing ? Promise.reject(new Error("secret path /var/db")) : inner.put(task)),
    get: (owner, id, options) => inner.get(owner, id, options),
    delete: (...v) => inner.delete(...v),
    list: (...v) => inner.list(...v),
    due: (...v) => inner.due(...v),
  };
  await using world = await World.open({
    tools: { work: () => text("done"), must: () => text("must") },
    tasks: { task: "always", tools: { must: { support: "required" } }, store },
  });
  assert.equal((await world.call("work")).result.resultType, "complete");
  const { error } = await world.call("must");
  assert.equal(error?.code, -32603);
  assert.ok(!JSON.stringify(error).includes("secret"));
  assert.equal(world.errors.length, 2);
  failing = false;
  await world.until(await world.start("must"), "completed");
});

test("G26-CRE-02: only an answer to tools/call is ever a handle", async () => {
  const gate = latch();
  await using world = await World.open({
    tools: { work: () => gate.promise.then(() => text("done")) },
    tasks: { task: "always" },
  });
  const id = await world.start("work");
  await world.get(id);
  await world.update(id, {});
  await world.request("tools/list");
  await world.request("prompts/get", { name: "prompt" });
  await world.request("server/discover");
  gate.resolve();
  await world.until(id, "completed");
  await world.cancel(id);
  const handles = world.frames.filter(
    ({ from, message }) => from === "server" && message.result?.resultType === "task",
  );
  assert.deepEqual(
    handles.map(({ of }) => of),
    ["tools/call"],
  );
});
