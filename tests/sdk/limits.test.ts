// What a client meets at the limits of a server: refusals that say when to come back, and no work done for them.
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { TaskClient, TaskServer, isTaskError, memoryStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeClient } from "./client-sdk.ts";
import { World, accept, auth, form, latch, text, type Json } from "./harness/g26.ts";

const always = { task: "always" } as const;
const ada = { auth: auth("ada") };
const bob = { auth: auth("bob") };

for (const way of ["fetch", "http"] as const) {
  const open = async (limits: Json, more: Json = {}): Promise<World> =>
    World.open({
      tools: { work: () => latch().promise, quick: () => text("done") },
      tasks: { ...always, ...more, limits },
      way,
    });
  /** The status, the header and the error of one request. */
  const ask = async (
    world: World,
    method: string,
    params: Json,
    says: Json = ada,
  ): Promise<{ status: number; after: string | null; body: Json }> => {
    const response = await world.post(world.compose(method, params, says), says);
    return { status: response.status, after: response.headers.get("retry-after"), body: await response.json() };
  };

  // G26-GET-08, X-SEC-08, X-ERR-04
  test(`who polls faster than hinted gets 429 and Retry-After, and its poll is good again then (${way})`, async () => {
    await using world = await open({ rate: { reads: { perSecond: 2, burst: 2 } } });
    const id = await world.start("work", {}, ada);
    for (let poll = 0; poll < 2; poll++) assert.deepEqual((await ask(world, "tasks/get", { taskId: id })).status, 200);
    const { status, after, body } = await ask(world, "tasks/get", { taskId: id });
    assert.deepEqual([status, after, body.error.code, body.error.data.reason], [429, "1", -32603, "rate_limit"]);
    const wait = body.error.data.retryAfterMs;
    assert.ok(wait > 0 && wait <= 500, String(wait));
    // The rate is one owner's: another is not slowed down.
    assert.equal((await ask(world, "tasks/get", { taskId: id }, bob)).body.error.code, -32602);
    await new Promise((resolve) => setTimeout(resolve, wait + 1));
    assert.equal((await ask(world, "tasks/get", { taskId: id })).body.result.status, "working");
  });

  test(`X-SEC-08, X-ERR-04: creates, changes and misses have rates of their own (${way})`, async () => {
    let runs = 0;
    const one = { perSecond: 0.01, burst: 1 };
    const limits = { rate: { creates: one, changes: one, misses: one } };
    await using world = await World.open({
      tools: { work: () => (runs++, latch().promise) },
      tasks: { ...always, limits },
      way,
    });
    const id = await world.start("work", {}, ada);
    const call = await ask(world, "tools/call", { name: "work", arguments: {} });
    assert.deepEqual([call.status, call.after, call.body.error.data.reason, runs], [429, "100", "rate_limit", 1]);
    assert.equal((await ask(world, "tasks/update", { taskId: id, inputResponses: {} })).status, 200);
    for (const method of ["tasks/update", "tasks/cancel"])
      assert.equal((await ask(world, method, { taskId: id, inputResponses: {} })).status, 429);
    // Bob guesses once; then he is told nothing, of what exists and of what does not.
    assert.equal((await ask(world, "tasks/get", { taskId: id }, bob)).body.error.code, -32602);
    const [foreign, unknown] = [
      await ask(world, "tasks/get", { taskId: id }, bob),
      await ask(world, "tasks/get", { taskId: "AAAAAAAAAAAAAAAAAAAAAA" }, bob),
    ];
    assert.equal(foreign.status, 429);
    assert.deepEqual(
      { ...foreign.body.error, data: { ...foreign.body.error.data, retryAfterMs: 0 } },
      { ...unknown.body.error, data: { ...unknown.body.error.data, retryAfterMs: 0 } },
    );
    assert.equal((await ask(world, "tasks/get", { taskId: id })).body.result.status, "working");
  });

  // X-ERR-04, H84
  test(`a call that finds no place says so with 429, and nothing else is rewritten (${way})`, async () => {
    await using world = await open({ runningPerOwner: 1 }, { tools: { work: { support: "required" } } });
    await world.start("work", {}, ada);
    const { status, after, body } = await ask(world, "tools/call", { name: "work", arguments: {} });
    assert.deepEqual([status, after, body.error.code, body.error.data], [429, "1", -32603, { reason: "task_limit" }]);
    // Tools that can run without a task still do.
    assert.equal((await ask(world, "tools/call", { name: "quick", arguments: {} })).status, 200);
    assert.equal((await ask(world, "tasks/get", { taskId: "AAAA" })).status, 200);
  });

  test(`X-SEC-08: a server may switch rates off (${way})`, async () => {
    await using world = await open({ rate: false });
    const id = await world.start("work", {}, ada);
    const polls = await Promise.all(Array.from({ length: 200 }, () => world.get(id, ada)));
    assert.ok(polls.every(({ result }) => result?.status === "working"));
  });
}

