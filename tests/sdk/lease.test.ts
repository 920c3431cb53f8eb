// Leases between servers that share a store in one process: where a task runs again, and what a shutdown does to those
// who wait.
import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { inputRequired } from "@modelcontextprotocol/server";
import { TaskServer, type TaskServerOptions, memoryStore } from "mcp-longhaul";
import { settle, until } from "./harness/frames.ts";
import { FORM, YES, create, get, initialize, result } from "./harness/g25.ts";
import { World, accept, auth, buildServer, form, type Json, type Tool } from "./harness/g26.ts";
import { HttpRequester, statefulV1 } from "./harness/http.ts";
import { mortal } from "./harness/mortal.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { KINDS, attached, makeServer, text } from "./harness/servers.ts";

const LEASE = 1_000;

function taskServer(t: TestContext, options: TaskServerOptions): { tasks: TaskServer; events: string[] } {
  const events: string[] = [];
  const tasks = new TaskServer({
    defaults: { task: "always", onLost: "restart", ttl: null },
    lease: LEASE,
    onevent: ({ type }) => events.push(type),
    ...options,
  });
  t.after(() => tasks.close());
  return { tasks, events };
}

// X-STO-05 (part)
it("a task that was lost before a server begins, on a synchronous store, runs again there and ends", async (t) => {
  const shared = memoryStore();
  const { store, die } = mortal(shared);
  const work = () => new Promise<never>(() => {});
  const one = new TaskServer({ defaults: { task: "always", onLost: "restart", ttl: null }, lease: LEASE, store });
  const requester = await PipeRequester.to(attached("v2", one, { work }), "v2");
  await initialize(requester);
  const { taskId } = await create(requester, "work");
  die();
  await new Promise((resolve) => setTimeout(resolve, LEASE + 100));
  const { tasks, events } = taskServer(t, {
    store: shared,
    server: () => makeServer("v2", tasks, { work: () => text("done") }),
  });
  tasks.start();
  await until(() => events.includes("completed"), "the task ends");
  assert.deepEqual(events, ["restarted", "started", "completed", "stopped"]);
  const other = await PipeRequester.to(attached("v2", tasks, { work }), "v2");
  await initialize(other);
  assert.deepEqual((await result(other, taskId)).result.content, text("done").content);
});

for (const kind of KINDS) {
  describe(`2025-11-25 on ${kind}`, () => {
    it("X-STO-05 a task runs again without a connection, and asks who comes for it", async (t) => {
      const shared = memoryStore();
      const { store, die } = mortal(shared);
      const runs: unknown[] = [];
      const work = async (args: any, { ask, context }: any) => {
        runs.push(context.authInfo ?? context.http?.authInfo);
        return text(`${args.name}: ${(await ask("elicitation/create", FORM)).content.yes}`);
      };
      const one = new TaskServer({ defaults: { task: "always", onLost: "restart", ttl: null }, lease: LEASE, store });
      const requester = await PipeRequester.to(attached(kind, one, { work }), kind.startsWith("v1") ? "v1" : "v2");
      await initialize(requester);
      const { taskId } = await create(requester, "work", { name: "paint" });
      die();
      const { tasks, events } = taskServer(t, { store: shared, server: () => makeServer(kind, tasks, { work }) });
      tasks.start();
      await until(() => events.includes("input_required"), "the task runs again and asks");
      assert.deepEqual(runs, [undefined, undefined]);
      const other = await PipeRequester.to(attached(kind, tasks, { work }), kind.startsWith("v1") ? "v1" : "v2");
      t.after(() => Promise.all([one.close(), requester.close(), other.close()]));
      await initialize(other);
      assert.equal((await get(other, taskId)).result.status, "input_required");
      const waiting = result(other, taskId);
      const question = await other.asked("elicitation/create");
      await other.respond(question.id, { result: YES });
      assert.equal((await waiting).result.content[0].text, "paint: true");
    });
  });
}

