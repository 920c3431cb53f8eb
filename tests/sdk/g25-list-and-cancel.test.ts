// 2025-11-25: tasks/list and tasks/cancel.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gate, settle, until } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { cancel, create, get, initialize, reaches, result } from "./harness/g25.ts";
import { KINDS, attached, text } from "./harness/servers.ts";
import { PipeRequester } from "./harness/pipe.ts";

describe("tasks/list", () => {
  // G25-LST-01 G25-LST-02 (part) G25-LST-06
  it("250 tasks come in pages, each once, in the order of creation", async (t) => {
    const { requester } = await world(t, "v1", { quick: () => text("") }, { limits: { runningPerOwner: 300 } });
    const made: string[] = [];
    for (let n = 0; n < 250; n++) made.push((await create(requester, "quick")).taskId);
    const seen: string[] = [];
    let cursor: string | undefined;
    const sizes: number[] = [];
    do {
      const { result: page } = await requester.request("tasks/list", cursor === undefined ? {} : { cursor });
      sizes.push(page.tasks.length);
      seen.push(...page.tasks.map((task: any) => task.taskId));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    assert.deepEqual(sizes, [100, 100, 50]);
    assert.deepEqual([...seen].sort(), [...made].sort());
    assert.equal(new Set(seen).size, 250);
  });

  it("G25-LST-05 (part) H34 (part) G25-ERR-02 (part): a cursor of nobody's is refused", async (t) => {
    const { requester } = await world(t, "v2", { quick: () => text("") }, { limits: { pageSize: 2 } });
    for (let n = 0; n < 5; n++) await create(requester, "quick");
    const { result: page } = await requester.request("tasks/list");
    const bad = page.nextCursor.at(-1) === "A" ? "B" : "A";
    for (const cursor of [
      "",
      "x",
      5,
      null,
      {},
      page.tasks[0].taskId,
      page.nextCursor.slice(0, -1) + bad,
      `${page.nextCursor}A`,
    ]) {
      assert.equal((await requester.request("tasks/list", { cursor })).error?.code, -32602, JSON.stringify(cursor));
    }
    assert.equal((await requester.request("tasks/list", { cursor: page.nextCursor })).result.tasks.length, 2);
  });

  it("G25-LST-04 (part) X-SEC-01 (part): two owners see their own", async (t) => {
    const { requester, tasks } = await world(
      t,
      "v1",
      { quick: () => text("") },
      { owner: (auth: any) => auth?.who ?? "" },
    );
    const other = await PipeRequester.to(attached("v1", tasks, { quick: () => text("") }), "v1", { who: "bob" });
    requester.authInfo = { who: "alice" };
    await initialize(other);
    const hers = (await create(requester, "quick")).taskId;
    const his = (await create(other, "quick")).taskId;
    assert.deepEqual(
      (await requester.request("tasks/list")).result.tasks.map((task: any) => task.taskId),
      [hers],
    );
    assert.deepEqual(
      (await other.request("tasks/list")).result.tasks.map((task: any) => task.taskId),
      [his],
    );
    await other.close();
  });
});

for (const kind of KINDS) {
  describe(`tasks/cancel on ${kind}`, () => {
    it("G25-CAN-02 G25-CAN-03 (part): cancelled in the store, then answered; the handler's signal fires", async (t) => {
      const stopped = gate<string>();
      const { requester, store, events } = await world(t, kind, {
        slow: (_args, { signal, task }) =>
          new Promise((_resolve, reject) => {
            const reasons = new Set<string>();
            const stop = (which: string) => {
              reasons.add(which);
              if (reasons.size === 2) stopped.open([...reasons].join());
              reject(new Error("stopped"));
            };
            signal.addEventListener("abort", () => stop("the SDK's"));
            task!.signal.addEventListener("abort", () => stop("the task's"));
          }),
      });
      const { taskId } = await create(requester, "slow");
      await settle();
      const put = store.holdPut();
      const id = requester.nextId();
      const answer = requester.request("tasks/cancel", { taskId }, id);
      const written = await put.came;
      assert.equal(written.version, 2);
      await settle(20);
      assert.equal(requester.frames.fromServer((message) => message.id === id).length, 0);
      put.release();
      const { result: task } = await answer;
      assert.equal(task.status, "cancelled");
      assert.equal(task.taskId, taskId);
      assert.match(await stopped.promise, /SDK.*task|task.*SDK/);
      assert.deepEqual((await get(requester, taskId)).result, task);
      assert.equal(events.filter(({ type }) => type === "cancelled").length, 1);
    });

    it("G25-CAN-04 (part) G25-ERR-02 (part): the end is the end, for a second cancel too", async (t) => {
      const { requester } = await world(t, kind, {
        quick: () => text(""),
        bad: () => ({ ...text(""), isError: true }),
        slow: () => new Promise(() => {}),
      });
      const done = await create(requester, "quick");
      await reaches(requester, done.taskId, "completed");
      const failed = await create(requester, "bad");
      await reaches(requester, failed.taskId, "failed");
      const slow = await create(requester, "slow");
      assert.equal((await cancel(requester, slow.taskId)).result.status, "cancelled");
      for (const { taskId } of [done, failed, slow])
        assert.equal((await cancel(requester, taskId)).error?.code, -32602);
    });

    it("G25-CAN-05 H04 a handler that ignores its signal ends for nobody", async (t) => {
      let go = gate();
      const { requester, events } = await world(t, kind, {
        stubborn: () => go.promise.then(() => text("late")),
        thrower: () => go.promise.then(() => Promise.reject(new Error("late"))),
      });
      for (const name of ["stubborn", "thrower"]) {
        go = gate();
        const { taskId } = await create(requester, name);
        await settle();
        const { result: cancelled } = await cancel(requester, taskId);
        go.open();
        await settle(20);
        assert.deepEqual((await get(requester, taskId)).result, cancelled);
        assert.equal((await result(requester, taskId)).error?.data.status, "cancelled");
      }
      assert.equal(events.filter(({ type }) => type === "completed" || type === "failed").length, 0);
      // Where the handler's end can be seen, it is told.
      if (!kind.endsWith("low")) assert.equal(events.filter(({ type }) => type === "late_outcome").length, 1);
    });

    it('H37 a task whose call had the id 0 or "" is cancelled like any other', async (t) => {
      for (const id of [0, ""]) {
        const stopped = gate();
        const { requester } = await world(t, kind, {
          slow: (_args, { signal }) =>
            new Promise((_resolve, reject) =>
              signal.addEventListener("abort", () => (stopped.open(), reject(new Error("stopped")))),
            ),
        });
        const created = await requester.request("tools/call", { name: "slow", arguments: {}, task: {} }, id);
        await settle();
        assert.equal(
          (await requester.request("tasks/cancel", { taskId: created.result.task.taskId }, id)).result.status,
          "cancelled",
        );
        await stopped.promise;
        // A plain call too.
        void requester.request("tools/call", { name: "slow", arguments: {} }, id).catch(() => {});
        await settle();
        await requester.notify("notifications/cancelled", { requestId: id });
        await settle();
        assert.equal(requester.frames.fromServer((message) => message.id === id).length, 2);
      }
    });

    it('X-LIM-09 (part): ids 1 and "1" are two calls', async (t) => {
      const gates = { number: gate(), text: gate() };
      const { requester } = await world(t, kind, {
        slow: ({ which }: { which: "number" | "text" }) => gates[which].promise.then(() => text(which)),
      });
      const one = requester.request("tools/call", { name: "slow", arguments: { which: "number" } }, 1);
      const two = requester.request("tools/call", { name: "slow", arguments: { which: "text" }, task: {} }, "1");
      const { taskId } = (await two).result.task;
      gates.number.open();
      assert.deepEqual((await one).result.content, text("number").content);
      assert.equal((await get(requester, taskId)).result.status, "working");
      gates.text.open();
      assert.deepEqual((await result(requester, taskId)).result.content, text("text").content);
    });
  });
}

it("H28 X-STO-08 (part): a handler outlives its connection, and another connection finds its outcome", async (t) => {
  for (const kind of KINDS) {
    const go = gate();
    const { requester, tasks } = await world(t, kind, { slow: () => go.promise.then(() => text("survived")) });
    const { taskId } = await create(requester, "slow");
    await settle();
    await requester.close();
    await settle();
    const other = await PipeRequester.to(attached(kind, tasks, {}), kind.startsWith("v1") ? "v1" : "v2");
    await initialize(other);
    assert.equal((await get(other, taskId)).result.status, "working");
    const waiting = result(other, taskId);
    go.open();
    assert.deepEqual((await waiting).result.content, text("survived").content, kind);
    await other.close();
  }
});

it("X-SEC-09 (part): each event is told once, with the id cut short", async (t) => {
  const { requester, events } = await world(t, "v1", {
    quick: () => text(""),
    bad: () => ({ ...text(""), isError: true }),
    slow: () => new Promise(() => {}),
    note: (_args, { task }) => task!.status("half way").then(() => text("")),
  });
  const ids: string[] = [];
  for (const name of ["quick", "bad", "slow", "note"]) {
    const { taskId } = await create(requester, name);
    ids.push(taskId);
    if (name === "slow") await cancel(requester, taskId);
    await reaches(requester, taskId, "completed", "failed", "cancelled");
    await result(requester, taskId);
  }
  const told = (id: string) =>
    events.filter((event) => id.startsWith(event.taskId.slice(0, -1))).map(({ type }) => type);
  assert.deepEqual(told(ids[0]!), ["created", "started", "completed", "stopped", "retrieved"]);
  // A tool's own error completes its task; only the wire of 2025-11-25 calls it failed.
  assert.deepEqual(told(ids[1]!), ["created", "started", "completed", "stopped", "retrieved"]);
  assert.deepEqual(told(ids[2]!), ["created", "started", "cancelled", "stopped", "retrieved"]);
  assert.deepEqual(told(ids[3]!), ["created", "started", "status", "completed", "stopped", "retrieved"]);
  for (const event of events) {
    assert.ok(event.taskId.length <= 8 && !ids.includes(event.taskId));
    assert.equal(event.owner, "");
  }
  await until(() => events.length >= 21, "all events");
});
