// What a peer can make grow: nothing that it sends, and no number of requests, stays after them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { TaskServer } from "mcp-longhaul";
import { routeByTask } from "mcp-longhaul/stores/durable-object";
import { Numbers } from "../../pkg-template/src/numbers.ts";
import { World, latch, text as modern } from "./harness/g26.ts";
import { create, initialize } from "./harness/g25.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { KINDS, attached, text } from "./harness/servers.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** The memories of all cores; they never shrink. */
const memories: WebAssembly.Memory[] = [];
const { Instance } = WebAssembly;
// biome-ignore lint/complexity/useArrowFunction: it is called with `new`.
WebAssembly.Instance = function (module: WebAssembly.Module, imports: WebAssembly.Imports) {
  const made = new Instance(module, imports);
  for (const value of Object.values(made.exports)) if (value instanceof WebAssembly.Memory) memories.push(value);
  return made;
} as never;
const coreBytes = (): number => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);

function heap(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

for (const kind of KINDS) {
  test(`requests that are cancelled before the SDK answers them leave nothing behind (${kind})`, async () => {
    const requester = await PipeRequester.to(
      attached(kind, new TaskServer({ task: "always" }), { work: () => text("x") }),
      kind.startsWith("v1") ? "v1" : "v2",
    );
    await initialize(requester);
    const flood = async (from: number, count: number): Promise<void> => {
      for (let number = from; number < from + count; number++) {
        const id = `${"x".repeat(500)}${number}`;
        await requester.send({ jsonrpc: "2.0", id, method: "tools/list", params: {} });
        await requester.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
        requester.frames.all.length = 0;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await flood(0, 2000);
    const before = heap();
    await flood(2000, 8000);
    // Their ids alone would be 4 MB.
    assert.ok(heap() - before < 2_000_000, `${heap() - before} bytes`);
    assert.ok((await requester.request("tools/list")).result.tools.length > 0);
    await requester.close();
  });
}

test("X-LIM-02: no text of a peer stays in the core's memory: names, ids, keys, cursors", async () => {
  const long = "n".repeat(3_000_000);
  const tasks = new TaskServer({ task: "always", limits: { rate: false } });
  const requester = await PipeRequester.to(
    attached("v1-low", tasks, { work: () => latch().promise as never, [long]: () => latch().promise as never }),
  );
  await initialize(requester);
  await using world = await World.open({
    tools: { work: () => latch().promise },
    tasks: { task: "always", limits: { rate: false } },
  });
  const { taskId } = await create(requester, "work");
  const id = await world.start("work");
  const before = coreBytes();
  assert.ok(before > 0);
  for (let round = 0; round < 5; round++) {
    const call = await requester.request("tools/call", { name: long, arguments: {}, task: {} });
    assert.equal(call.error?.code, -32602);
    assert.equal((await requester.request("tasks/get", { taskId: long })).error?.code, -32602);
    assert.equal((await requester.request("tasks/list", { cursor: long })).error?.code, -32602);
    assert.equal((await requester.request(`tasks/${long}`, { taskId })).error?.code, -32601);
    assert.ok((await world.update(id, { [long]: { action: "decline" } })).result);
    assert.equal((await world.get(long)).error?.code, -32602);
    const many = Object.fromEntries(
      Array.from({ length: 60_000 }, (_, key) => [`unknown-${round}-${key}`, { action: "decline" }]),
    );
    assert.equal((await world.update(id, many as never)).error?.code, -32602);
    const keyed = { meta: { "mcp-longhaul/creation-key": long } };
    assert.equal((await world.call("work", {}, keyed)).error?.code, -32602);
  }
  assert.ok(coreBytes() - before < 1_000_000, `${coreBytes() - before} bytes`);
  await requester.close();
});

test("a platform that waits for running tasks is given one promise for all requests", async () => {
  const work = latch();
  await using world = await World.open({
    tools: { work: () => work.promise.then(() => modern("x")) },
    tasks: { task: "always" },
  });
  const id = await world.start("work");
  const waits: Promise<unknown>[] = [];
  const serve = world.tasks.fetch({ fetch: async () => new Response("ok") });
  for (let request = 0; request < 3; request++)
    await serve(new Request("http://127.0.0.1/"), {}, { waitUntil: (promise) => void waits.push(promise) });
  assert.equal(new Set(waits).size, 1);
  work.resolve();
  await waits[0];
  assert.equal((await world.get(id)).result.status, "completed");
});

test("X-LIM-02: routing by task reads no more of a body than a server would", async () => {
  let pulled = 0;
  const chunk = new TextEncoder().encode(" ".repeat(65_536));
  const body = (chunks: number) =>
    new ReadableStream({ pull: (controller) => (pulled++ < chunks ? controller.enqueue(chunk) : controller.close()) });
  let seen = 0;
  const object = {
    fetch: async (request: Request) => ((seen = pulled), await request.body?.cancel(), new Response("ok")),
  };
  const namespace = { idFromName: (name: string) => ({ name }), idFromString: () => ({}), get: () => object };
  const send = (init: RequestInit) =>
    routeByTask(
      new Request("http://127.0.0.1/", { method: "POST", duplex: "half", ...init } as RequestInit),
      namespace,
    );
  assert.equal((await send({ body: body(1600) })).status, 200);
  // 4 MiB, and what streams read ahead.
  assert.ok(seen <= 80, `${seen} pieces of 64 KiB`);
  pulled = 0;
  await send({ body: body(1600), headers: { "content-length": String(1600 * 65_536) } });
  assert.ok(seen <= 4, `${seen} pieces of 64 KiB`);
});

test("numbers come round, and leave out what lives", () => {
  const living = new Set([1, 2, 4]);
  const numbers = new Numbers((number) => living.has(number), { first: 1, last: 2 ** 31 - 1 }, 2 ** 31 - 3);
  const given = [numbers.next(), numbers.next(), numbers.next(), numbers.next()];
  assert.deepEqual(given, [2 ** 31 - 2, 2 ** 31 - 1, 3, 5]);
});

test("a platform whose `waitUntil` throws gets its response all the same", async () => {
  const errors: unknown[] = [];
  const serve = new TaskServer({ onerror: (error) => errors.push(error) }).fetch({
    fetch: async () => new Response("ok"),
  });
  const context = {
    waitUntil: () => {
      throw new Error("the request has ended");
    },
  };
  assert.equal(await (await serve(new Request("http://127.0.0.1/"), {}, context)).text(), "ok");
  assert.match(String(errors), /waitUntil/);
});
