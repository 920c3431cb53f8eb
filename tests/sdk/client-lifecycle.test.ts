// What a client leaves behind, and what it survives: timers, timeouts, closed connections, a core that traps.
import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { isTaskError, TaskClient } from "mcp-longhaul";
import { answerResult } from "mcp-longhaul/wasm/generated/client";
import { handle25, handle26, legacy, modern, RELATED, task25, task26, text } from "./client-peer.ts";
import { callOptions, connect, type Kind, later, LEGACY, makeClient, until } from "./client-sdk.ts";
import { trapOnce } from "./harness/trap.ts";

const ask = {
  method: "elicitation/create",
  params: { mode: "form", message: "?", requestedSchema: { type: "object", properties: {} } },
};
const KINDS: readonly Kind[] = [...LEGACY, "SDK v2, 2026"];
const peerOf = (kind: Kind, behaviour: any) =>
  kind === "SDK v2, 2026" ? modern(behaviour) : legacy({ slow: "required" }, behaviour);
const handleOf = (kind: Kind, more: object = {}) =>
  kind === "SDK v2, 2026" ? handle26("t1", more) : handle25("t1", more);

/** Timers that are set and neither cleared nor fired, and the longest that was ever set. */
function watchTimers() {
  const real = { set: globalThis.setTimeout, clear: globalThis.clearTimeout };
  const open = new Set<unknown>();
  const delays: number[] = [];
  globalThis.setTimeout = ((work: (...args: any[]) => void, delay = 0, ...rest: any[]) => {
    const timer = real.set(() => (open.delete(timer), work(...rest)), delay);
    open.add(timer);
    delays.push(delay);
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((timer: any) => (open.delete(timer), real.clear(timer))) as typeof clearTimeout;
  return {
    open,
    delays,
    restore: () => {
      globalThis.setTimeout = real.set;
      globalThis.clearTimeout = real.clear;
    },
  };
}

for (const kind of KINDS) {
  test(`${kind}: no timer is longer than a timer can be, and none is left (X-TTL-02, H16, H19)`, async () => {
    const timers = watchTimers();
    try {
      const long = { ttl: 2 ** 31 + 5000, ttlMs: 2 ** 31 + 5000, pollInterval: 1e12, pollIntervalMs: 1e12 };
      const peer = peerOf(kind, {
        "tools/call": () => handleOf(kind, long),
        "tasks/get": () => task26("t1", "working", long),
        "tasks/result": () => undefined,
        "tasks/cancel": () => (kind === "SDK v2, 2026" ? { resultType: "complete" } : task25("t1", "cancelled")),
      });
      const { client, host } = await connect(peer, kind);
      const handle = await host.callTool(client, { name: "slow" });
      const result = assert.rejects(handle.result(), (error: any) => error.code === "cancelled");
      assert.ok(timers.open.size > 0);
      await handle.cancel();
      await result;
      await later(5);
      assert.equal(timers.open.size, 0, "all tasks have ended");
      const second = await host.callTool(client, { name: "slow" });
      const ended = assert.rejects(second.result(), (error: any) => error.code === "connection");
      await client.close();
      await ended;
      assert.equal(timers.open.size, 0, "the client is closed");
      assert.ok(
        timers.delays.every((delay) => delay <= 2 ** 31 - 1),
        `${Math.max(...timers.delays)}`,
      );
    } finally {
      timers.restore();
    }
  });

  test(`${kind}: a call that is never answered times out after 60 s, a task does not (G25-RES-12, H91)`, async () => {
    let passed = 0;
    const began = performance.now();
    const clock = mock.method(performance, "now", () => began + passed);
    mock.timers.enable({ apis: ["setTimeout"] });
    const pass = async (ms: number) => {
      for (let step = 0; step < 10; step++) {
        passed += ms / 10;
        mock.timers.tick(ms / 10);
        for (let turn = 0; turn < 200; turn++) await Promise.resolve();
      }
    };
    try {
      let silent = true;
      const peer = peerOf(kind, {
        "tools/call": () => (silent ? undefined : handleOf(kind, { ttl: 1e9, ttlMs: 1e9, pollIntervalMs: 10_000 })),
        "tasks/result": () => undefined,
        "tasks/get": () =>
          kind === "SDK v2, 2026"
            ? task26("t1", "working", { ttlMs: 1e9, pollIntervalMs: 10_000 })
            : task25("t1", "working", { ttl: 1e9 }),
        "tasks/cancel": () => (kind === "SDK v2, 2026" ? { resultType: "complete" } : task25("t1", "cancelled")),
      });
      const { client } = await connect(peer, kind);
      let failed: unknown;
      client.callTool({ name: "slow" }).catch((error: unknown) => (failed = error));
      await pass(50_000);
      assert.equal(failed, undefined);
      await pass(20_000);
      assert.match(String(failed), /timed out/);
      silent = false;
      failed = undefined;
      client.callTool({ name: "slow" }).catch((error: unknown) => (failed = error));
      await pass(10);
      await pass(3_600_000);
      assert.equal(failed, undefined);
      await client.close();
    } finally {
      mock.timers.reset();
      clock.mock.restore();
    }
  });

  test(`${kind}: closing the host stops following and leaves tasks and calls alone (H94)`, async () => {
    const peer = peerOf(kind, {
      "tools/call": () => handleOf(kind),
      "tasks/result": () => undefined,
      "tasks/get": () => (kind === "SDK v2, 2026" ? task26("t1", "working") : task25("t1", "working")),
    });
    const { client, host } = await connect(peer, kind);
    const handle = await host.callTool(client, { name: "slow" });
    const result = assert.rejects(handle.result(), (error: any) => isTaskError(error) && error.code === "detached");
    host.close();
    await result;
    await assert.rejects(handle.result());
    await assert.rejects(handle.cancel(), (error: any) => isTaskError(error) && error.code === "detached");
    const frames = peer.frames.length;
    await later(150);
    assert.equal(peer.frames.length, frames);
    peer.set({ "tools/call": () => ({ resultType: "complete", ...text("plain") }) });
    assert.deepEqual((await client.callTool({ name: "other" })).content, text("plain").content);
    assert.equal(peer.all("tools/call").at(-1)?.params._meta?.["mcp-longhaul/plan"], undefined);
    assert.ok(handle.reference);
    await assert.rejects(host.resume(client, handle.reference), (error: any) => isTaskError(error));
    assert.equal(peer.all("tools/call").length, 2, "a resumption is never sent as a call");
    await client.close();
  });
}

describe("attaching", () => {
  test("a client that is connected already", async () => {
    for (const kind of KINDS) {
      const peer = peerOf(kind, {
        "tools/call": () => handleOf(kind, { pollIntervalMs: 5 }),
        "tasks/result": () => text("done"),
        "tasks/get": () => task26("t1", "completed", { result: text("done") }),
      });
      const client = makeClient(kind);
      await client.connect(peer.transport);
      const host = new TaskClient({ poll: { min: 5 } });
      assert.equal(host.attach(client), client);
      assert.equal(host.attach(client), client, "twice is once");
      assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content, kind);
      assert.throws(
        () => new TaskClient().attach(peer.transport),
        (error: any) => isTaskError(error) && error.code === "invalid_argument",
      );
      await client.close();
    }
  });

  test("what is neither a client nor a transport, and options that mean nothing", async () => {
    const refused = (work: () => unknown) =>
      assert.throws(work, (error: any) => isTaskError(error) && error.code === "invalid_argument");
    refused(() => new TaskClient().attach({} as never));
    refused(() => new TaskClient({ poll: { min: 0 } }));
    refused(() => new TaskClient({ poll: { max: 2 ** 31 } }));
    refused(() => new TaskClient({ maxAge: Number.NaN }));
    refused(() => new TaskClient({ preference: "maybe" as never }));
    refused(() => new TaskClient({ ttl: -1 }));
    const { client, host } = await connect(legacy({}, {}), "SDK v1");
    await assert.rejects(
      host.callTool(makeClient("SDK v1"), { name: "x" }),
      (error: any) => error.code === "invalid_argument",
    );
    await assert.rejects(
      async () => host.callTool(client, { name: "x" }, { ttl: 0.5 }),
      (error: any) => error.code === "invalid_argument",
    );
    await assert.rejects(
      host.resume(client, { taskId: "x" } as never),
      (error: any) => error.code === "invalid_argument",
    );
    await client.close();
  });

  test("only the transport: the SDK's own timeout counts", async () => {
    for (const kind of KINDS) {
      const peer = peerOf(kind, {
        "tools/call": () => handleOf(kind, { pollIntervalMs: 5 }),
        "tasks/result": async () => (await later(20), text("done")),
        "tasks/get": () => task26("t1", "completed", { result: text("done") }),
      });
      const { client } = await connect(peer, kind, { attach: "transport" });
      assert.deepEqual(
        (await client.callTool({ name: "slow" }, ...callOptions(kind, { timeout: 1000 }))).content,
        text("done").content,
      );
      await client.close();
    }
  });

  test("`ontask` that throws is reported and hurts nobody", async () => {
    const peer = legacy(
      { slow: "required" },
      { "tools/call": () => handle25("t1"), "tasks/result": () => text("done") },
    );
    const { client, errors } = await connect(peer, "SDK v1", {
      ontask: () => {
        throw new Error("mine");
      },
    });
    assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content);
    assert.equal((errors[0]!.cause as Error).message, "mine");
    await client.close();
  });
});

