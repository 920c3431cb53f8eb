// Whom a client believes, and what it does when it cannot know: input, progress, lost answers, errors of its own.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InMemoryResponseCacheStore } from "@modelcontextprotocol/client";
import { isTaskError, type TaskCallOptions } from "mcp-longhaul";
import { handle25, handle26, legacy, modern, RELATED, task25, task26, text } from "./client-peer.ts";
import { callOptions, connect, type Kind, later, LEGACY, until } from "./client-sdk.ts";

const MODERN: Kind = "SDK v2, 2026";
const KINDS: readonly Kind[] = [...LEGACY, MODERN];
const URL_ELICITATION = { mode: "url", message: "log in", url: "https://evil.example/login", elicitationId: "e1" };
const FORM = { mode: "form", message: "?", requestedSchema: { type: "object", properties: {} } };
const withUrl = { capabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} } };
const peerOf = (kind: Kind, behaviour: any) =>
  kind === MODERN ? modern(behaviour) : legacy({ slow: "required" }, behaviour);
const handleOf = (kind: Kind, more: any = {}) =>
  kind === MODERN ? handle26("t1", { pollIntervalMs: 5, ...more }) : handle25("t1", { pollInterval: 5, ...more });
const stateOf = (kind: Kind, status: string, more: any = {}) =>
  kind === MODERN
    ? task26("t1", status, { pollIntervalMs: 5, ...more })
    : task25("t1", status, { pollInterval: 5, ...more });

describe("input of a task goes through the handlers of direct requests, and no URL is opened (X-SEC-10)", () => {
  for (const kind of LEGACY) {
    test(kind, async (t) => {
      const fetched = t.mock.method(globalThis, "fetch", async () => new Response());
      const answers: any[] = [];
      let done: (() => void) | undefined;
      const peer = legacy(
        { slow: "required" },
        {
          "*": (_params, message) => (
            message.method === undefined && answers.push(message), answers.length === 4 && done?.(), undefined
          ),
          "tools/call": () => handle25("t1"),
          "tasks/result": async (_params, _message, peer) => {
            for (const [id, task] of [
              ["direct", false],
              ["task", true],
            ] as const) {
              const _meta = task ? { [RELATED]: { taskId: "t1" } } : undefined;
              peer.push({
                jsonrpc: "2.0",
                id: `${id} url`,
                method: "elicitation/create",
                params: { ...URL_ELICITATION, _meta },
              });
              // Nobody registered a handler for it.
              peer.push({
                jsonrpc: "2.0",
                id: `${id} sampling`,
                method: "sampling/createMessage",
                params: { messages: [], maxTokens: 1, _meta },
              });
            }
            await new Promise<void>((resolve) => (done = resolve));
            return text("done");
          },
        },
      );
      const seen: any[] = [];
      const { client } = await connect(peer, kind, {
        sdk: withUrl,
        handlers: { "elicitation/create": (params) => (seen.push(params), { action: "decline" }) },
      });
      await client.callTool({ name: "slow" });
      assert.deepEqual(
        seen.map(({ mode, url }) => [mode, url]),
        [
          ["url", URL_ELICITATION.url],
          ["url", URL_ELICITATION.url],
        ],
      );
      const answer = (id: string) => answers.find((message) => message.id === id);
      assert.equal(answer("task url").result.action, "decline");
      assert.equal(answer("direct url").result.action, "decline");
      assert.deepEqual([answer("task sampling").error.code, answer("direct sampling").error.code], [-32601, -32601]);
      assert.equal(fetched.mock.callCount(), 0);
      await client.close();
    });
  }

  for (const attach of ["client", "transport"] as const) {
    test(`${MODERN}, ${attach} attached`, async (t) => {
      const fetched = t.mock.method(globalThis, "fetch", async () => new Response());
      const { elicitationId: _, ...params } = URL_ELICITATION;
      const question = { k: { method: "elicitation/create", params } };
      let answered: any;
      const peer = modern({
        "tools/call": (params) => {
          if (params.name === "direct")
            return params.inputResponses
              ? { resultType: "complete", ...text("direct") }
              : { resultType: "input_required", inputRequests: question, requestState: "s" };
          return handle26("t1", { pollIntervalMs: 5 });
        },
        "tasks/get": () =>
          answered
            ? task26("t1", "completed", { result: text("done") })
            : task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: question }),
        "tasks/update": (params) => ((answered = params.inputResponses), { resultType: "complete" }),
      });
      const seen: any[] = [];
      const { client } = await connect(peer, MODERN, {
        attach,
        sdk: withUrl,
        handlers: { "elicitation/create": (params) => (seen.push(params), { action: "decline" }) },
      });
      await client.callTool({ name: "direct" });
      await client.callTool({ name: "slow" });
      assert.equal(seen.length, 2);
      assert.deepEqual(seen[0], seen[1]);
      assert.equal(seen[1].url, URL_ELICITATION.url);
      assert.deepEqual(answered, { k: { action: "decline" } });
      assert.equal(fetched.mock.callCount(), 0);
      await client.close();
    });
  }

  test("what the client's capabilities do not allow is not asked", async () => {
    const { elicitationId: _, ...params } = URL_ELICITATION;
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () =>
        peer.all("tasks/update").length > 0
          ? task26("t1", "completed", { result: text("done") })
          : task26("t1", "input_required", {
              pollIntervalMs: 5,
              inputRequests: { k: { method: "elicitation/create", params } },
            }),
      "tasks/update": () => ({ resultType: "complete" }),
    });
    let asked = 0;
    const { client } = await connect(peer, MODERN, {
      handlers: { "elicitation/create": () => (asked++, { action: "accept" }) },
    });
    await client.callTool({ name: "slow" });
    assert.equal(asked, 0);
    assert.deepEqual(peer.all("tasks/update")[0]?.params.inputResponses, { k: { action: "cancel" } });
    await client.close();
  });
});

