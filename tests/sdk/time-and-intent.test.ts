// The times of a client's calls and requests, what `cancel()` and `detach()` do after each other, the handle of an
// error, and the stream of tasks that have ended (docs/decisions/time-and-intent.md).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type TaskHandle, taskOf } from "mcp-longhaul";
import { handle25, handle26, legacy, modern, type Peer, task25, task26, text } from "./client-peer.ts";
import { callOptions, connect, type Kind, later, until } from "./client-sdk.ts";

const KINDS: readonly Kind[] = ["SDK v1", "SDK v2, 2025", "SDK v2, 2026"];

/** A server whose task runs until `end` is called; `hangs`: how many first requests of a method stay unanswered. */
function working(kind: Kind, hangs: Record<string, number> = {}): { peer: Peer; end(id?: string): void } {
  const ended = new Set<string>();
  const cancelled = new Set<string>();
  let last = 0;
  const isModern = kind === "SDK v2, 2026";
  const more = isModern ? { pollIntervalMs: 20 } : { pollInterval: 20 };
  const hung = (method: string) => (hangs[method] ?? 0) > 0 && (hangs[method]! -= 1) >= 0;
  const state = (id: string) => (cancelled.has(id) ? "cancelled" : ended.has(id) ? "completed" : "working");
  const behaviour = {
    "tools/call": () => {
      if (hung("tools/call")) return undefined;
      const id = `t${++last}`;
      return isModern ? handle26(id, more) : handle25(id, more);
    },
    "tasks/get": ({ taskId }: any) => {
      if (hung("tasks/get")) return undefined;
      const status = state(taskId);
      if (!isModern) return task25(taskId, status, more);
      return task26(taskId, status, { ...more, ...(status === "completed" && { result: text(taskId) }) });
    },
    "tasks/result": async ({ taskId }: any) => {
      for (let turn = 0; turn < 200 && state(taskId) === "working"; turn++) await later(5);
      return state(taskId) === "completed" ? text(taskId) : { error: { code: -32603, message: "Cancelled" } };
    },
    "tasks/cancel": ({ taskId }: any) => {
      if (hung("tasks/cancel")) return undefined;
      cancelled.add(taskId);
      return isModern ? { resultType: "complete" } : task25(taskId, "cancelled", more);
    },
  };
  return {
    peer: isModern ? modern(behaviour) : legacy({ work: "required" }, behaviour),
    end: (id = `t${last}`) => ended.add(id),
  };
}

/** That a promise rejects with an error of this code, about this task. */
const rejects = (promise: Promise<unknown>, code: string, handle: TaskHandle<any>) =>
  assert.rejects(promise, (error: any) => {
    assert.equal(error.code, code, String(error));
    assert.equal(taskOf(error), handle);
    assert.ok(!JSON.stringify(error).includes("reference"));
    return true;
  });

