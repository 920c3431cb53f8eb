// Whose a modern task is, and what a server's limits and audit say.
import { memoryStore, type TaskEvent, type TaskStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { KEYS, World, accept, auth, form, latch, text, type Answer, type Json, type Says } from "./harness/g26.ts";

const always = { task: "always" } as const;
const UNKNOWN = "AAAAAAAAAAAAAAAAAAAAAA";

/** Everything an answer lets a stranger see. */
const visible = ({ status, result, error }: Answer): Json => ({ status, result, error });

function counting(inner: TaskStore): TaskStore & { writes: number } {
  const store = {
    writes: 0,
    get: inner.get.bind(inner),
    list: inner.list.bind(inner),
    due: inner.due.bind(inner),
    put: (task: Json) => (store.writes++, inner.put(task)),
    delete: (...values: [string, string, number]) => (store.writes++, inner.delete(...values)),
  };
  return store;
}

const OPERATIONS: [string, Record<string, unknown>][] = [
  ["tasks/get", {}],
  ["tasks/update", { inputResponses: {} }],
  ["tasks/update", { inputResponses: { "who-1": accept({ a: "x" }) } }],
  ["tasks/update", { inputResponses: { "who-1": 5 } }],
  ["tasks/cancel", {}],
];

for (const way of ["fetch", "http"] as const) {
  // X-SEC-01 (part), X-SEC-02, H31
  test(`a stranger's task is answered like none, to the last byte, and nothing is written (${way})`, async () => {
    const store = counting(memoryStore());
    let world: World;
    const gate = latch();
    await using _ = (world = await World.open({
      tools: {
        work: () => gate.promise.then(() => text("done")),
        ask: async (_, ctx) =>
          ({
            ...text("x"),
            structuredContent: await world.tasks
              .current(ctx)
              ?.requireInput(form("?", { a: { type: "string" } }), "who"),
          }) as Json,
        quick: () => text("quick"),
      },
      tasks: { ...always, store },
      way,
    }));
    const ada = { auth: auth("ada") };
    const ids = {
      working: await world.start("work", {}, ada),
      asking: await world.start("ask", {}, ada),
      done: await world.start("quick", {}, ada),
    };
    await world.until(ids.asking, "input_required", ada);
    await world.until(ids.done, "completed", ada);
    const before = await Promise.all(Object.values(ids).map(async (id) => (await world.get(id, ada)).result));
    const { writes } = store;
    for (const stranger of [
      { auth: auth("bob") },
      {},
      { auth: auth("ada", { extra: { iss: "https://other.test", sub: "ada" } }) },
      { auth: auth("ada", { resource: new URL("https://other.test/mcp") }) },
    ] as Says[]) {
      for (const [method, params] of OPERATIONS) {
        const unknown = visible(await world.request(method, { ...params, taskId: UNKNOWN }, stranger));
        assert.equal(unknown.error.code, -32602);
        for (const taskId of Object.values(ids))
          assert.deepEqual(visible(await world.request(method, { ...params, taskId }, stranger)), unknown, method);
      }
    }
    assert.equal(store.writes, writes);
    assert.deepEqual(
      await Promise.all(Object.values(ids).map(async (id) => (await world.get(id, ada)).result)),
      before,
    );
    // The owner may do all of it.
    for (const [method, params] of OPERATIONS)
      if (
        params["inputResponses"] === undefined ||
        JSON.stringify(params) !== JSON.stringify({ inputResponses: { "who-1": 5 } })
      )
        assert.ok((await world.request(method, { ...params, taskId: ids.asking }, ada)).result, method);
    gate.resolve();
    await world.until(ids.working, "completed", ada);
  });

  // X-SEC-05, X-SEC-07, H32
  test(`a new token, another client, the same subject: the task stays reachable (${way})`, async () => {
    const gate = latch();
    await using world = await World.open({
      tools: { work: () => gate.promise.then(() => text("done")) },
      tasks: always,
      way,
    });
    const id = await world.start("work", {}, { auth: auth("ada", { token: "first", expiresAt: 1 }) });
    for (const more of [{ token: "second" }, { clientId: "another client" }, { scopes: ["more"] }])
      assert.ok((await world.get(id, { auth: auth("ada", more) })).result, JSON.stringify(more));
    gate.resolve();
    assert.ok((await world.until(id, "completed", { auth: auth("ada", { token: "third" }) })).result);
    // Unless the server says otherwise.
    await using strict = await World.open({
      tools: { work: () => text("done") },
      tasks: { ...always, owner: (info: Json) => `${info.extra.sub} ${info.clientId}` },
      way,
    });
    const own = await strict.start("work", {}, { auth: auth("ada") });
    assert.ok((await strict.get(own, { auth: auth("ada", { token: "x" }) })).result);
    assert.equal((await strict.get(own, { auth: auth("ada", { clientId: "another client" }) })).error?.code, -32602);
  });

  test(`X-SEC-05 (part): a token without a subject fails closed: no task is made, none is found (${way})`, async () => {
    const store = memoryStore();
    let runs = 0;
    await using world = await World.open({
      tools: { work: () => (runs++, text("done")), must: () => (runs++, text("must")) },
      tasks: { ...always, store, tools: { must: { support: "required" } } },
      way,
    });
    const known = await world.start("work", {}, { auth: auth("ada") });
    const anonymous = await world.start("work");
    runs = 0;
    const nobody = { auth: auth(undefined) };
    // It runs without a task where it can, and not at all where it cannot.
    assert.equal((await world.call("work", {}, nobody)).result.resultType, "complete");
    assert.equal(runs, 1);
    const { error } = await world.call("must", {}, nobody);
    assert.equal(error?.code, -32603);
    assert.equal(runs, 1);
    for (const id of [known, anonymous])
      for (const [method, params] of OPERATIONS)
        assert.equal((await world.request(method, { ...params, taskId: id }, nobody)).error?.code, -32602, method);
    assert.equal((await store.list("", { limit: 10 })).length, 1);
  });

  // X-SEC-11, X-SEC-06 (part)
  test(`what a client says of itself, and a session id, prove nothing (${way})`, async () => {
    await using world = await World.open({ tools: { work: () => text("done") }, tasks: always, way });
    const id = await world.start(
      "work",
      {},
      {
        auth: auth("ada"),
        meta: { [KEYS.client]: { name: "ada's client", version: "1" } },
        headers: { "mcp-session-id": "s-1" },
      },
    );
    for (const meta of [
      { [KEYS.client]: { name: "ada's client", version: "1" } },
      { "io.modelcontextprotocol/subject": "ada" },
      { sub: "ada", "mcp-longhaul/run": "1" },
    ]) {
      assert.equal(
        (await world.get(id, { auth: auth("bob"), meta, headers: { "mcp-session-id": "s-1" } })).error?.code,
        -32602,
      );
      assert.equal((await world.get(id, { meta, headers: { "mcp-session-id": "s-1" } })).error?.code, -32602);
    }
    // And a session id does not tell owners apart where nobody is authenticated.
    const shared = await world.start("work", {}, { headers: { "mcp-session-id": "s-1" } });
    assert.ok((await world.get(shared, { headers: { "mcp-session-id": "s-2" } })).result);
  });
}

// X-LIM-01
test("running tasks are limited by owner and in all; one owner's do not count against another's", async () => {
  const gate = latch();
  await using world = await World.open({
    tools: { work: () => gate.promise.then(() => text("done")), must: () => text("x") },
    tasks: { ...always, limits: { runningPerOwner: 2, running: 3 }, tools: { must: { support: "required" } } },
  });
  const [ada, bob] = [{ auth: auth("ada") }, { auth: auth("bob") }];
  const ids = [await world.start("work", {}, ada), await world.start("work", {}, ada)];
  const full = await world.call("must", {}, ada);
  assert.deepEqual(full.error?.data, { reason: "task_limit" });
  await world.start("work", {}, bob);
  // Three in all.
  assert.deepEqual((await world.call("must", {}, bob)).error?.data, { reason: "task_limit" });
  // A task that is cancelled makes room.
  await world.cancel(ids[0], ada);
  await world.start("must", {}, ada);
  gate.resolve();
});

test("X-SEC-09: each thing that happens to a task is told once, by owner, with an id that opens nothing", async () => {
  const events: TaskEvent[] = [];
  let world: World;
  const late = latch();
  const gate = latch();
  await using _ = (world = await World.open({
    tools: {
      good: () => text("good"),
      bad: () => Promise.reject(new Error("bad")),
      stop: () => gate.promise.then(() => (late.resolve(), text("late"))),
      ask: async (_, ctx) => (
        await world.tasks.current(ctx)?.requireInput(form("?", { a: { type: "string" } })), text("asked")
      ),
      short: () => gate.promise.then(() => text("x")),
    },
    tasks: { ...always, onevent: (event) => events.push(event), tools: { short: { ttl: 1_000 } } },
    low: true,
  }));
  const ada = { auth: auth("ada") };
  const ids: Record<string, string> = {};
  for (const tool of ["good", "bad", "stop", "ask", "short"]) ids[tool] = await world.start(tool, {}, ada);
  const [key] = Object.keys((await world.until(ids["ask"] as string, "input_required", ada)).inputRequests) as [string];
  await world.update(ids["ask"], { [key]: accept({ a: "x" }) }, ada);
  for (const tool of ["good", "ask"]) await world.until(ids[tool] as string, "completed", ada);
  await world.until(ids["bad"] as string, "failed", ada);
  await world.cancel(ids["stop"], ada);
  await world.until(ids["short"] as string, "failed", ada);
  while (!events.some(({ type }) => type === "expired")) await new Promise((resolve) => setTimeout(resolve, 10));
  gate.resolve();
  await late.promise;
  const of = (tool: string): string[] => events.filter(({ name }) => name === tool).map(({ type }) => type);
  assert.deepEqual(of("good"), ["created", "started", "completed", "stopped", "retrieved"]);
  assert.deepEqual(of("bad"), ["created", "started", "failed", "stopped", "retrieved"]);
  assert.deepEqual(of("ask"), [
    "created",
    "started",
    "input_required",
    "input_answered",
    "completed",
    "stopped",
    "retrieved",
  ]);
  assert.deepEqual(of("stop").slice(0, 4), ["created", "started", "cancelled", "stopped"]);
  // A read may find it expired before the server does.
  assert.deepEqual(
    of("short")
      .filter((type) => type !== "retrieved")
      .slice(0, 4),
    ["created", "started", "expired", "stopped"],
  );
  for (const event of events) {
    assert.ok(event.owner.includes("ada"));
    for (const id of Object.values(ids)) {
      assert.ok(!JSON.stringify(event).includes(id));
      assert.ok(event.taskId.replace("…", "").length < 10);
    }
  }
});

test("a listener that throws harms nothing", async () => {
  await using world = await World.open({
    tools: { work: () => text("done") },
    tasks: {
      ...always,
      onevent: () => {
        throw new Error("broken listener");
      },
      onerror: () => {
        throw new Error("broken too");
      },
    },
  });
  await world.until(await world.start("work"), "completed");
});