test("a client that dies between the user's answer and the update asks again (H57)", async () => {
  let answered: any;
  const behaviour = {
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () =>
      answered
        ? task26("t1", "completed", { result: text("done") })
        : task26("t1", "input_required", {
            pollIntervalMs: 5,
            inputRequests: { k: { method: "elicitation/create", params: FORM } },
          }),
    "tasks/update": (params: any) => ((answered = params.inputResponses), { resultType: "complete" }),
  };
  const peer = modern(behaviour);
  const asked: string[] = [];
  const first = await connect(peer, MODERN, {
    handlers: {
      "elicitation/create": async () => (
        asked.push("first"), await first.client.close(), { action: "accept", content: { by: "first" } }
      ),
    },
  });
  const handle = await first.host.callTool(first.client, { name: "slow" });
  await assert.rejects(handle.result(), (error: any) => error.code === "connection");
  await later(30);
  assert.equal(peer.all("tasks/update").length, 0, "the answer is gone");

  const again = modern(behaviour);
  const second = await connect(again, MODERN, {
    handlers: { "elicitation/create": () => (asked.push("second"), { action: "accept", content: { by: "second" } }) },
  });
  const resumed = await second.host.resume(second.client, JSON.parse(JSON.stringify(handle.reference)));
  assert.deepEqual((await resumed.result()).content, text("done").content);
  assert.deepEqual(asked, ["first", "second"]);
  assert.deepEqual(answered, { k: { action: "accept", content: { by: "second" } } });
  assert.equal(peer.all("tools/call").length + again.all("tools/call").length, 1);
  await second.client.close();
});

// G26-GET-10, H90
test("a task's `ttlMs` never reaches the SDK's response cache: two reads are two requests", async () => {
  const written: string[] = [];
  class Watched extends InMemoryResponseCacheStore {
    override set(key: any, entry: any) {
      written.push(key.method);
      return super.set(key, entry);
    }
  }
  const peer = modern({
    "tools/list": () => ({ resultType: "complete", tools: [], ttlMs: 60_000, cacheScope: "private" }),
    "tools/call": () => handle26("t1", { pollIntervalMs: 5, ttlMs: 60_000 }),
    "tasks/get": () =>
      task26("t1", "completed", { ttlMs: 60_000, cacheScope: "public", result: { ...text("done"), ttlMs: 60_000 } }),
  });
  const { client, host } = await connect(peer, MODERN, {
    sdk: { responseCacheStore: new Watched(), defaultCacheTtlMs: 60_000 },
  });
  for (let turn = 0; turn < 2; turn++) await client.listTools();
  assert.equal(peer.all("tools/list").length, 1, "the cache works");
  const handle = await host.callTool(client, { name: "slow" });
  await handle.result();
  for (let turn = 0; turn < 2; turn++) await (await host.resume(client, handle.reference!)).result();
  await client.callTool({ name: "slow" });
  assert.equal(peer.all("tasks/get").length, 4);
  assert.equal(peer.all("tools/call").length, 2);
  assert.deepEqual(
    [...new Set(written)].filter((method) => method !== "server/discover"),
    ["tools/list"],
  );
  await client.close();
});