for (const low of [false, true]) {
  it(`X-STO-05: both styles of asking work in a task that runs alone again (v2${low ? "-low" : ""})`, async (t) => {
    const shared = memoryStore();
    const { store, die } = mortal(shared);
    const name = { name: { type: "string" } };
    let dead = false;
    const tools = (tasks: () => TaskServer): Record<string, Tool> => ({
      asks: async (_, ctx) => text(((await tasks().current(ctx)!.requireInput(form("?", name))) as Json).content.name),
      ends: async (_, ctx) => {
        const answers: Json = ctx.mcpReq.inputResponses;
        if (!dead) await new Promise(() => {});
        if (answers === undefined)
          return inputRequired({ inputRequests: { who: form("?", name) as never }, requestState: "kept" });
        return text(`${answers.who.content.name} ${ctx.mcpReq.requestState()}`);
      },
    });
    const one: World = await World.open({
      tools: tools(() => one.tasks),
      tasks: { defaults: { task: "always", onLost: "restart" }, lease: LEASE, store },
      low,
    });
    const ids = [await one.start("asks"), await one.start("ends")];
    die();
    dead = true;
    const { tasks, events } = taskServer(t, {
      store: shared,
      server: () => buildServer({ tools: tools(() => tasks), low }),
    });
    tasks.start();
    await until(() => events.filter((type) => type === "input_required").length === 2, "both ask");
    t.after(() => one.close());
    await using two = await World.open({ tools: tools(() => tasks), server: tasks, low });
    for (const id of ids) {
      const [key] = Object.keys((await two.until(id, "input_required")).inputRequests) as [string];
      await two.update(id, { [key]: accept({ name: "x" }) });
    }
    const texts = [];
    for (const id of ids) texts.push((await two.until(id, "completed")).result.content[0].text);
    assert.deepEqual(texts, ["x", "x kept"]);
  });
}

// X-SEC-01 (part)
it("a task runs again on its owner's connection and authorization, never on a stranger's", async (t) => {
  const shared = memoryStore();
  const { store, die } = mortal(shared);
  const subjects: unknown[] = [];
  let dead = false;
  const work = async (_: unknown, { context }: any) => {
    subjects.push(context.authInfo?.extra?.sub);
    if (!dead) await new Promise(() => {});
    return text("done");
  };
  const one = new TaskServer({ defaults: { task: "always", onLost: "restart" }, lease: LEASE, store });
  const first = await PipeRequester.to(attached("v1", one, { work }), "v1", auth("ann"));
  await initialize(first);
  const { taskId } = await create(first, "work");
  die();
  dead = true;
  const { tasks, events } = taskServer(t, { store: shared });
  const bob = await PipeRequester.to(attached("v1", tasks, { work }), "v1", auth("bob"));
  const ann = await PipeRequester.to(attached("v1", tasks, { work }), "v1", auth("ann"));
  t.after(() => Promise.all([one, first, bob, ann].map((closable) => closable.close())));
  await Promise.all([initialize(bob), initialize(ann)]);
  assert.equal((await get(bob, taskId)).error?.code, -32602);
  await until(() => shared.due(Date.now(), 1).length === 1, "the lease is over");
  await new Promise((resolve) => setTimeout(resolve, 2 * LEASE));
  assert.deepEqual(events, [], "whom the task belongs to has not come yet");
  assert.equal((await result(ann, taskId)).result.content[0].text, "done");
  assert.deepEqual(subjects, ["ann", "ann"]);
});

describe("X-STO-11 who waits for a task when its server closes", () => {
  it("has no answer, and loses the connection where that is one stream", async (t) => {
    const { tasks } = taskServer(t, {});
    const requester = await PipeRequester.to(attached("v1", tasks, { hold: () => new Promise(() => {}) }), "v1");
    await initialize(requester);
    const { taskId } = await create(requester, "hold");
    let closed = false;
    requester.onclose = () => void (closed = true);
    result(requester, taskId).catch(() => {});
    await settle();
    const before = requester.frames.all.length;
    await tasks.close();
    await until(() => closed, "the connection closes");
    assert.deepEqual(requester.frames.all.slice(before), []);
  });

  it("has no answer, and loses the stream of its request over HTTP", async (t) => {
    const { tasks } = taskServer(t, { defaults: { task: "always", onLost: "fail" } });
    const server = await statefulV1(() => attached("v1", tasks, { hold: () => new Promise(() => {}) }));
    t.after(() => server.close());
    const requester = new HttpRequester(server.url);
    await initialize(requester);
    const { taskId } = await create(requester, "hold");
    const id = requester.nextId();
    const response = await fetch(server.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...requester.headers,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id, method: "tasks/result", params: { taskId } }),
    });
    const body = response.text();
    await settle();
    await tasks.close();
    assert.doesNotMatch(await body, /"error"|"result"/);
    // The session itself is not ours to end, and says how the task ended.
    assert.equal((await get(requester, taskId)).result.status, "failed");
  });
});

it("X-STO-05: wrong options are named", () => {
  for (const lease of [0, 999, 1.5, Number.NaN, 1e9]) assert.throws(() => new TaskServer({ lease }), /`lease` must be/);
  for (const clockSkew of [-1, 1.5, Number.NaN])
    assert.throws(() => new TaskServer({ clockSkew }), /`clockSkew` must be/);
  assert.throws(() => new TaskServer({ server: {} as never }), /`server` must be/);
  assert.throws(
    () => new TaskServer({ tools: { a: { onLost: "retry" as never } } }),
    /`tools\.a\.onLost` must be "fail" or "restart"/,
  );
  assert.throws(
    () => new TaskServer({ tools: { a: { restarts: 0 } } }),
    /`tools\.a\.restarts` must be a positive whole number/,
  );
});
