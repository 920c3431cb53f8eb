// 2025-11-25: how a call becomes a task, and what is left behind when it does not.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as z from "zod";
import { gate, settle, until } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { augmented, cancel, create, get, reaches, result } from "./harness/g25.ts";
import { GATED, KINDS, text } from "./harness/servers.ts";

for (const kind of KINDS) {
  describe(`creation on ${kind}`, () => {
    it("G25-CRE-02 G25-CRE-03 G25-CRE-06 answers with the handle while the work goes on", async (t) => {
      const go = gate();
      const { requester } = await world(t, kind, { slow: () => go.promise.then(() => text("done")) });
      const { result: handle } = await augmented(requester, "slow");
      assert.deepEqual(Object.keys(handle), ["task"]);
      assert.equal(handle.task.status, "working");
      assert.equal(typeof handle.task.ttl, "number");
      assert.equal((await get(requester, handle.task.taskId)).result.status, "working");
      go.open();
      await reaches(requester, handle.task.taskId, "completed");
    });

    // G25-CRE-04 (part) G25-RES-02 (part) H44 H45
    it("a handle says working even where the work is over, or threw at once", async (t) => {
      const { requester } = await world(t, kind, {
        quick: () => text("quick"),
        bad: () => {
          throw new Error("at once");
        },
      });
      assert.equal((await create(requester, "quick")).status, "working");
      const bad = await create(requester, "bad");
      assert.equal(bad.status, "working");
      assert.equal((await reaches(requester, bad.taskId, "failed")).status, "failed");
    });

    it("G25-CRE-09 the task is stored before its handle leaves", async (t) => {
      const { requester, store } = await world(t, kind, { quick: () => text("quick") });
      const put = store.holdPut();
      const id = requester.nextId();
      const answer = augmented(requester, "quick", {}, {}, undefined, id);
      await put.came;
      await settle(20);
      assert.equal(
        requester.frames.fromServer((message) => message.id === id).length,
        0,
        "nothing before the store has it",
      );
      put.release();
      assert.ok((await answer).result.task);
      for (let round = 0; round < 100; round++) {
        store.before = (asked) =>
          asked.operation === "put" ? new Promise((resolve) => setImmediate(resolve)) : undefined;
        const { taskId } = await create(requester, "quick");
        store.before = () => {};
        assert.equal((await get(requester, taskId)).result?.taskId, taskId);
      }
    });

    it("G25-CRE-10 (part) H15 (part): a malformed `task` is refused and leaves nothing", async (t) => {
      let runs = 0;
      const { requester, store } = await world(t, kind, { tool: () => (runs++, text("")) });
      for (const task of [
        true,
        null,
        "yes",
        5,
        [],
        { ttl: null },
        { ttl: -5 },
        { ttl: 1.5 },
        { ttl: "60000" },
        { ttl: 2 ** 53 },
        { ttl: 1e300 },
        { ttl: {} },
      ]) {
        const { error } = await requester.request("tools/call", { name: "tool", arguments: {}, task });
        assert.equal(error?.code, -32602, JSON.stringify(task));
      }
      assert.equal(runs, 0);
      assert.equal(store.records.length, 0);
      assert.ok((await create(requester, "tool", {}, { ttl: 60_000, unknown: [1], pollInterval: 5 })).taskId);
    });

    it("H14 H16 H17 G25-TTL-02 (part) X-TTL-02 (part): what is asked for is clamped and told", async (t) => {
      const go = gate();
      const { requester } = await world(t, kind, { slow: () => go.promise.then(() => text("")) });
      const cases: [object, number][] = [
        [{ ttl: 0 }, 1_000],
        [{ ttl: 5 }, 1_000],
        [{ ttl: 60_000 }, 60_000],
        [{ ttl: 2 ** 31 + 5_000 }, 86_400_000],
        [{ ttl: Number.MAX_SAFE_INTEGER }, 86_400_000],
        [{}, 3_600_000],
      ];
      for (const [asked, ttl] of cases) {
        const task = await create(requester, "slow", {}, asked);
        assert.equal(task.ttl, ttl);
        await settle();
        assert.equal((await get(requester, task.taskId)).result.ttl, ttl);
      }
      go.open();
    });

    it("G25-CAN-08 a cancel notification for the answered creating call is ignored", async (t) => {
      const go = gate();
      let aborted = false;
      const { requester } = await world(t, kind, {
        slow: (_args, { signal }) => {
          signal.addEventListener("abort", () => (aborted = true));
          return go.promise.then(() => text("done"));
        },
      });
      const { result: handle } = await augmented(requester, "slow", {}, {}, undefined, 7);
      await requester.notify("notifications/cancelled", { requestId: 7, reason: "too late" });
      await settle();
      assert.equal((await get(requester, handle.task.taskId)).result.status, "working");
      go.open();
      await reaches(requester, handle.task.taskId, "completed");
      assert.equal(aborted, false);
    });

    it("G25-CAN-09 a cancel notification before the handle leaves no task and no answer", async (t) => {
      let runs = 0;
      const { requester, store } = await world(t, kind, { tool: () => (runs++, text("")) });
      const put = store.holdPut();
      void augmented(requester, "tool", {}, {}, undefined, 8).catch(() => {});
      await put.came;
      await requester.notify("notifications/cancelled", { requestId: 8 });
      await settle();
      put.release();
      await until(() => store.asked.some(({ operation }) => operation === "delete"), "the task is deleted");
      await settle(20);
      assert.equal(store.records.length, 0);
      assert.equal(runs, 0);
      assert.equal(requester.frames.fromServer((message) => message.id === 8).length, 0);
      assert.deepEqual((await requester.request("tasks/list")).result, { tasks: [] });
    });

    it("H84 (part): at the limit of tasks the call is refused with a reason", async (t) => {
      const go = gate();
      const { requester, store } = await world(
        t,
        kind,
        { slow: () => go.promise.then(() => text("")) },
        { limits: { runningPerOwner: 2 } },
      );
      const first = await create(requester, "slow");
      await create(requester, "slow");
      const { error } = await augmented(requester, "slow");
      assert.equal(error?.code, -32603);
      assert.deepEqual(error?.data, { reason: "task_limit" });
      assert.equal(store.records.length, 2);
      go.open();
      await reaches(requester, first.taskId, "completed");
      await create(requester, "slow");
    });

    it("a store that fails at creation is told as -32603, and no handler runs", async (t) => {
      let runs = 0;
      const { requester, store } = await world(t, kind, { tool: () => (runs++, text("")) });
      store.before = ({ operation }) => {
        if (operation === "put") throw new Error("disk on fire");
      };
      const { error } = await augmented(requester, "tool");
      assert.equal(error?.code, -32603);
      assert.doesNotMatch(JSON.stringify(error), /fire/);
      assert.equal(runs, 0);
      store.before = () => {};
      assert.ok(await create(requester, "tool"));
    });

    it("a caller that leaves before the handle was sent leaves no task that stands still", async (t) => {
      const { requester, store, events } = await world(t, kind, { tool: () => text("") });
      const put = store.holdPut();
      void augmented(requester, "tool").catch(() => {});
      await put.came;
      await requester.close();
      put.release();
      await until(
        () =>
          events.some(({ type }) => type === "completed") ||
          (store.asked.some(({ operation }) => operation === "delete") && store.records.length === 0),
        "the task ends or is gone",
      );
    });
  });
}