for (const kind of KINDS) {
  test(`${kind}: past its time a task gets one last look, and is given up (G26-TTL-04)`, async () => {
    // Nothing but the end of its time makes the client look: the first reads of a new task, at 20, 60 and 140 ms, are
    // over, no poll is due, and the answer to tasks/result never comes.
    const slow = { ttl: 220, ttlMs: 220, pollInterval: 50_000, pollIntervalMs: 50_000 };
    const reads: number[] = [];
    const read = () => (reads.push(performance.now()), stateOf(kind, "working", slow));
    const peer = peerOf(kind, {
      "tools/call": () => handleOf(kind, slow),
      "tasks/get": read,
      "tasks/result": () => undefined,
    });
    const { client, host } = await connect(peer, kind);
    const began = performance.now();
    const handle = await host.callTool(client, { name: "slow" });
    await assert.rejects(handle.result(), (error: any) => isTaskError(error) && error.code === "expired");
    assert.ok(performance.now() - began >= 215);
    assert.equal(reads.filter((at) => at - began >= 215).length, 1);
    const all = reads.length;
    await later(150);
    assert.equal(reads.length, all);
    assert.equal(peer.all("tasks/cancel").length, 0);

    // What the last look finds counts.
    peer.set({
      "tasks/get": () => stateOf(kind, "completed", { ...slow, result: text("just in time") }),
      "tasks/result": () => (peer.all("tasks/get").length > 1 ? text("just in time") : undefined),
    });
    assert.deepEqual((await client.callTool({ name: "slow" })).content, text("just in time").content);
    await client.close();
  });

  test(`${kind}: local errors are told apart from the peer's, whatever the peer says (X-ERR-03)`, async () => {
    const rejection = async (work: Promise<unknown>): Promise<any> =>
      work.then(
        () => assert.fail("it was answered"),
        (error) => error,
      );
    const peer = peerOf(kind, {
      "tools/call": () => ({
        error: { code: -32001, message: "Request timed out", data: { reason: "connection", timeout: 1 } },
      }),
    });
    const { client, host } = await connect(peer, kind);
    const code = async (options: TaskCallOptions = {}): Promise<string> => {
      const error = await rejection(host.callTool(client, { name: "slow" }, options));
      assert.ok(isTaskError(error));
      return error.code;
    };
    assert.equal(await code(), "failed", "the peer answered");
    peer.set({ "tools/call": () => undefined });
    assert.equal(await code({ timeout: 20 }), "unreachable");
    for (const [onAbort, expected] of [
      ["cancel", "cancelled"],
      ["detach", "detached"],
    ] as const) {
      const stop = new AbortController();
      setTimeout(() => stop.abort("enough"), 20);
      assert.equal(await code({ signal: stop.signal, onAbort }), expected);
    }

    // The same of a task: the peer's error is `failed`, and `cause` keeps what it was.
    peer.set({
      "tools/call": () => handleOf(kind),
      "tasks/result": () => ({ error: { code: -32000, message: "closed", data: { reason: "connection" } } }),
      "tasks/get": () =>
        stateOf(kind, "failed", { error: { code: -32000, message: "closed", data: { reason: "connection" } } }),
    });
    const failed = await rejection((await host.callTool(client, { name: "slow" })).result());
    assert.deepEqual([failed.code, failed.cause.code], ["failed", -32000]);
    peer.set({ "tasks/result": () => undefined, "tasks/get": () => stateOf(kind, "working") });
    const open = await host.callTool(client, { name: "slow" });
    const closed = rejection(open.result());
    peer.set({ "tools/call": () => undefined });
    const unanswered = rejection(host.callTool(client, { name: "slow" }));
    await later(20);
    await client.close();
    assert.equal((await closed).code, "connection");
    assert.equal((await unanswered).code, "connection");
  });

  test(`${kind}: the progress handler is freed when its call ends, however it ends (G25-PRG-06)`, async () => {
    const slow = { ttl: 60, ttlMs: 60 };
    const seen: number[] = [];
    const peer = peerOf(kind, { "tools/call": () => handleOf(kind) });
    const { client } = await connect(peer, kind);
    const handlers = (client as unknown as { _progressHandlers: Map<unknown, unknown> })._progressHandlers;
    const token = () => peer.all("tools/call").at(-1)?.params._meta.progressToken;
    const call = () =>
      client.callTool(
        { name: "slow" },
        ...callOptions(kind, { onprogress: ({ progress }: any) => seen.push(progress) }),
      );
    const push = (progress: number) =>
      peer.push({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: token(), progress } });

    // SDK v1 keeps the handler of a call that was answered with a handle; it never sees one.
    const outcome = text("done");
    peer.set({
      "tasks/result": async () => (await later(20), outcome),
      "tasks/get": async () => (await later(20), stateOf(kind, "completed", { result: outcome })),
    });
    const completed = call();
    await until(() => token() !== undefined);
    assert.equal(handlers.size, 1);
    push(1);
    assert.deepEqual((await completed).content, outcome.content);
    assert.equal(handlers.size, 0, "completed");
    push(2);
    assert.deepEqual(seen, [1]);

    peer.set({
      "tasks/result": () => ({ error: { code: -32000, message: "no" } }),
      "tasks/get": () => stateOf(kind, "failed", { error: { code: -32000, message: "no" } }),
    });
    await assert.rejects(call());
    assert.equal(handlers.size, 0, "failed");

    peer.set({
      "tools/call": () => handleOf(kind, slow),
      "tasks/result": () => undefined,
      "tasks/get": () => stateOf(kind, "working", slow),
    });
    await assert.rejects(call(), (error: any) => error.data.reason === "expired");
    assert.equal(handlers.size, 0, "expired");

    peer.set({ "tools/call": () => handleOf(kind), "tasks/get": () => stateOf(kind, "working") });
    const closing = assert.rejects(call());
    await later(20);
    await client.close();
    await closing;
    assert.equal(handlers.size, 0, "closed");
  });

  test(`${kind}: 1 and "1" are different tokens, and foreign ones reach nobody (G25-PRG-07)`, async () => {
    const finish: (() => void)[] = [];
    const over = new Promise<void>((resolve) => finish.push(resolve));
    const peer = peerOf(kind, {
      "tools/call": () => handleOf(kind),
      "tasks/result": async () => (await over, text("done")),
      "tasks/get": async () => (await over, stateOf(kind, "completed", { result: text("done") })),
    });
    const { client } = await connect(peer, kind);
    const seen: [string, number][] = [];
    const call = (name: string) =>
      client.callTool(
        { name: "slow", arguments: { name } },
        ...callOptions(kind, { onprogress: ({ progress }: any) => seen.push([name, progress]) }),
      );
    const both = Promise.all([call("a"), call("b")]);
    await until(() => peer.all("tools/call").length === 2);
    const token = (name: string): number =>
      peer.all("tools/call").find((frame) => frame.params.arguments.name === name)?.params._meta.progressToken;
    assert.equal(typeof token("a"), "number");
    const push = (progressToken: unknown, progress: number) =>
      peer.push({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken, progress } as any });
    push(token("a"), 1);
    push(String(token("a")), 2);
    push(token("b"), 3);
    push(String(token("b")), 4);
    push(`${token("b")}.0`, 5);
    push("stranger", 6);
    push(999_999, 7);
    finish[0]?.();
    await both;
    assert.deepEqual(seen, [
      ["a", 1],
      ["b", 3],
    ]);
    await client.close();
  });
}