test("a question that is delivered again is asked once, and answered once (H08)", async () => {
  for (const kind of LEGACY) {
    let asked = 0;
    let done: (() => void) | undefined;
    const question = {
      jsonrpc: "2.0" as const,
      id: 77,
      method: "elicitation/create",
      params: { ...ask.params, _meta: { [RELATED]: { taskId: "t1" } } },
    };
    const peer = legacy(
      { slow: "required" },
      {
        "tools/call": () => handle25("t1"),
        "tasks/result": async (_params, _message, peer) => {
          peer.push(question);
          peer.push(question);
          await new Promise<void>((resolve) => (done = resolve));
          return text("thanks");
        },
      },
    );
    const { client } = await connect(peer, kind, {
      handlers: {
        "elicitation/create": async () => (
          asked++, await later(20), setTimeout(() => done?.(), 20), { action: "accept", content: {} }
        ),
      },
    });
    await client.callTool({ name: "slow" });
    assert.equal(asked, 1);
    assert.equal(peer.frames.filter((frame) => frame.id === 77).length, 1);
    await client.close();
  }
});

test("what nests too deep is left alone (X-LIM-04)", async () => {
  const depth = 100_000;
  const deep = () => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);
  let read = 0;
  const peer = modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": (_params, message) => {
      if (++read > 1) return task26("t1", "completed", { result: text("done") });
      peer.transport.onmessage?.({
        jsonrpc: "2.0",
        id: message.id!,
        result: task26("t1", "input_required", {
          pollIntervalMs: 5,
          inputRequests: { deep: { ...ask, params: deep() } },
        }),
      });
      return undefined;
    },
  });
  const { client, errors } = await connect(peer, "SDK v2, 2026", {
    handlers: { "elicitation/create": () => ({ action: "accept", content: {} }) },
  });
  assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content);
  assert.equal(peer.all("tasks/update").length, 0);
  assert.match(errors[0]?.message ?? "", /deep/);
  await client.close();
});