for (const kind of GATED) {
  describe(`parameters that ${kind} checks`, () => {
    it("G25-CRE-08 H43 an unknown tool and bad arguments are direct errors and leave no task", async (t) => {
      let runs = 0;
      const { requester, store, events } = await world(t, kind, {
        strict: { input: z.object({ n: z.number() }), work: () => (runs++, text("")) },
      });
      assert.equal((await augmented(requester, "nothing")).error?.code, -32602);
      assert.equal((await augmented(requester, "__proto__")).error?.code, -32602);
      assert.equal((await augmented(requester, "constructor")).error?.code, -32602);
      const bad = await augmented(requester, "strict", { n: "one" });
      assert.equal(bad.error?.code, -32602);
      assert.match(bad.error?.message ?? "", /n/);
      assert.equal(runs, 0);
      assert.equal(store.records.length, 0);
      assert.deepEqual(
        events.filter(({ type }) => type === "created"),
        [],
      );
      assert.equal((await augmented(requester, "strict", { n: 1 })).error, undefined);
    });

    it("G25-RES-02 (part): a result that its own schema refuses fails the task", async (t) => {
      const { requester } = await world(t, kind, {
        typed: { output: z.object({ n: z.number() }), work: () => ({ content: [], structuredContent: { n: "one" } }) },
      });
      const plain = await requester.request("tools/call", { name: "typed", arguments: {} });
      const task = await create(requester, "typed");
      await reaches(requester, task.taskId, "failed");
      const later = await result(requester, task.taskId);
      assert.deepEqual(later.error, plain.error);
      assert.deepEqual(later.result?.content, plain.result?.content);
    });
  });
}

it("names that are no tool's, and names that are no text, never make a task", async (t) => {
  const { requester, store } = await world(t, "v2", { tool: () => text("") });
  for (const params of [{}, { name: 5 }, { name: null }, { name: ["tool"] }, { name: {}, arguments: {} }]) {
    const { error } = await requester.request("tools/call", { ...params, task: {} });
    assert.ok(error, JSON.stringify(params));
  }
  assert.equal(store.records.length, 0);
  assert.equal((await cancel(requester, "x")).error?.code, -32602);
});
