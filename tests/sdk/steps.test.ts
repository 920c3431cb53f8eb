// Steps of handlers: a handler that runs again passes over what is done.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, describe, it, test } from "node:test";
import { TaskServer, type RunningTask, type TaskServerOptions, isTaskError, memoryStore } from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { trapOnce } from "./harness/trap.ts";
import { until } from "./harness/frames.ts";
import { create, initialize, result } from "./harness/g25.ts";
import { World, accept, buildServer, form, text, type Json, type Tool } from "./harness/g26.ts";
import { mortal } from "./harness/mortal.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { KINDS, attached, makeServer } from "./harness/servers.ts";
import { inputRequired } from "@modelcontextprotocol/server";
import * as core from "../../pkg-template/src/wasm/generated/server.js";

const LEASE = 1_000;
const RESTART = { task: "always", onLost: "restart", ttl: null } as const;
const never = (): Promise<never> => new Promise(() => {});

/** Runs `first` until it hangs, loses its process, and runs `second` instead; what the task ends with. */
async function twice(
  t: TestContext,
  first: (task: RunningTask) => unknown,
  second: (task: RunningTask) => unknown,
  options: TaskServerOptions = {},
): Promise<Json> {
  const shared = memoryStore();
  const { store, die } = mortal(shared);
  let reached = false;
  const one: World = await World.open({
    tools: {
      work: async (_, ctx) => {
        await first(one.tasks.current(ctx)!);
        reached = true;
        return never();
      },
    },
    tasks: { defaults: RESTART, lease: LEASE, ...options, store },
  });
  t.after(() => one.close());
  const id = await one.start("work");
  await until(() => reached, "the first run has come so far");
  die();
  const tools: Record<string, Tool> = { work: (_, ctx) => second(tasks.current(ctx)!) };
  const tasks = new TaskServer({
    defaults: RESTART,
    lease: LEASE,
    ...options,
    store: shared,
    server: () => buildServer({ tools }),
  });
  t.after(() => tasks.close());
  tasks.start();
  await using two = await World.open({ tools, server: tasks });
  return await two.until(id, ["completed", "failed"]);
}

test("a handler that runs again passes over the steps that are done", async (t) => {
  const done: string[] = [];
  const work = (last: () => unknown) => async (task: RunningTask) => {
    const one = await task.step("fetch", () => (done.push("fetch"), { rows: [1, undefined], at: new Date(0) }));
    const nothing = await task.step("clean", () => void done.push("clean"));
    const [left, right] = await Promise.all([
      task.step("left", async () => (done.push("left"), "l")),
      task.step("right", () => (done.push("right"), "r")),
    ]);
    return text(JSON.stringify([one, nothing === undefined, left, right, await last()]));
  };
  const task = await twice(
    t,
    work(() => undefined),
    async (running) => work(() => running.step("send", () => (done.push("send"), "sent")))(running),
  );
  assert.deepEqual(JSON.parse(task.result.content[0].text), [
    { rows: [1, null], at: "1970-01-01T00:00:00.000Z" },
    true,
    "l",
    "r",
    "sent",
  ]);
  assert.deepEqual(done, ["fetch", "clean", "left", "right", "send"]);
});

test("every run sees the same value, and may change what it was given", async (t) => {
  const seen: unknown[] = [];
  const work = async (task: RunningTask) => {
    const value = await task.step("x", () => ({ list: [new Date(0)] as unknown[] }));
    seen.push(structuredClone(value));
    value.list.push("mine");
    return text("done");
  };
  await twice(t, work, work);
  assert.deepEqual(seen, [{ list: ["1970-01-01T00:00:00.000Z"] }, { list: ["1970-01-01T00:00:00.000Z"] }]);
});

test("a step of another name fails the task, and says what has changed", async (t) => {
  const task = await twice(
    t,
    async (running) => {
      await running.step("fetch", () => 1);
      await running.step("clean", () => 2);
    },
    async (running) => {
      await running.step("fetch", () => 1);
      const wrong = await running.step("scrub", () => 3).then(undefined, (error: unknown) => error);
      assert.ok(isTaskError(wrong) && wrong.code === "changed" && wrong.taskId === running.taskId);
      throw wrong;
    },
  );
  assert.match(JSON.stringify(task.result), /Step 2 of this task was \\"clean\\" .* and is \\"scrub\\" now/);
});

test("steps are sealed, and go with the outcome", async (t) => {
  const texts: string[] = [];
  await twice(
    t,
    (task) => task.step("secret", () => "quiet"),
    async (task) => text(String(await task.step("secret", () => "again"))),
    {
      payloads: {
        seal: (plain) => (texts.push(plain), Buffer.from(plain).toString("base64")),
        open: (sealed) => Buffer.from(sealed, "base64").toString(),
      },
    },
  ).then((task) => assert.equal(task.result.content[0].text, "quiet"));
  assert.ok(texts.some((plain) => plain.includes('"st:1":{"name":"secret","value":"quiet"}')));
  assert.ok(!texts.at(-1)!.includes("st:1"));
});

test("steps are kept over the rounds of a handler that ends with questions", async () => {
  let fetched = 0;
  const world: World = await World.open({
    tools: {
      work: async (_, ctx) => {
        const rows = await world.tasks.current(ctx)!.step("fetch", () => ++fetched);
        const answers: Json = ctx.mcpReq.inputResponses;
        if (answers === undefined)
          return inputRequired({ inputRequests: { who: form("?", { name: { type: "string" } }) as never } });
        return text(`${rows} for ${answers.who.content.name}`);
      },
    },
    tasks: { defaults: { task: "always" } },
  });
  await using _ = world;
  const id = await world.start("work");
  const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
  await world.update(id, { [key]: accept({ name: "ann" }) });
  assert.equal((await world.until(id, "completed")).result.content[0].text, "1 for ann");
});