for (const kind of KINDS) {
  describe(kind, () => {
    test("a request that hangs is tried again, and the call has its time (G25-RES-12)", async () => {
      const { peer, end } = working(kind, { "tasks/get": 2, "tasks/cancel": 1 });
      const { client, host } = await connect(peer, kind, { requestTimeout: 40, listen: false });
      const first = await host.callTool(client, { name: "work" }, { timeout: 20_000 });
      await until(() => peer.all("tasks/get").length > 2);
      await first.cancel();
      assert.equal(peer.all("tasks/cancel").length, 2);
      await rejects(first.result(), "cancelled", first);
      const second = await host.callTool(client, { name: "work" }, { timeout: 20_000 });
      end();
      assert.deepEqual((await second.result()).content, text("t2").content);
      host.close();
      await client.close();
    });

    test("a creating request that hangs ends with the time of a request, and is not sent twice", async () => {
      const { peer } = working(kind, { "tools/call": 1 });
      const { client, host } = await connect(peer, kind, { requestTimeout: 40 });
      await assert.rejects(host.callTool(client, { name: "work" }, { timeout: 20_000 }), (error: any) => {
        assert.equal(error.name, "TaskError");
        return taskOf(error) === undefined;
      });
      assert.equal(peer.all("tools/call").length, 1);
      host.close();
      await client.close();
    });

    test("`cancel()`, then `cancel()` and `detach()`: cancelled", async () => {
      const { peer } = working(kind);
      const { client, host } = await connect(peer, kind);
      const handle = await host.callTool(client, { name: "work" });
      await handle.cancel({ awaitTerminal: true });
      handle.detach();
      assert.equal(await handle.cancel(), "cancelled");
      await rejects(handle.result(), "cancelled", handle);
      assert.equal(peer.all("tasks/cancel").length, 1);
      await client.close();
    });

    test("`detach()`, then `detach()` and `cancel()`: detached, and nothing is cancelled", async () => {
      const { peer, end } = working(kind);
      const { client, host } = await connect(peer, kind);
      const handle = await host.callTool(client, { name: "work" });
      handle.detach();
      handle.detach();
      await rejects(handle.cancel(), "detached", handle);
      await rejects(handle.result(), "detached", handle);
      assert.equal(peer.all("tasks/cancel").length, 0);
      const again = await host.resume(client, handle.reference!);
      end();
      assert.deepEqual((await again.result()).content, text("t1").content);
      await client.close();
    });

    for (const onAbort of ["cancel", "detach"] as const) {
      const code = onAbort === "cancel" ? "cancelled" : "detached";
      const cancels = onAbort === "cancel" ? 1 : 0;
      test(`abort, with onAbort "${onAbort}": ${code}`, async () => {
        const { peer } = working(kind);
        const { client, host } = await connect(peer, kind, { onAbort });
        const stop = new AbortController();
        const handle = await host.callTool(client, { name: "work" }, { signal: stop.signal });
        stop.abort();
        await rejects(handle.result(), code, handle);
        if (onAbort === "detach") await rejects(handle.cancel(), "detached", handle);
        handle.detach();
        await rejects(handle.result(), code, handle);
        assert.equal(peer.all("tasks/cancel").length, cancels);
        await client.close();
      });

      test(`the deadline, with onAbort "${onAbort}": ${code}`, async () => {
        const { peer } = working(kind);
        const { client, host } = await connect(peer, kind, { onAbort });
        const handle = await host.callTool(client, { name: "work" }, { timeout: 100 });
        await rejects(handle.result(), code, handle);
        assert.equal(peer.all("tasks/cancel").length, cancels);
        await client.close();
      });
    }

    test("`close()` of the host: detached; of the connection: connection", async () => {
      const { peer } = working(kind);
      const { client, host } = await connect(peer, kind);
      const handle = await host.callTool(client, { name: "work" });
      host.close();
      await rejects(handle.result(), "detached", handle);
      await rejects(handle.cancel(), "detached", handle);
      await client.close();
      const other = await connect(working(kind).peer, kind);
      const lost = await other.host.callTool(other.client, { name: "work" });
      await other.client.close();
      await rejects(lost.result(), "connection", lost);
      await rejects(lost.cancel(), "connection", lost);
    });

    test("the SDK's own `callTool` rejects with an error that has its task", async () => {
      const { peer } = working(kind);
      const tasks: TaskHandle[] = [];
      const { client } = await connect(peer, kind, { onAbort: "detach", ontask: (task) => tasks.push(task) });
      const options = { timeout: 100 };
      await assert.rejects(client.callTool({ name: "work" }, ...callOptions(kind, options)), (error: unknown) => {
        assert.equal(taskOf(error), tasks[0]);
        return taskOf(error)?.taskId === "t1";
      });
      await rejects(tasks[0]!.result(), "detached", tasks[0]!);
      assert.equal(taskOf(new Error("another")), undefined);
      assert.equal(taskOf(undefined), undefined);
      await client.close();
    });

    test("`settled()`: each iterator has all tasks that end, none is lost between two reads", async () => {
      const { peer, end } = working(kind);
      const { client, host } = await connect(peer, kind);
      const readers = [host.settled(), host.settled()] as const;
      const handles: TaskHandle<any>[] = [];
      for (let count = 0; count < 4; count++) handles.push(await host.callTool(client, { name: "work" }));
      const [first, second, third, fourth] = handles as [TaskHandle, TaskHandle, TaskHandle, TaskHandle];
      const waiting = readers[0].next();
      end("t2");
      assert.equal((await waiting).value, second);
      end("t1");
      await first.result();
      await third.cancel({ awaitTerminal: true });
      fourth.detach();
      assert.equal((await readers[0].next()).value, first);
      const seen: unknown[] = [];
      const all = (async () => {
        for await (const task of readers[1]) seen.push(task);
      })();
      await later(20);
      host.close();
      await all;
      assert.deepEqual(seen, [second, first, third]);
      assert.equal((await readers[0].next()).value, third, "it was there before the end");
      assert.equal((await readers[0].next()).done, true);
      assert.equal((await host.settled().next()).done, true);
      await client.close();
    });

    test("`settled()`: who leaves it hears no more; a lost connection is told", async () => {
      const { peer } = working(kind);
      const { client, host } = await connect(peer, kind);
      const left = host.settled();
      const waiting = left.next();
      await left.return!();
      assert.equal((await waiting).done, true);
      const settled = host.settled();
      const handle = await host.callTool(client, { name: "work" });
      await client.close();
      assert.equal((await settled.next()).value, handle);
      assert.equal((await left.next()).done, true);
      await rejects(handle.result(), "connection", handle);
      host.close();
    });
  });
}
