// subscriptions/listen over HTTP: the SDK's own stream with the tasks in it.
import { createMcpHandler } from "@modelcontextprotocol/server";
import { memoryStore, TaskServer } from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  EXTENSION,
  PLAIN,
  TASKS,
  World,
  accept,
  auth,
  buildServer,
  form,
  latch,
  text,
  type Json,
  type Says,
  type Tool,
} from "./harness/g26.ts";
import { Stream, SUBSCRIPTION } from "./harness/listen.ts";

const always = { task: "always" } as const;
const ID = "0123456789abcdefghijkl";

/** Tools that tests let go on. */
function held(): { tools: Record<string, Tool>; release: (value?: string) => void } {
  const gate = latch<string>();
  return { tools: { work: async () => text(await gate.promise) }, release: (value = "done") => gate.resolve(value) };
}

const withoutMeta = ({ _meta, ...task }: Json): Json => task;
const withoutType = ({ resultType, ...task }: Json): Json => task;

for (const way of ["fetch", "http"] as const) {
  // G26-SUB-02, G26-SUB-07, G26-NTF-01, G26-NTF-03, H38
  test(`acknowledged, then told what tasks/get says, then ended (${way})`, async () => {
    let world: World;
    const asked = latch<Json>();
    await using _ = (world = await World.open({
      tools: {
        async work(_args, ctx) {
          const task = world.tasks.current(ctx);
          await task?.status("half way");
          asked.resolve(undefined);
          const answer = await task?.requireInput(form("name?", { name: { type: "string" } }), "name");
          return text(JSON.stringify(answer));
        },
      },
      tasks: always,
      way,
    }));
    const taskId = await world.start("work");
    await asked.promise;
    for (const id of ["5", 5]) {
      const stream = await Stream.open(world, { taskIds: [taskId] }, { id });
      assert.deepEqual(await stream.accepted(), [taskId]);
      assert.equal(stream.messages[0].params._meta[SUBSCRIPTION], id);
      const told = await stream.status("input_required");
      assert.deepEqual(withoutMeta(told), withoutType((await world.get(taskId)).result));
      await stream.leave();
    }
    const stream = await Stream.open(world, { taskIds: [taskId] });
    await stream.status("input_required");
    const [key] = Object.keys(stream.tasks()[0].inputRequests) as [string];
    await world.update(taskId, { [key]: accept({ name: "ann" }) });
    const told = await stream.status("completed");
    assert.deepEqual(withoutMeta(told), withoutType((await world.get(taskId)).result));
    const last = await stream.last();
    assert.equal(last.result.resultType, "complete");
    assert.equal(stream.messages.filter(({ result }) => result !== undefined).length, 1);
    assert.equal(stream.statuses().filter((status) => status === "completed").length, 1);
  });
}

// G26-CAP-06
test("without the extension the answer is -32021 with the usual data, and nothing is acknowledged", async () => {
  await using world = await World.open({ tools: { work: () => text("done") }, tasks: always });
  const taskId = await world.start("work");
  const stream = await Stream.open(world, { taskIds: [taskId], toolsListChanged: true }, { caps: PLAIN });
  const last = await stream.last();
  assert.equal(stream.response.status, 400);
  assert.equal(stream.messages.length, 1);
  assert.equal(last.error.code, -32021);
  assert.deepEqual(last.error.data, { requiredCapabilities: { extensions: { [EXTENSION]: {} } } });
});

test("H92: an empty list, or none, is the SDK's own subscription, extension or not", async () => {
  await using world = await World.open({ tools: { work: () => text("done") }, tasks: always });
  for (const taskIds of [[], undefined, "no list"]) {
    for (const caps of [PLAIN, TASKS]) {
      const stream = await Stream.open(world, { taskIds, toolsListChanged: true }, { caps });
      assert.equal(await stream.accepted(), undefined);
      assert.deepEqual(stream.messages[0].params.notifications, { toolsListChanged: true });
      await stream.leave();
    }
  }
});