for (const kind of KINDS) {
  test(`2025-11-25 on ${kind}: a handler that runs again passes over its steps`, async (t) => {
    const db = new DatabaseSync(":memory:");
    const shared = sqliteStore(db);
    const { store, die } = mortal(shared);
    let runs = 0;
    const one = new TaskServer({ defaults: RESTART, lease: LEASE, store });
    let reached = false;
    const work =
      (tasks: () => TaskServer, then: () => unknown) =>
      async (_: unknown, { context }: any) => {
        const value = await tasks()
          .current(context)!
          .step("count", () => ++runs);
        return (await then()) ?? text(String(value));
      };
    const line = kind.startsWith("v1") ? "v1" : "v2";
    const hangs = work(
      () => one,
      () => ((reached = true), never()),
    );
    const requester = await PipeRequester.to(attached(kind, one, { work: hangs }), line);
    await initialize(requester);
    const { taskId } = await create(requester, "work");
    await until(() => reached, "the step is kept");
    die();
    const ends = work(
      () => tasks,
      () => undefined,
    );
    const tasks = new TaskServer({
      defaults: RESTART,
      lease: LEASE,
      store: shared,
      server: () => makeServer(kind, tasks, { work: ends }),
    });
    tasks.start();
    const other = await PipeRequester.to(attached(kind, tasks, { work: ends }), line);
    t.after(() => Promise.all([one.close(), tasks.close(), requester.close(), other.close()]));
    await initialize(other);
    assert.deepEqual((await result(other, taskId)).result.content, text("1").content);
    assert.equal(runs, 1);
  });
}

/** What `work` leads to as a task, on one server. */
async function once(work: (task: RunningTask, world: World) => unknown, tasks: TaskServerOptions = {}): Promise<Json> {
  const world: World = await World.open({
    tools: { work: async (_, ctx) => work(world.tasks.current(ctx)!, world) },
    tasks: { defaults: { task: "always" }, ...tasks },
  });
  await using _ = world;
  const id = await world.start("work");
  return await world.until(id, ["completed", "failed"]);
}

const codeOf = (step: Promise<unknown>): Promise<unknown> =>
  step.then(
    (value) => value,
    (error: unknown) => (isTaskError(error) ? error.code : error),
  );

describe("what is no step", () => {
  test("wrong arguments and values are refused, and name what is wrong", async () => {
    const seen: unknown[] = [];
    await once(async (task) => {
      const step = task.step as (...wrong: unknown[]) => Promise<unknown>;
      for (const wrong of [[], ["x"], ["", () => 1], [7, () => 1], ["x".repeat(1025), () => 1], ["x", "y"]])
        seen.push(await codeOf(step(...wrong)));
      const loop: Json = {};
      loop.loop = loop;
      for (const value of [7n, loop]) seen.push(await codeOf(task.step("x", () => value)));
      seen.push(await codeOf(task.step("x", () => Promise.reject(new RangeError("mine")))));
      return text("done");
    });
    assert.deepEqual(seen.slice(0, 8), Array(8).fill("invalid_argument"));
    assert.ok(seen[8] instanceof RangeError);
  });

  test("a step that fails is not kept, and can be taken again", async (t) => {
    let tries = 0;
    const work = async (task: RunningTask) => {
      for (;;) {
        try {
          return text(String(await task.step("try", () => (++tries < 3 ? Promise.reject(new Error()) : tries))));
        } catch {
          // Again.
        }
      }
    };
    assert.equal((await twice(t, work, work)).result.content[0].text, "3");
    assert.equal(tries, 3);
  });

  test("X-LIM-04: what is too long is refused, and the task goes on", async () => {
    const task = await once(
      async (running) => {
        const code = await codeOf(running.step("big", () => "x".repeat(3_000)));
        return text(`${code}, ${await running.step("small", () => "y")}`);
      },
      { limits: { resultBytes: 1_000 } },
    );
    assert.equal(task.result.content[0].text, "limit, y");
  });

  test("a call that is no task takes its steps, and keeps nothing", async () => {
    const store = memoryStore();
    const world: World = await World.open({
      tools: {
        work: async (_, ctx) => text(String(await world.tasks.current(ctx)!.step("x", () => 7))),
      },
      tasks: { defaults: { task: "handler" }, store },
    });
    await using _ = world;
    const answer = await world.call("work", {});
    assert.equal(answer.result.content[0].text, "7");
    assert.equal((await store.due(Number.MAX_SAFE_INTEGER, 10)).length, 0);
  });
});

test("a step of a cancelled task leads nowhere, and the next is not begun", async () => {
  const codes: unknown[] = [];
  let begun = false;
  let over = false;
  const world: World = await World.open({
    tools: {
      work: async (_, ctx) => {
        const task = world.tasks.current(ctx)!;
        const step = task.step("long", async () => {
          begun = true;
          await until(() => task.signal.aborted, "it is cancelled");
        });
        codes.push(await codeOf(step), await codeOf(task.step("next", () => assert.fail("it has begun"))));
        over = true;
        return text("late");
      },
    },
    tasks: { defaults: { task: "always" } },
  });
  await using _ = world;
  const id = await world.start("work");
  await until(() => begun, "the step begins");
  await world.cancel(id);
  await until(() => over, "the handler has ended");
  assert.deepEqual(codes, ["cancelled", "cancelled"]);
});

it("a trap of the core while a step is stored loses neither", async () => {
  const task = await once(
    async (running) => {
      const undo = trapOnce(core.step);
      try {
        return text(String(await running.step("x", () => "kept")));
      } finally {
        undo();
      }
    },
    { onerror: () => {} },
  );
  assert.equal(task.result.content[0].text, "kept");
});
