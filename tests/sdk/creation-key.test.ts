// Creation keys from both ends: a call may be repeated, and its work runs once.
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { TaskClient, TaskServer, isTaskError, memoryStore, type TaskStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeClient } from "./client-sdk.ts";
import { World, auth, latch, text, type Json } from "./harness/g26.ts";
import { attached } from "./harness/servers.ts";

const KEY = "mcp-longhaul/creation-key";
const key = (value: unknown): Json => ({ meta: { [KEY]: value } });
const always = { task: "always" } as const;

/** The same store, asked over a network. */
function slow(inner: TaskStore): TaskStore {
  const later = <T>(run: () => T): Promise<T> =>
    new Promise((resolve, reject) =>
      setTimeout(() => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      }, 5),
    );
  return {
    get: (...values) => later(() => inner.get(...values)) as never,
    put: (...values) => later(() => inner.put(...values)) as never,
    delete: (...values) => later(() => inner.delete(...values)) as never,
    list: (...values) => later(() => inner.list(...values)) as never,
    due: (...values) => later(() => inner.due(...values)) as never,
  };
}

for (const low of [false, true]) {
  const name = low ? "Server" : "McpServer";

  // X-CRE-01
  test(`a repeated call gets the first one's task from either process, and runs nothing (${name})`, async () => {
    let runs = 0;
    const gate = latch();
    const store = slow(memoryStore());
    const options = {
      tools: { work: async () => (runs++, await gate.promise, text("done")), other: () => text("other") },
      tasks: { ...always, store },
      low,
    };
    await using here = await World.open(options);
    await using there = await World.open(options);
    const ada = { auth: auth("ada"), ...key("0123456789abcdef") };
    const [first, second, third] = await Promise.all([
      here.start("work", {}, ada),
      there.start("work", {}, ada),
      here.start("work", {}, ada),
    ]);
    assert.deepEqual([second, third], [first, first]);
    assert.equal(runs, 1);
    assert.equal((await here.call("other", {}, ada)).error?.code, -32602);
    // The key is Ada's.
    assert.notEqual(await here.start("work", {}, { ...ada, auth: auth("bob") }), first);
    assert.equal(runs, 2);
    gate.resolve();
    const done = await there.until(first, "completed", ada);
    assert.deepEqual(done.result.content, text("done").content);
    assert.equal(await there.start("work", {}, ada), first);
    assert.equal(runs, 2);
    // What lists the store sees tasks, and no keys.
    assert.equal((await store.list(JSON.stringify(["https://issuer.test", "ada", ""]), { limit: 10 })).length, 1);
  });
}

test("a creation key that cannot be one is refused by name; where a call stays plain it means nothing", async () => {
  let runs = 0;
  await using world = await World.open({
    tools: { work: () => (runs++, text("done")), plain: () => (runs++, text("plain")) },
    tasks: { ...always, tools: { plain: { task: "never" } } },
  });
  for (const bad of ["short", "x".repeat(129), "sixteen letters and spaces", 17, null, {}, "\ud800".repeat(16)]) {
    const { error } = await world.call("work", {}, key(bad));
    assert.equal(error?.code, -32602);
    assert.match(error?.message ?? "", /mcp-longhaul\/creation-key/);
  }
  assert.equal(runs, 0);
  for (let time = 0; time < 2; time++)
    assert.deepEqual((await world.call("plain", {}, key("0123456789abcdef"))).result.content, text("plain").content);
  assert.equal(runs, 2);
});

test("G26-HTT-07, H10: a caller that is cut off while its task is stored comes back with its key", async () => {
  let runs = 0;
  const gate = latch();
  await using world = await World.open({
    tools: { work: async () => (runs++, await gate.promise, text("done")) },
    tasks: { ...always, store: slow(memoryStore()) },
    way: "http",
  });
  const stop = new AbortController();
  const left = latch();
  world.onleft = () => left.resolve();
  const lost = assert.rejects(world.call("work", {}, { ...key("0123456789abcdef"), signal: stop.signal }));
  setTimeout(() => stop.abort(), 8);
  await lost;
  await left.promise;
  const id = await world.start("work", {}, key("0123456789abcdef"));
  gate.resolve();
  assert.deepEqual((await world.until(id, "completed")).result.content, text("done").content);
  assert.equal(runs, 1);
});

test("a client names its creations: the same call and key find the same task, in both generations", async () => {
  let runs = 0;
  const work = (): Json => (runs++, text("done"));
  await using world = await World.open({ tools: { work }, tasks: always, way: "http" });
  const server = new TaskServer({ ...always, defaults: { support: "required" } });
  for (const kind of ["SDK v2, 2026", "SDK v1"] as const) {
    runs = 0;
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    if (kind === "SDK v1") await attached("v1", server, { work }).connect(theirs as never);
    const host = new TaskClient({ poll: { min: 5 } });
    const client = host.attach(makeClient(kind));
    await client.connect(kind === "SDK v1" ? ours : new StreamableHTTPClientTransport(new URL(world.url)));
    const options = { creationKey: "a-random-key-of-mine" };
    const first = await host.callTool(client, { name: "work", arguments: {} }, options);
    const again = await host.callTool(client, { name: "work", arguments: {} }, options);
    assert.equal(again.taskId, first.taskId);
    assert.deepEqual((await again.result()).content, text("done").content);
    assert.equal(runs, 1);
    await client.close();
  }
  await server.close();
});

test("X-SEC-01: nobody can be the owner of another's keys", async () => {
  await using world = await World.open({
    tools: { work: () => text("done") },
    tasks: { ...always, owner: (info: Json) => info.extra.sub },
  });
  await world.start("work", {}, { auth: auth("ada"), ...key("0123456789abcdef") });
  const { result } = await world.call("work", {}, { auth: auth("\u0001ada") });
  assert.equal(result.resultType, "complete", "no task is made for an owner that begins so");
  assert.equal((await world.get("0123456789abcdef", { auth: auth("\u0001ada") })).error?.code, -32602);
  for (const creationWindow of [0, -1, 1.5, Number.NaN])
    assert.throws(
      () => new TaskServer({ creationWindow }),
      (error) => isTaskError(error) && error.message.includes("creationWindow"),
    );
});