// G26-SUB-03, G26-SUB-14, H31
test("unknown, foreign and malformed ids are left out alike; with nothing left the stream ends", async () => {
  const { tools } = held();
  await using world = await World.open({ tools, tasks: always });
  const [ann, bob] = [{ auth: auth("ann") }, { auth: auth("bob") }];
  const [mine, foreign] = [await world.start("work", {}, ann), await world.start("work", {}, bob)];
  const stream = await Stream.open(world, { taskIds: [ID, foreign, mine, "", "x".repeat(200), "\ud800"] }, ann);
  assert.deepEqual(await stream.accepted(), [mine]);
  for (const [ids, says] of [
    [[foreign, ID], ann],
    [[mine], bob],
    [[mine], {}],
    [[mine], { auth: auth(undefined) }],
  ] as [string[], Says][]) {
    const stream = await Stream.open(world, { taskIds: ids }, says);
    assert.deepEqual(await stream.accepted(), []);
    assert.equal((await stream.last()).result.resultType, "complete");
    assert.equal(stream.messages.length, 2);
  }
  await stream.leave();
});

// G26-SUB-04, G26-NTF-02
test("the SDK's changes and ours share a stream that ends with neither; nothing else is on it", async () => {
  const { tools, release } = held();
  const store = memoryStore();
  const tasks = new TaskServer({ ...always, store });
  const handler = createMcpHandler(() =>
    tasks.attach(
      buildServer({
        tools: {
          ...tools,
          chatty: async (_, ctx) => {
            await ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data: "hello" } });
            await ctx.mcpReq.notify({ method: "notifications/progress", params: { progressToken: 7, progress: 1 } });
            return text("said");
          },
        },
      }),
    ),
  );
  const serve = tasks.fetch(handler as never);
  await using world = await World.open({ tools: {} });
  world.post = async (message: Json) =>
    serve(
      new Request("http://127.0.0.1/mcp", {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": message.method,
          ...(message.params.name === undefined ? {} : { "mcp-name": message.params.name }),
        },
        body: JSON.stringify(message),
      }),
    );
  const taskId = (await world.start("work")) as string;
  const stream = await Stream.open(world, { taskIds: [taskId], toolsListChanged: true });
  assert.deepEqual(await stream.accepted(), [taskId]);
  assert.deepEqual(stream.messages[0].params.notifications, { toolsListChanged: true, taskIds: [taskId] });
  await stream.status("working");
  await world.call("chatty", {}, { meta: { progressToken: 7 } });
  handler.notify.toolsChanged();
  await stream.until(
    () => stream.messages.some(({ method }) => method === "notifications/tools/list_changed"),
    "the SDK's own change",
  );
  release();
  await stream.status("completed");
  handler.notify.toolsChanged();
  await stream.until(
    () => stream.messages.filter(({ method }) => method === "notifications/tools/list_changed").length === 2,
    "a change after the task's end",
  );
  assert.equal(stream.over, false);
  await handler.close();
  assert.ok((await stream.last()).result);
  await tasks.close();
});

test("G26-SUB-10: a client that leaves is forgotten, and its place is free", async () => {
  for (const way of ["fetch", "http"] as const) {
    const { tools, release } = held();
    await using world = await World.open({ tools, tasks: always, way });
    const taskId = await world.start("work");
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const stream = await Stream.open(world, { taskIds: [taskId] }, { signal: controller.signal });
      await stream.status("working");
      const left = way === "http" ? new Promise<void>((resolve) => (world.onleft = resolve)) : undefined;
      if (round % 2 === 0) await stream.leave();
      else controller.abort();
      await left;
    }
    release();
    await world.until(taskId, "completed");
    assert.deepEqual(world.errors, []);
  }
});

// G26-SUB-11
test("more ids than 256 are not accepted; a seventeenth stream of one owner is refused, of another not", async () => {
  const { tools } = held();
  await using world = await World.open({ tools, tasks: always });
  const says = { auth: auth("ann") };
  const taskId = await world.start("work", {}, says);
  const unknown = Array.from({ length: 256 }, (_, index) => `${ID}${index}`);
  const over = await Stream.open(world, { taskIds: [...unknown, taskId] }, says);
  assert.deepEqual(await over.accepted(), []);
  await over.last();
  const streams = await Promise.all(Array.from({ length: 16 }, () => Stream.open(world, { taskIds: [taskId] }, says)));
  for (const stream of streams) assert.deepEqual(await stream.accepted(), [taskId]);
  const refused = await Stream.open(world, { taskIds: [taskId], toolsListChanged: true }, says);
  const { error } = await refused.last();
  assert.deepEqual([error.code, error.message], [-32603, "Subscription limit reached"]);
  assert.equal(refused.response.status, 429);
  const bob = { auth: auth("bob") };
  const other = await Stream.open(world, { taskIds: [await world.start("work", {}, bob)] }, bob);
  assert.equal((await other.accepted())?.length, 1);
  await streams[0]?.leave();
  const again = await Stream.open(world, { taskIds: [taskId] }, says);
  assert.deepEqual(await again.accepted(), [taskId]);
  for (const stream of [...streams, other, again]) await stream.leave();
});