test("G26-GET-08, X-SEC-08: a client that polls too fast still gets its result", async () => {
  await using world = await World.open({
    tools: { work: () => new Promise((resolve) => setTimeout(resolve, 400, text("done"))) },
    tasks: { defaults: { task: "always", pollInterval: 10 }, limits: { rate: { reads: { perSecond: 10, burst: 1 } } } },
    way: "http",
  });
  let refusals = 0;
  const counted: typeof fetch = async (...request) => {
    const response = await fetch(...request);
    if (response.status === 429) refusals++;
    return response;
  };
  const host = new TaskClient({ poll: { min: 5 } });
  const client = host.attach(makeClient("SDK v2, 2026"));
  await client.connect(new StreamableHTTPClientTransport(new URL(world.url), { fetch: counted }));
  assert.deepEqual((await client.callTool({ name: "work", arguments: {} })).content, [{ type: "text", text: "done" }]);
  assert.ok(refusals > 0);
  await client.close();
});

// X-LIM-01, X-ERR-04, X-TTL-06, H85
test("what an owner keeps is limited, whichever process stored it; the rest runs plainly or is refused", async () => {
  const store = memoryStore();
  const options = {
    tools: { quick: () => text("done"), must: () => text("must") },
    tasks: { ...always, store, tools: { must: { support: "required" } }, limits: { storedPerOwner: 2 } },
  } as const;
  await using here = await World.open(options);
  await using there = await World.open(options);
  const kept = [await here.start("quick", {}, ada), await there.start("quick", {}, ada)] as const;
  assert.equal((await here.call("quick", {}, ada)).result.resultType, "complete");
  const { status, error } = await there.call("must", {}, ada);
  assert.deepEqual([status, error?.code, error?.data], [429, -32603, { reason: "task_limit" }]);
  for (const id of kept) await here.until(id, "completed", ada);
  await here.start("must", {}, bob);
  await using bytes = await World.open({
    ...options,
    tasks: { ...options.tasks, limits: { storedBytesPerOwner: 10 } },
  });
  assert.deepEqual((await bytes.call("must", {}, ada)).error?.data, { reason: "payload_limit" });
});

test("X-LIM-01: a limit that the store cannot count is refused at once", () => {
  const { usage: _usage, ...rest } = memoryStore();
  assert.throws(
    () => new TaskServer({ store: rest as never, limits: { storedPerOwner: 1 } }),
    (error) => isTaskError(error) && error.message.includes("`store`"),
  );
  new TaskServer({ limits: { storedPerOwner: 1 } });
});

test("X-LIM-02: a server may lower how many inputs a task issues in its life", async () => {
  let world: World;
  await using _ = (world = await World.open({
    tools: {
      ask: async (_, ctx) => {
        const task = world.tasks.current(ctx);
        for (let time = 0; ; time++)
          await task
            ?.requireInput(form(`${time}`, {}), "q")
            .catch((error: Error) =>
              Promise.reject(new Error(`${time}: ${(error as never as { code: string }).code}`)),
            );
      },
    },
    tasks: { ...always, limits: { inputsPerTask: 2 } },
  }));
  const id = await world.start("ask");
  for (const key of ["q-1", "q-2"]) {
    const { inputRequests } = await world.until(id, "input_required");
    assert.deepEqual(Object.keys(inputRequests), [key]);
    await world.update(id, { [key]: accept({}) });
  }
  const { result } = await world.until(id, "completed");
  assert.deepEqual([result.isError, result.content[0].text], [true, "2: limit"]);
});

test("X-SEC-08: a connection that is one stream has no rates: its client is the host's own", async () => {
  await using world = await World.open({
    tools: { work: () => latch().promise },
    tasks: { ...always, limits: { rate: { reads: { perSecond: 0.01, burst: 1 } } } },
    way: "pipe",
  });
  const id = await world.start("work");
  for (let poll = 0; poll < 20; poll++) assert.equal((await world.get(id)).result.status, "working");
});

test("X-SEC-08: rates that mean nothing are refused by name", () => {
  for (const [rate, name] of [
    [{ reads: { perSecond: 0, burst: 1 } }, "limits.rate.reads.perSecond"],
    [{ reads: { perSecond: Number.NaN, burst: 1 } }, "limits.rate.reads.perSecond"],
    [{ creates: { perSecond: 1, burst: 0 } }, "limits.rate.creates.burst"],
    [{ misses: { perSecond: 1, burst: 1.5 } }, "limits.rate.misses.burst"],
    [{ polls: { perSecond: 1, burst: 1 } }, "limits.rate.polls"],
  ] as [Json, string][]) {
    assert.throws(
      () => new TaskServer({ store: memoryStore(), limits: { rate } }),
      (error) => isTaskError(error) && error.code === "invalid_argument" && error.message.includes(`\`${name}\``),
    );
  }
});
