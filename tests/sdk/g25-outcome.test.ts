// 2025-11-25: tasks/get, tasks/result and what a task ends with.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpError } from "@modelcontextprotocol/sdk/types.js";
import { ProtocolError } from "@modelcontextprotocol/server";
import { TaskServer } from "mcp-longhaul";
import { gate, settle } from "./harness/frames.ts";
import { world } from "./harness/g25-world.ts";
import { RELATED, cancel, create, get, initialize, reaches, result } from "./harness/g25.ts";
import { PipeRequester } from "./harness/pipe.ts";
import { KINDS, text } from "./harness/servers.ts";

const LOW = KINDS.filter((kind) => kind.endsWith("low"));
const isV1 = (kind: string) => kind.startsWith("v1");

for (const kind of KINDS) {
  describe(`the outcome on ${kind}`, () => {
    // G25-GET-01 G25-RES-01 G25-RES-02 G25-RES-03 G25-RES-06
    it("waits for the end and answers what the plain call answers", async (t) => {
      let go = gate();
      const { requester } = await world(t, kind, {
        slow: () =>
          go.promise.then(() => ({
            ...text("slow"),
            structuredContent: { n: [1, { é: null }] },
            _meta: { "tests/own": { kept: true } },
            unknown: 5,
          })),
      });
      go.open();
      const plain = await requester.request("tools/call", { name: "slow", arguments: {} });
      go = gate();
      const { taskId } = await create(requester, "slow");
      const id = requester.nextId();
      const waiting = requester.request("tasks/result", { taskId }, id);
      await settle(20);
      assert.equal(requester.frames.fromServer((message) => message.id === id).length, 0);
      assert.deepEqual(Object.keys((await get(requester, taskId)).result).sort(), [
        "createdAt",
        "lastUpdatedAt",
        "pollInterval",
        "status",
        "taskId",
        "ttl",
      ]);
      go.open();
      const { result: first } = await waiting;
      assert.deepEqual(first, { ...plain.result, _meta: { ...plain.result._meta, [RELATED]: { taskId } } });
      for (let again = 0; again < 3; again++) assert.deepEqual((await result(requester, taskId)).result, first);
      assert.equal((await get(requester, taskId)).result.status, "completed");
    });

    it("G25-RES-07 twenty waiters all get the outcome, woken by it", async (t) => {
      const go = gate();
      const { requester, store } = await world(t, kind, { slow: () => go.promise.then(() => text("slow")) });
      const { taskId } = await create(requester, "slow");
      const waiting = Array.from({ length: 20 }, () => result(requester, taskId));
      await settle();
      const reads = store.asked.length;
      await settle(50);
      assert.equal(store.asked.length, reads, "nobody polls the store");
      go.open();
      const outcomes = await Promise.all(waiting);
      for (const outcome of outcomes) assert.deepEqual(outcome.result, outcomes[0]!.result);
      assert.deepEqual(outcomes[0]!.result.content, text("slow").content);
    });

    it("G25-RES-10 H36 cancelling one wait leaves the task, and the wait whose id only looks the same", async (t) => {
      const go = gate();
      const { requester } = await world(t, kind, { slow: () => go.promise.then(() => text("slow")) });
      const { taskId } = await create(requester, "slow");
      void requester.request("tasks/result", { taskId }, 1).catch(() => {});
      const other = requester.request("tasks/result", { taskId }, "1");
      await settle();
      await requester.notify("notifications/cancelled", { requestId: 1, reason: "enough" });
      await settle();
      go.open();
      assert.deepEqual((await other).result.content, text("slow").content);
      await settle(20);
      assert.equal(requester.frames.fromServer((message) => message.id === 1).length, 0);
      assert.equal((await get(requester, taskId)).result.status, "completed");
    });

    // G25-RES-05 G25-ERR-05 G25-GET-05 H80 (part)
    it("a failed tool result fails the task and is answered as it is", async (t) => {
      const { requester } = await world(t, kind, {
        bad: () => ({
          content: [{ type: "text", text: "the disk is full" }],
          structuredContent: { free: 0 },
          isError: true,
        }),
      });
      const plain = await requester.request("tools/call", { name: "bad", arguments: {} });
      const { taskId } = await create(requester, "bad");
      const task = await reaches(requester, taskId, "failed");
      assert.equal(task.statusMessage, "the disk is full");
      const { result: later } = await result(requester, taskId);
      assert.deepEqual({ ...later, _meta: plain.result._meta }, { ...plain.result, _meta: plain.result._meta });
      assert.equal(later.isError, true);
    });

    it("a handler that throws has, as a task, the outcome it has without one", async (t) => {
      const { requester } = await world(t, kind, {
        error: () => Promise.reject(new Error("no luck")),
        text: () => Promise.reject("just text"),
        nothing: () => Promise.reject(undefined),
      });
      // The low-level servers never answer a call whose handler throws `undefined`.
      for (const name of ["error", "text", ...(kind.endsWith("low") ? [] : ["nothing"])]) {
        const plain = await requester.request("tools/call", { name, arguments: {} });
        const { taskId } = await create(requester, name);
        await reaches(requester, taskId, "failed");
        const later = await result(requester, taskId);
        assert.deepEqual(later.error, plain.error, name);
        assert.deepEqual(later.result?.content, plain.result?.content, name);
      }
    });

    it("H81 (part): -32042 fails the task and is answered word for word", async (t) => {
      const data = {
        elicitations: [{ mode: "url", elicitationId: "e-1", url: "https://example.com/x", message: "Sign in" }],
      };
      const { requester } = await world(t, kind, {
        url: () => {
          throw isV1(kind)
            ? new McpError(-32042, "sign in first", data)
            : new ProtocolError(-32042 as never, "sign in first", data);
        },
      });
      const plain = await requester.request("tools/call", { name: "url", arguments: {} });
      assert.equal(plain.error?.code, -32042);
      const { taskId } = await create(requester, "url");
      await reaches(requester, taskId, "failed");
      const later = await result(requester, taskId);
      assert.deepEqual(later.error, plain.error);
      assert.deepEqual(later.error?.data, data);
    });

    it("H82 an error whose `code` is no JSON-RPC code is answered as the plain call answers it", async (t) => {
      const { requester } = await world(t, kind, {
        file: () => Promise.reject(Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT", errno: -2 })),
      });
      const plain = await requester.request("tools/call", { name: "file", arguments: {} });
      const { taskId } = await create(requester, "file");
      await reaches(requester, taskId, "failed");
      const later = await result(requester, taskId);
      assert.deepEqual(later.error, plain.error);
      assert.deepEqual(later.result?.content, plain.result?.content);
      if (later.error) assert.ok(Number.isSafeInteger(later.error.code));
    });

    it("H83 X-STO-02 (part): a result that JSON cannot hold fails the task instead of hanging it", async (t) => {
      const cycle: Record<string, unknown> = {};
      cycle["self"] = cycle;
      const { requester } = await world(t, kind, {
        big: () => ({ content: [], structuredContent: { n: 1n } }),
        cycle: () => ({ content: [], structuredContent: cycle }),
      });
      for (const name of ["big", "cycle"]) {
        const { taskId } = await create(requester, name);
        await reaches(requester, taskId, "failed");
        const { error, result: shown } = await result(requester, taskId);
        if (shown === undefined) assert.equal(error?.code, -32603, name);
        else assert.equal(shown.isError, true, name);
      }
    });

    it("X-LIM-03 H67 (part): a result over the limit fails its task with a reason", async (t) => {
      const { requester } = await world(t, kind, { heavy: ({ size }) => text("x".repeat(size)) });
      const heavy = await create(requester, "heavy", { size: 17 * 2 ** 20 });
      const task = await reaches(requester, heavy.taskId, "failed");
      assert.match(task.statusMessage, /limit/);
      const { error } = await result(requester, heavy.taskId);
      assert.equal(error?.code, -32603);
      assert.deepEqual(error?.data, { reason: "payload_limit" });
      const light = await create(requester, "heavy", { size: 2 ** 20 });
      assert.equal((await result(requester, light.taskId)).result.content[0].text.length, 2 ** 20);
    });

    it("H63 (part) X-LIM-07 (part): a lone surrogate in a result survives", async (t) => {
      const { requester } = await world(t, kind, { odd: () => text("a\ud800b\udc00\u0000é") });
      const { taskId } = await create(requester, "odd");
      assert.equal((await result(requester, taskId)).result.content[0].text, "a\ud800b\udc00\u0000é");
    });

    it("G25-RES-08 H05 a cancelled task answers its waiters and later callers alike", async (t) => {
      const { requester } = await world(t, kind, {
        slow: (_args, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))),
      });
      const { taskId } = await create(requester, "slow");
      const waiting = result(requester, taskId);
      await settle();
      await cancel(requester, taskId);
      const expected = { code: -32603, message: "The task was cancelled", data: { taskId, status: "cancelled" } };
      assert.deepEqual((await waiting).error, expected);
      assert.deepEqual((await result(requester, taskId)).error, expected);
      assert.deepEqual((await result(requester, taskId)).error, expected);
    });

    it("G25-GET-06 G25-GET-07 G25-REL-04 H77 a related-task key in a request about tasks is ignored", async (t) => {
      const go = gate();
      const { requester } = await world(t, kind, {
        slow: () => go.promise.then(() => text("slow")),
        quick: () => text("quick"),
      });
      const slow = await create(requester, "slow");
      const quick = await create(requester, "quick");
      await reaches(requester, quick.taskId, "completed");
      const _meta = { [RELATED]: { taskId: slow.taskId } };
      const got = await requester.request("tasks/get", { taskId: quick.taskId, _meta });
      assert.equal(got.result.taskId, quick.taskId);
      assert.equal(got.result._meta, undefined);
      assert.deepEqual(
        (await requester.request("tasks/result", { taskId: quick.taskId, _meta })).result._meta[RELATED],
        { taskId: quick.taskId },
      );
      assert.equal((await requester.request("tasks/cancel", { taskId: quick.taskId, _meta })).error?.code, -32602);
      assert.equal((await requester.request("tasks/list", { _meta })).result._meta, undefined);
      assert.equal(
        (
          await requester.request("tasks/cancel", {
            taskId: slow.taskId,
            _meta: { [RELATED]: { taskId: quick.taskId } },
          })
        ).result.taskId,
        slow.taskId,
      );
      assert.equal((await get(requester, slow.taskId)).result.status, "cancelled");
      go.open();
    });

    it("G25-ERR-01 (part) G25-ERR-06 (part): ids that are none of ours are invalid parameters", async (t) => {
      const { requester, store } = await world(t, kind, { quick: () => text("") });
      const reads = store.asked.length;
      for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
        for (const params of [
          undefined,
          {},
          { taskId: 5 },
          { taskId: null },
          { taskId: ["x"] },
          { taskId: "" },
          { taskId: "nope" },
          { taskId: "\ud800" },
          { taskId: "../../etc/passwd" },
          { taskId: "__proto__" },
          { taskId: "x".repeat(10_000) },
        ]) {
          const { error } = await requester.request(method, params);
          assert.equal(error?.code, -32602, `${method} ${JSON.stringify(params)?.slice(0, 60)}`);
        }
      }
      // X-SEC-14 (part): nothing is looked up but what could be an id.
      for (const { id } of store.asked.slice(reads)) assert.match(id, /^[\w-]{1,128}$/);
    });

    it("X-STO-10 what was stored cannot be changed through an object that somebody kept", async (t) => {
      const kept: any = { ...text("true"), structuredContent: { list: [1] } };
      const { requester } = await world(t, kind, { tool: () => kept });
      const { taskId } = await create(requester, "tool");
      await reaches(requester, taskId, "completed");
      kept.content[0].text = "false";
      kept.structuredContent.list.push(2);
      const first = (await result(requester, taskId)).result;
      assert.equal(first.content[0].text, "true");
      first.content[0].text = "false";
      assert.deepEqual((await result(requester, taskId)).result.structuredContent, { list: [1] });
      assert.equal((await result(requester, taskId)).result.content[0].text, "true");
    });

    it("X-SEC-13 (part): text from a handler stays text", async (t) => {
      const nasty = "'; DROP TABLE tasks; -- ../../../etc/passwd <script> ${1+1} %s \u202e";
      const { requester } = await world(t, kind, {
        tool: async (args, { task }) => {
          await task?.status(nasty);
          return { ...text(args.text), structuredContent: { [nasty]: nasty, ["__proto__x"]: 1 } };
        },
      });
      const { taskId } = await create(requester, "tool", { text: nasty });
      const { result: outcome } = await result(requester, taskId);
      assert.equal(outcome.content[0].text, nasty);
      assert.equal(outcome.structuredContent[nasty], nasty);
      assert.equal((await get(requester, taskId)).result.statusMessage, nasty);
    });
  });
}