test("G26-SUB-13: a reader that stands still keeps nothing but the newest state, and hears the end", async () => {
  let world: World;
  const gate = latch();
  const SIZE = 2_000;
  await using _ = (world = await World.open({
    tools: {
      async work(_args, ctx) {
        for (let step = 0; step < 3_000; step++) await world.tasks.current(ctx)?.status(`${step} ${"x".repeat(SIZE)}`);
        await gate.promise;
        return text("done");
      },
    },
    tasks: always,
  }));
  const taskId = await world.start("work");
  const stream = await Stream.open(world, { taskIds: [taskId] }, { paused: true });
  while (!(await world.get(taskId)).result.statusMessage?.startsWith("2999 ")) continue;
  gate.resolve();
  await world.until(taskId, "completed");
  stream.resume();
  await stream.status("completed");
  assert.ok((await stream.last()).result);
  assert.ok(stream.tasks().length * SIZE < 2 * 64 * 1024, `${stream.tasks().length} states were kept`);
});

// H71, G26-SUB-08
test("a task that ended before is told at once; a server that closes ends its subscriptions", async () => {
  const { tools } = held();
  await using world = await World.open({ tools: { ...tools, quick: () => text("quick") }, tasks: always });
  const quick = await world.start("quick");
  await world.until(quick, "completed");
  const stream = await Stream.open(world, { taskIds: [quick] });
  assert.equal((await stream.status("completed")).result.content[0].text, "quick");
  await stream.last();
  const open = await Stream.open(world, { taskIds: [await world.start("work")] });
  await open.status("working");
  await world.tasks.close();
  assert.equal((await open.last()).result.resultType, "complete");
});

test("G26-SUB-12, H33: a token that expires, or is revoked, ends the subscription; nothing more is told", async () => {
  for (const how of ["expired", "revoked"]) {
    const { tools, release } = held();
    let revoked = false;
    await using world = await World.open({
      tools,
      tasks: { ...always, owner: (info) => (revoked ? undefined : String((info as Json)?.extra?.sub)) },
    });
    const expiresAt = Math.floor(Date.now() / 1000) + (how === "expired" ? 1 : 3600);
    const says = { auth: auth("ann", { expiresAt }) };
    const taskId = await world.start("work", {}, says);
    const stream = await Stream.open(world, { taskIds: [taskId] }, says);
    await stream.status("working");
    if (how === "revoked") {
      revoked = true;
      release();
    }
    assert.equal((await stream.last()).result.resultType, "complete");
    assert.deepEqual(stream.statuses(), ["working"]);
    release();
  }
});

test("G26-HTT-06: two servers on one store: a task of the one is told by the other", async () => {
  const folder = await mkdtemp(join(tmpdir(), "listen-"));
  try {
    const file = join(folder, "tasks.db");
    const stores = [new DatabaseSync(file), new DatabaseSync(file)].map((database) => sqliteStore(database));
    const { tools, release } = held();
    {
      await using here = await World.open({ tools, tasks: { ...always, store: stores[0]! } });
      await using there = await World.open({ tools, tasks: { ...always, store: stores[1]! } });
      const taskId = await here.start("work");
      const stream = await Stream.open(there, { taskIds: [taskId] });
      assert.deepEqual(await stream.accepted(), [taskId]);
      await stream.status("working");
      release("from here");
      assert.equal((await stream.status("completed")).result.content[0].text, "from here");
      await stream.last();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("requests that cannot subscribe are not read: the SDK gets them as they came", async () => {
  const tasks = new TaskServer(always);
  const seen: Request[] = [];
  const serve = tasks.fetch({
    fetch: async (request: Request) => (
      seen.push(request), new Response("{}", { headers: { "content-type": "application/json" } })
    ),
  } as never);
  const bodies = { method: "POST", body: "{ not json", headers: { "mcp-method": "tools/call" } };
  for (const init of [{ method: "GET" }, bodies, { ...bodies, headers: { "mcp-method": "subscriptions/listen" } }]) {
    const request = new Request("http://127.0.0.1/mcp", init);
    assert.equal(await (await serve(request)).text(), "{}");
    assert.equal(seen.at(-1), request);
    assert.equal(request.bodyUsed, false);
  }
  await tasks.close();
});