test("answers that nobody waits for are dropped (X-NTF-01)", async () => {
  const peer = modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () => task26("t1", "completed", { result: text("done") }),
  });
  const { client, errors } = await connect(peer, "SDK v2, 2026");
  assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content);
  const id = peer.all("tasks/get")[0]?.id as number;
  peer.push({ jsonrpc: "2.0", id, result: task26("t1", "failed", { error: { code: 1, message: "late" } }) });
  peer.push({ jsonrpc: "2.0", method: "notifications/tasks", params: task26("t1", "cancelled") });
  await later(10);
  assert.deepEqual(errors, []);
  await client.close();
});

test("a core that traps ends what it followed; the next connection has a new one", async () => {
  const behaviour = {
    "tools/call": () => handle25("t1"),
    "tasks/result": async () => (await later(20), text("done")),
    "tasks/get": () => task25("t1", "working"),
  };
  const peer = legacy({ slow: "required" }, behaviour);
  const { client, host, errors } = await connect(peer, "SDK v1");
  const other = await connect(
    legacy({ slow: "required" }, { ...behaviour, "tasks/result": async () => (await later(60), text("other")) }),
    "SDK v1",
  );
  const handle = await host.callTool(client, { name: "slow" });
  const neighbour = assert.rejects(
    other.client.callTool({ name: "slow" }),
    (error: any) => error.data?.reason === "internal",
  );
  trapOnce(answerResult);
  await assert.rejects(handle.result(), (error: any) => isTaskError(error) && error.code === "internal");
  await neighbour;
  assert.equal(isTaskError(errors[0]), true);
  // The connection goes on without tasks.
  peer.set({ "tools/call": () => text("plain") });
  assert.deepEqual((await client.callTool({ name: "slow" })).content, text("plain").content);
  assert.equal(peer.all("tools/call").at(-1)?.params.task, undefined);
  await client.close();
  await other.client.close();
  const next = await connect(legacy({ slow: "required" }, behaviour), "SDK v1");
  assert.ok(handle.reference);
  assert.deepEqual(
    (await (await next.host.resume(next.client, handle.reference)).result()).content,
    text("done").content,
  );
  await next.client.close();
});