for (const kind of LOW) {
  // G25-ERR-04 G25-RES-04
  it(`a handler's JSON-RPC error fails the task and is kept word for word (${kind})`, async (t) => {
    const data = { reason: "quota", left: 0, list: [null, { x: "é" }] };
    const { requester } = await world(t, kind, {
      bad: () => {
        throw isV1(kind)
          ? new McpError(-32099, "over quota", data)
          : new ProtocolError(-32099 as never, "over quota", data);
      },
    });
    const plain = await requester.request("tools/call", { name: "bad", arguments: {} });
    const { taskId } = await create(requester, "bad");
    const task = await reaches(requester, taskId, "failed");
    assert.equal(task.statusMessage, plain.error?.message);
    const later = await result(requester, taskId);
    assert.equal(JSON.stringify(later.error), JSON.stringify(plain.error));
    assert.equal(later.error?.code, -32099);
    assert.deepEqual(later.error?.data, data);
    assert.deepEqual(Object.keys(later).sort(), ["error", "id", "jsonrpc"]);
  });
}

it("X-LIM-04 (part) H68 (part): values 100 000 levels deep are refused or kept, and nothing overflows", async (t) => {
  const nest = (depth: number) => {
    let value: unknown = 1;
    for (let level = 0; level < depth; level++) value = [value];
    return value;
  };
  const { requester } = await world(t, "v2-low", {
    deep: ({ depth }) => ({ content: [], structuredContent: { deep: nest(depth) } }),
    echo: () => text(""),
  });
  for (const depth of [10, 100_000]) {
    const { taskId } = await create(requester, "deep", { depth });
    const task = await reaches(requester, taskId, "completed", "failed");
    const { error } = await result(requester, taskId);
    if (task.status === "failed") assert.equal(error?.code, -32603);
    if (depth === 10) assert.equal(task.status, "completed");
  }
  assert.deepEqual((await requester.request("ping")).result, {});
});

