// 2025-11-25: progress and log messages from inside a task.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gate, settle } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { RELATED, cancel, create, reaches, result } from "./harness/g25.ts";
import { KINDS, text } from "./harness/servers.ts";

const progressOf = (requester: any) =>
  requester.frames
    .fromServer((message: any) => message.method === "notifications/progress")
    .map(({ message }: any) => message.params);

for (const kind of KINDS) {
  describe(`notifications on ${kind}`, () => {
    // G25-PRG-01 (part) G25-PRG-05 (part) G25-PRG-03
    it("progress keeps its token after the handle, only grows, and names its task", async (t) => {
      const go = gate();
      const { requester } = await world(t, kind, {
        slow: async (_args, { progress, log }) => {
          await go.promise;
          for (const value of [3, 2, 3, 4]) await progress(value, { total: 5, message: `at ${value}` });
          await log("half way");
          return text("done");
        },
      });
      const { taskId } = await create(requester, "slow", {}, {}, { progressToken: "token-1" });
      go.open();
      await result(requester, taskId);
      const sent = progressOf(requester);
      assert.deepEqual(
        sent.map(({ progress }: any) => progress),
        [3, 4],
      );
      for (const params of sent) {
        assert.equal(params.progressToken, "token-1");
        assert.deepEqual(params._meta, { [RELATED]: { taskId } });
      }
      const log = await requester.frames.next((message) => message.method === "notifications/message", "a log message");
      assert.deepEqual(log.message.params, { level: "info", data: "half way", _meta: { [RELATED]: { taskId } } });
    });

    it("G25-PRG-02 H73 no progress after the end", async (t) => {
      const go = gate();
      const over = gate();
      const { requester } = await world(t, kind, {
        // Both go on after their task has ended.
        careless: (_args, { progress, log }) => {
          void go.promise.then(async () => {
            await progress(9).catch(() => {});
            await log("too late").catch(() => {});
            over.open();
          });
          return text("done");
        },
        stubborn: async (_args, { progress, log }) => {
          await progress(1);
          await go.promise;
          await progress(2).catch(() => {});
          await log("too late").catch(() => {});
          return text("late");
        },
      });
      const careless = await create(requester, "careless", {}, {}, { progressToken: 1 });
      await reaches(requester, careless.taskId, "completed");
      const stubborn = await create(requester, "stubborn", {}, {}, { progressToken: 2 });
      await settle();
      await cancel(requester, stubborn.taskId);
      go.open();
      await over.promise;
      await settle(20);
      assert.deepEqual(
        progressOf(requester).map(({ progress }: any) => progress),
        [1],
      );
      assert.equal(requester.frames.fromServer((message) => message.method === "notifications/message").length, 0);
    });

    it("H72 two calls with one progress token do not disturb each other", async (t) => {
      const gates = [gate(), gate()];
      const { requester } = await world(t, kind, {
        slow: async ({ n }: { n: number }, { progress }) => {
          await gates[n]!.promise;
          await progress(n + 1);
          return text(String(n));
        },
      });
      const first = await create(requester, "slow", { n: 0 }, {}, { progressToken: 7 });
      const second = await create(requester, "slow", { n: 1 }, {}, { progressToken: 7 });
      gates[1]!.open();
      assert.equal((await result(requester, second.taskId)).result.content[0].text, "1");
      gates[0]!.open();
      assert.equal((await result(requester, first.taskId)).result.content[0].text, "0");
      assert.deepEqual(
        progressOf(requester).map(({ progress, _meta }: any) => [progress, _meta[RELATED].taskId]),
        [
          [2, second.taskId],
          [1, first.taskId],
        ],
      );
    });

    it("a plain call's progress names no task", async (t) => {
      const { requester } = await world(t, kind, { tool: (_args, { progress }) => progress(1).then(() => text("")) });
      await requester.request("tools/call", { name: "tool", arguments: {}, _meta: { progressToken: 0 } });
      assert.deepEqual(progressOf(requester), [{ progressToken: 0, progress: 1 }]);
    });
  });
}

it("X-PRG-01 (part): progress is thinned, and its last word comes before the end", async (t) => {
  const { requester } = await world(t, "v1", {
    flood: async (_args, { progress }) => {
      for (let n = 1; n <= 2_000; n++) await progress(n, { total: 2_000 });
      return text("done");
    },
  });
  const { taskId } = await create(requester, "flood", {}, {}, { progressToken: 1 });
  await result(requester, taskId);
  const sent = progressOf(requester).map(({ progress }: any) => progress);
  assert.ok(sent.length < 200, `${sent.length} of 2000`);
  assert.equal(sent.at(-1), 2_000);
  const order = requester.frames.fromServer(
    (message) => message.method === "notifications/progress" || message.result?.content !== undefined,
  );
  assert.equal(order.at(-1)!.message.method, undefined, "the result comes last");
});
