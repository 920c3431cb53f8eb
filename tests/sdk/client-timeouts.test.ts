// What the SDK's options for a call's time and progress mean where the call becomes a task: what they mean for any
// call.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TaskClient } from "mcp-longhaul";
import { handle25, handle26, legacy, modern, type Peer, task25, task26, text } from "./client-peer.ts";
import { callOptions, connect, type Kind, later } from "./client-sdk.ts";

const KINDS: readonly Kind[] = ["SDK v1", "SDK v2, 2025", "SDK v2, 2026"];

/** A tool that reports `steps` steps, each `every` ms, and then ends; its server suggests to look every `poll` ms. */
function working(kind: Kind, { steps, every, poll = 20 }: { steps: number; every: number; poll?: number }): Peer {
  let at = 0;
  const began = Date.now();
  const step = () => `step ${at} of ${steps}`;
  const begin = (peer: Peer, progressToken: unknown) => {
    const timer = setInterval(() => {
      if (++at >= steps) return clearInterval(timer);
      if (kind !== "SDK v2, 2026" && progressToken !== undefined)
        peer.push({
          jsonrpc: "2.0",
          method: "notifications/progress",
          params: { progressToken, progress: at, message: step() },
        });
    }, every).unref();
  };
  const moved = () => ({ statusMessage: step(), lastUpdatedAt: new Date(began + at).toISOString() });
  if (kind === "SDK v2, 2026") {
    return modern({
      "tools/call": (_params, _message, peer) => (begin(peer, undefined), handle26("t1", { pollIntervalMs: poll })),
      "tasks/get": () =>
        at < steps
          ? task26("t1", "working", { pollIntervalMs: poll, ...moved() })
          : task26("t1", "completed", { result: text("done") }),
      "tasks/cancel": () => ({ resultType: "complete" }),
    });
  }
  const waitForEnd = async () => {
    while (at < steps) await later(5);
    return text("done");
  };
  return legacy(
    { work: "required" },
    {
      "tools/call": (params, _message, peer) => (
        begin(peer, params._meta?.progressToken), handle25("t1", { pollInterval: poll })
      ),
      "tasks/get": () => task25("t1", at < steps ? "working" : "completed", { pollInterval: poll, ...moved() }),
      "tasks/result": waitForEnd,
      "tasks/cancel": () => ((at = steps), task25("t1", "cancelled")),
    },
  );
}

for (const kind of KINDS) {
  describe(kind, () => {
    test("`resetTimeoutOnProgress`: a task that moves on outlives its timeout, and `onprogress` is told", async () => {
      const { client } = await connect(working(kind, { steps: 8, every: 100 }), kind);
      const seen: any[] = [];
      const options = {
        timeout: 500,
        resetTimeoutOnProgress: true,
        onprogress: (progress: unknown) => seen.push(progress),
      };
      assert.deepEqual(
        (await client.callTool({ name: "work", arguments: {} }, ...callOptions(kind, options))).content,
        text("done").content,
      );
      assert.ok(seen.length >= 4, JSON.stringify(seen));
      for (const [index, { progress, message }] of seen.entries()) {
        assert.match(message, /^step \d of 8$/);
        assert.ok(index === 0 || progress > seen[index - 1].progress, "it grows");
      }
      await client.close();
    });

    test("a task is looked at often enough for its caller, whatever its server suggests", async () => {
      const { client } = await connect(working(kind, { steps: 8, every: 100, poll: 60_000 }), kind);
      const options = { timeout: 500, resetTimeoutOnProgress: true, onprogress: () => {} };
      assert.deepEqual(
        (await client.callTool({ name: "work", arguments: {} }, ...callOptions(kind, options))).content,
        text("done").content,
      );
      await client.close();
    });

    test("`timeout` alone ends a task that moves on, and so does a task that does not move", async () => {
      for (const [every, options] of [
        [100, { timeout: 300, onprogress: () => {} }],
        [60_000, { timeout: 300, resetTimeoutOnProgress: true, onprogress: () => {} }],
      ] as const) {
        const peer = working(kind, { steps: 100, every });
        const { client } = await connect(peer, kind);
        await assert.rejects(
          client.callTool({ name: "work", arguments: {} }, ...callOptions(kind, options)),
          /timed out/i,
        );
        for (let waited = 0; peer.all("tasks/cancel").length === 0 && waited < 3000; waited += 5) await later(5);
        assert.equal(peer.all("tasks/cancel").length, 1);
        await client.close();
      }
    });

    test("`maxTotalTimeout` ends a task that moves on, with or without a timeout", async () => {
      for (const timeout of [200, undefined]) {
        const peer = working(kind, { steps: 1000, every: 50 });
        const { client } = await connect(peer, kind);
        const options = {
          ...(timeout !== undefined && { timeout }),
          maxTotalTimeout: 500,
          resetTimeoutOnProgress: true,
          onprogress: () => {},
        };
        await assert.rejects(
          client.callTool({ name: "work", arguments: {} }, ...callOptions(kind, options)),
          /timeout exceeded/i,
        );
        for (let waited = 0; peer.all("tasks/cancel").length === 0 && waited < 3000; waited += 5) await later(5);
        assert.equal(peer.all("tasks/cancel").length, 1);
        await client.close();
      }
    });

    test('`callTimeout: "until-task"`: a task outlives the timeout of its call, whichever option sets it', async () => {
      for (const options of [{ timeout: 300 }, { maxTotalTimeout: 300 }, { timeout: 300, maxTotalTimeout: 300 }]) {
        const { client } = await connect(working(kind, { steps: 8, every: 100 }), kind, { callTimeout: "until-task" });
        const call = client.callTool({ name: "work", arguments: {} }, ...callOptions(kind, options));
        assert.deepEqual((await call).content, text("done").content);
        await client.close();
      }
    });

    test('`callTimeout: "until-task"`: a call without a task keeps its timeout', async () => {
      const silent = kind === "SDK v2, 2026" ? modern({}) : legacy({ work: undefined }, {});
      const tell = (peer: Peer, progressToken: unknown) => {
        for (const at of [1, 2, 3, 4, 5, 6])
          setTimeout(() => {
            const params = { progressToken, progress: at };
            peer.push({ jsonrpc: "2.0", method: "notifications/progress", params });
          }, at * 100);
      };
      silent.set({
        "tools/call": async (params, _message, peer) => {
          if (params._meta?.progressToken !== undefined) tell(peer, params._meta.progressToken);
          return undefined;
        },
      });
      const { client } = await connect(silent, kind, { callTimeout: "until-task" });
      const lasted = async (options: object) => {
        const began = Date.now();
        const call = client.callTool({ name: "work", arguments: {} }, ...callOptions(kind, options));
        await assert.rejects(call, /timed out/i);
        return Date.now() - began;
      };
      const onprogress = () => {};
      assert.ok((await lasted({ timeout: 250 })) < 500);
      assert.ok((await lasted({ timeout: 250, onprogress })) < 500);
      const renewed = await lasted({ timeout: 250, onprogress, resetTimeoutOnProgress: true });
      assert.ok(renewed > 700 && renewed < 1500, String(renewed));
      await client.close();
    });
  });
}

test("`callTimeout` is checked", () => {
  assert.throws(() => new TaskClient({ callTimeout: "never" as never }), /callTimeout/);
});