it("X-LIM-04 (part): what nests too deep for the SDK is the request's own fault", async () => {
  const errors: unknown[] = [];
  const tasks = new TaskServer({ task: "always", onerror: (error) => errors.push(error) });
  const server = {
    async connect(transport: InMemoryTransport) {
      tasks.attach(transport);
      transport.onmessage = () => {
        throw new RangeError("Maximum call stack size exceeded");
      };
      await transport.start();
    },
  };
  const requester = await PipeRequester.to(server as never);
  let deep: unknown = 1;
  for (let level = 0; level < 600; level++) deep = { deep };
  assert.equal((await requester.request("prompts/list", { deep })).error?.code, -32602);
  assert.deepEqual(errors, []);
  assert.equal((await requester.request("prompts/list", {})).error?.code, -32603);
  assert.equal(errors.length, 1);
  await requester.close();
  await tasks.close();
});

it("X-LIM-05 a member of a result called __proto__ is a member like any other", async () => {
  // The SDKs leave it out, so the server behind the transport is one that does not.
  const odd = '{"content":[],"__proto__":{"a":1},"constructor":{"b":2},"toString":3}';
  const tasks = new TaskServer({ task: "always" });
  const server = {
    async connect(transport: InMemoryTransport) {
      tasks.attach(transport);
      transport.onmessage = (message) => {
        const { id, method } = message as { id?: number; method: string };
        const hello = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "odd", version: "1" } };
        const answer = method === "initialize" ? hello : (JSON.parse(odd) as object);
        if (id !== undefined) void transport.send({ jsonrpc: "2.0", id, result: { ...answer } });
      };
      await transport.start();
    },
  };
  const requester = await PipeRequester.to(server as never);
  await initialize(requester);
  const { taskId } = await create(requester, "odd");
  await reaches(requester, taskId, "completed");
  const { _meta, ...members } = (await result(requester, taskId)).result;
  assert.deepEqual(Object.entries(members), Object.entries(JSON.parse(odd) as object));
  await requester.close();
});