for (const kind of KINDS) {
  test(`${kind}: updates end with \`cancelled\` after a cancellation (G26-CAN-06, G25-CAN-01)`, async () => {
    const modernKind = kind === "SDK v2, 2026";
    const peer = peerOf(kind, {
      "tools/call": () => handleOf(kind),
      "tasks/result": () => undefined,
      "tasks/get": () => (modernKind ? task26("t1", "working") : task25("t1", "working")),
      "tasks/cancel": () => (modernKind ? { resultType: "complete" } : task25("t1", "cancelled")),
    });
    const { client, host } = await connect(peer, kind);
    const handle = await host.callTool(client, { name: "slow" });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { status } of handle.updates()) seen.push(status);
    })();
    const ended = assert.rejects(handle.result(), (error: any) => error.code === "cancelled");
    assert.equal(await handle.cancel(), "cancelled");
    await ended;
    await watching;
    assert.equal(seen.at(-1), "cancelled");
    assert.equal(handle.snapshot.status, "cancelled");
    await client.close();
  });
}

for (const kind of KINDS) {
  test(`${kind}: a poll that finds nothing new is no update`, async () => {
    let reads = 0;
    const state = (): Record<string, unknown> => {
      const status = ++reads < 12 ? "working" : "completed";
      const at = "2026-07-28T00:00:00Z";
      const more = { statusMessage: reads < 6 ? "begun" : "half of it", createdAt: at, lastUpdatedAt: at };
      return kind === "SDK v2, 2026"
        ? task26("t1", status, { pollIntervalMs: 5, ...more, ...(status === "completed" && { result: text("done") }) })
        : task25("t1", status, { pollInterval: 5, ...more });
    };
    const peer = peerOf(kind, {
      "tools/call": () => handleOf(kind),
      "tasks/get": state,
      "tasks/result": async () => (await until(() => reads >= 12), text("done")),
    });
    const { client, host } = await connect(peer, kind, { poll: { min: 5, initial: 5 } });
    const handle = await host.callTool(client, { name: "slow" });
    const seen: string[] = [];
    for await (const { status, statusMessage } of handle.updates()) seen.push(`${status} ${statusMessage}`);
    // The handle itself says less than a read.
    assert.deepEqual(seen.slice(0, 3), ["working undefined", "working begun", "working half of it"]);
    assert.deepEqual([...new Set(seen.slice(3))], ["completed half of it"]);
    await client.close();
  });
}
