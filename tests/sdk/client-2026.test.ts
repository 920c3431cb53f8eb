// The client half on revision 2026-07-28, against a hand-written peer.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isTaskError } from "mcp-longhaul";
import { EXTENSION, G26, handle26, modern, RELATED, task26, text } from "./client-peer.ts";
import { connect, type Connected, later, until } from "./client-sdk.ts";

const kind = "SDK v2, 2026";
const ask = (message: string) => ({
  method: "elicitation/create",
  params: { mode: "form", message, requestedSchema: { type: "object", properties: { name: { type: "string" } } } },
});
const sample = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };
const declared = (frame: any) =>
  frame.params._meta["io.modelcontextprotocol/clientCapabilities"].extensions?.[EXTENSION];

describe(kind, () => {
  // G26-CAP-01, G26-TLN-03, G26-RES-03, G25-GET-06
  test("a plain callTool returns the final result; every frame declares the extension", async () => {
    let reads = 0;
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () =>
        ++reads < 3
          ? task26("t1", "working", { pollIntervalMs: 5 })
          : task26("t1", "completed", { result: text("done") }),
    });
    const { client, errors } = await connect(peer, kind);
    const result = await client.callTool({ name: "slow", arguments: { a: 1 } });
    assert.deepEqual(result.content, text("done").content);
    const [call] = peer.all("tools/call");
    assert.deepEqual(Object.keys(call?.params).sort(), ["_meta", "arguments", "name"]);
    for (const frame of [...peer.all("tools/call"), ...peer.all("tasks/get")]) {
      assert.deepEqual(declared(frame), {});
      assert.equal(frame.params._meta["io.modelcontextprotocol/protocolVersion"], G26);
      assert.equal(frame.params._meta[RELATED], undefined);
      assert.deepEqual(
        Object.keys(frame.params._meta).filter((key) => key.startsWith("mcp-longhaul")),
        [],
      );
    }
    assert.equal(peer.all("tools/list").length, 0);
    assert.deepEqual(errors, []);
    await client.close();
  });

  test("a server may answer at once, each time (G26-CAP-07)", async () => {
    let calls = 0;
    const peer = modern({
      "tools/call": () => (++calls % 2 === 0 ? handle26("t1") : { resultType: "complete", ...text("direct") }),
      "tasks/get": () => task26("t1", "completed", { result: { resultType: "complete", ...text("task") } }),
    });
    const { client, host } = await connect(peer, kind);
    for (const expected of ["direct", "task", "direct", "task"])
      assert.deepEqual((await client.callTool({ name: "any" })).content, text(expected).content);
    const direct = await host.callTool(client, { name: "any" });
    assert.deepEqual([direct.taskId, direct.reference, direct.snapshot.status], [undefined, undefined, "completed"]);
    assert.deepEqual((await direct.result()).content, text("direct").content);
    for await (const _ of direct.updates()) assert.fail("a direct answer has no updates");
    await client.close();
  });

  test("who forbids tasks does not declare them, even if the client does (G26-CAP-09)", async () => {
    const peer = modern({
      "tools/call": (_params, frame) =>
        declared(frame) ? handle26("t1") : { resultType: "complete", ...text("plain") },
    });
    const { client } = await connect(peer, kind, {
      preference: "forbid",
      sdk: { capabilities: { extensions: { [EXTENSION]: {} } } },
    });
    assert.deepEqual((await client.callTool({ name: "any" })).content, text("plain").content);
    peer.set({ "tools/call": () => handle26("t1") });
    await assert.rejects(client.callTool({ name: "any" }), "an undeclared task is an invalid response");
    assert.equal(peer.all("tasks/get").length, 0);
    await client.close();
  });

  test("a task that answers another method is an invalid response (G26-CAP-08)", async () => {
    const peer = modern({ "tools/list": () => handle26("t1") });
    const { client } = await connect(peer, kind);
    await assert.rejects(client.listTools());
    await later(20);
    assert.equal(peer.all("tasks/get").length, 0);
    await client.close();
  });

  test("a tool that needs tasks is refused by a server without them", async () => {
    const peer = modern({ "tools/call": () => ({ resultType: "complete", ...text("plain") }) }, {});
    const { client, host } = await connect(peer, kind);
    await assert.rejects(
      host.callTool(client, { name: "any" }, { preference: "require" }),
      (error: any) => isTaskError(error) && error.code === "unsupported",
    );
    assert.equal(peer.all("tools/call").length, 0);
    await client.close();
  });

  for (const attach of ["client", "transport"] as const) {
    describe(`input, ${attach} attached`, () => {
      const flow = async (
        handlers: any,
        behaviour: any = {},
      ): Promise<Connected & { peer: ReturnType<typeof modern>; answers: any[] }> => {
        const answers: any[] = [];
        const peer = modern({
          "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
          "tasks/get": () =>
            answers.length > 0
              ? task26("t1", "completed", { result: text("thanks") })
              : task26("t1", "input_required", {
                  pollIntervalMs: 5,
                  inputRequests: { name: ask("who?"), mood: ask("how?") },
                }),
          "tasks/update": (params: any) => (answers.push(params.inputResponses), { resultType: "complete" }),
          ...behaviour,
        });
        return { peer, answers, ...(await connect(peer, kind, { attach, handlers })) };
      };

      // G26-INP-05, G26-INP-06, G26-INP-08, G26-UPD-01, H56
      test("is answered by the client's handlers, once for each key", async () => {
        const asked: string[] = [];
        const { client, answers, peer, errors } = await flow(
          {
            "elicitation/create": async (params: any) => (
              asked.push(params.message), await later(40), { action: "accept", content: { name: params.message } }
            ),
          },
          {
            "tasks/get": () =>
              Object.keys(Object.assign({}, ...answers)).length === 2
                ? task26("t1", "completed", { result: text("thanks") })
                : task26("t1", "input_required", {
                    pollIntervalMs: 5,
                    inputRequests: { name: ask("who?"), mood: ask("how?") },
                  }),
          },
        );
        assert.deepEqual((await client.callTool({ name: "any" })).content, text("thanks").content);
        assert.deepEqual(asked.sort(), ["how?", "who?"]);
        assert.deepEqual(Object.assign({}, ...answers), {
          name: { action: "accept", content: { name: "who?" } },
          mood: { action: "accept", content: { name: "how?" } },
        });
        assert.equal(peer.all("tools/call").length, 1, "the call is not made again (X-CRE-01)");
        assert.ok(
          peer.all("tasks/update").every((frame) => declared(frame) && frame.params.requestState === undefined),
        );
        assert.deepEqual(errors, []);
        await client.close();
      });

      // Attached to the transport alone, the SDK's own driver counts the rounds.
      if (attach !== "transport")
        test("may come in more rounds than the SDK's driver takes", async () => {
          let round = 0;
          const { client } = await flow(
            { "elicitation/create": () => ({ action: "accept", content: {} }) },
            {
              "tasks/get": () =>
                round === 12
                  ? task26("t1", "completed", { result: text("thanks") })
                  : task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: { [`k${round}`]: ask("?") } }),
              "tasks/update": () => (round++, { resultType: "complete" }),
            },
          );
          assert.deepEqual((await client.callTool({ name: "any" })).content, text("thanks").content);
          await client.close();
        });

      test("that is declined is an answer (G26-INP-09, H59)", async () => {
        const { client, answers } = await flow({ "elicitation/create": () => ({ action: "decline" }) });
        await client.callTool({ name: "any" });
        assert.ok(
          answers.every((answer) => Object.values(answer).every((response: any) => response.action === "decline")),
        );
        await client.close();
      });

      // G26-INP-11, G26-INP-12, H61
      test("rounds before the task pass untouched, and their keys mean something else", async () => {
        const asked: string[] = [];
        const { client, answers, peer } = await flow(
          { "elicitation/create": (params: any) => (asked.push(params.message), { action: "accept", content: {} }) },
          {
            "tools/call": (params: any) =>
              params.requestState === "server's own"
                ? handle26("t1", { pollIntervalMs: 5 })
                : {
                    resultType: "input_required",
                    inputRequests: { name: ask("before?") },
                    requestState: "server's own",
                  },
          },
        );
        await client.callTool({ name: "any" });
        assert.deepEqual(asked.sort(), ["before?", "how?", "who?"]);
        const calls = peer.all("tools/call");
        assert.equal(calls.length, 2);
        assert.deepEqual(calls[1]?.params.inputResponses, { name: { action: "accept", content: {} } });
        assert.ok(
          answers.length > 0 && peer.all("tasks/update").every((frame) => frame.params.requestState === undefined),
        );
        await client.close();
      });

      test("rounds before the task keep the handle waiting", async () => {
        const { client, host } = await flow(
          { "elicitation/create": () => ({ action: "accept", content: {} }) },
          {
            "tools/call": (params: any) =>
              params.requestState === "s"
                ? handle26("t1", { pollIntervalMs: 5 })
                : { resultType: "input_required", inputRequests: { name: ask("before?") }, requestState: "s" },
          },
        );
        const handle = await host.callTool(client, { name: "any" });
        assert.equal(handle.taskId, "t1");
        assert.deepEqual((await handle.result()).content, text("thanks").content);
        await client.close();
      });
    });
  }

  // G26-INP-09, H60
  test("a handler that fails leaves its key unanswered and is reported; other keys are served", async () => {
    let updates = 0;
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () =>
        updates > 0
          ? task26("t1", "completed", { result: text("done") })
          : task26("t1", "input_required", {
              pollIntervalMs: 5,
              inputRequests: { bad: sample, good: ask("?"), odd: { method: "future/ask" } },
            }),
      "tasks/update": (params) => (
        assert.deepEqual(Object.keys(params.inputResponses), ["good"]), updates++, { resultType: "complete" }
      ),
    });
    const { client, errors } = await connect(peer, kind, {
      handlers: {
        "sampling/createMessage": () => {
          throw new Error("no model");
        },
        "elicitation/create": async () => (await later(20), { action: "accept", content: {} }),
      },
    });
    assert.deepEqual((await client.callTool({ name: "any" })).content, text("done").content);
    assert.deepEqual(errors.map((error: any) => [error.code, /bad|odd/.exec(error.message)?.[0]]).sort(), [
      ["protocol", "bad"],
      ["protocol", "odd"],
    ]);
    await client.close();
  });

  test("a question that is withdrawn or outlived aborts its handler", async () => {
    let state = task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: { slow: ask("?") } });
    const peer = modern({ "tools/call": () => handle26("t1", { pollIntervalMs: 5 }), "tasks/get": () => state });
    let aborted = false;
    let asked = false;
    const { client } = await connect(peer, kind, {
      handlers: {
        "elicitation/create": (_params, signal) => (
          (asked = true),
          new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => ((aborted = true), reject(new Error("stopped")))),
          )
        ),
      },
    });
    const call = client.callTool({ name: "any" });
    await until(() => asked);
    state = task26("t1", "completed", { result: text("without you") });
    assert.deepEqual((await call).content, text("without you").content);
    await until(() => aborted);
    assert.equal(peer.all("tasks/update").length, 0);
    await client.close();
  });

  test("a client that answers by hand gets the questions as the SDK gives them", async () => {
    let answered: any;
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () =>
        answered
          ? task26("t1", "completed", { result: text("done") })
          : task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: { k: ask("?") } }),
      "tasks/update": (params) => ((answered = params.inputResponses), { resultType: "complete" }),
    });
    const { client } = await connect(peer, kind, { sdk: { inputRequired: { autoFulfill: false } } });
    const first = await client.callTool({ name: "any" }, { allowInputRequired: true });
    assert.equal(first.resultType, "input_required");
    assert.deepEqual(Object.keys(first.inputRequests), ["k"]);
    const result = await client.callTool(
      { name: "any", inputResponses: { k: { action: "cancel" } }, requestState: first.requestState },
      { allowInputRequired: true },
    );
    assert.deepEqual(result.content, text("done").content);
    assert.deepEqual(answered, { k: { action: "cancel" } });
    await client.close();
  });

  test("each outcome reaches the caller as what it is (G26-RES-06)", async () => {
    const start = async (state: any) => {
      const peer = modern({ "tools/call": () => handle26("t1", { pollIntervalMs: 5 }), "tasks/get": () => state });
      return connect(peer, kind);
    };
    const tool = await start(task26("t1", "completed", { result: { ...text("no"), isError: true } }));
    assert.equal((await tool.client.callTool({ name: "any" })).isError, true);
    await tool.client.close();
    const failed = await start(task26("t1", "failed", { error: { code: -32000, message: "boom", data: 7 } }));
    await assert.rejects(
      failed.client.callTool({ name: "any" }),
      (error: any) => error.code === -32000 && /boom/.test(error.message) && error.data === 7,
    );
    await assert.rejects(
      (await failed.host.callTool(failed.client, { name: "any" })).result(),
      (error: any) => isTaskError(error) && error.code === "failed" && error.data === 7,
    );
    await failed.client.close();
    const cancelled = await start(task26("t1", "cancelled"));
    await assert.rejects(
      cancelled.client.callTool({ name: "any" }),
      (error: any) => error.code === -32603 && error.data.status === "cancelled",
    );
    await cancelled.client.close();
    const lost = await start({ error: { code: -32602, message: "not found" } });
    await assert.rejects(lost.client.callTool({ name: "any" }), (error: any) => error.data.reason === "not_found");
    await lost.client.close();
    const refused = await start({ error: { code: -32021, message: "missing" } });
    await assert.rejects(refused.client.callTool({ name: "any" }), (error: any) => error.data.reason === "unsupported");
    await refused.client.close();
    const odd = await start(task26("another", "completed", { result: text("not yours") }));
    await assert.rejects(odd.client.callTool({ name: "any" }), (error: any) => error.data.reason === "protocol");
    await odd.client.close();
  });

  test("a malformed handle is refused and not followed (G26-CRE-09, X-LIM-07)", async () => {
    for (const wrong of [
      { taskId: "" },
      { taskId: 5 },
      { taskId: "\ud800" },
      { status: "paused" },
      { ttlMs: undefined },
      { ttlMs: -1 },
      { ttlMs: "60000" },
    ]) {
      const peer = modern({ "tools/call": () => handle26("t1", wrong) });
      const { client } = await connect(peer, kind);
      await assert.rejects(
        client.callTool({ name: "any" }),
        (error: any) => error.data?.reason === "protocol",
        JSON.stringify(wrong),
      );
      assert.equal(peer.all("tasks/get").length, 0);
      await client.close();
    }
  });

  test("a result that says it needs input is still the result (a call is never made twice)", async () => {
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () =>
        task26("t1", "completed", { result: { ...text("done"), resultType: "input_required", inputRequests: {} } }),
    });
    const { client } = await connect(peer, kind);
    assert.deepEqual((await client.callTool({ name: "any" })).content, text("done").content);
    assert.equal(peer.all("tools/call").length, 1);
    await client.close();
  });

  // G26-CAN-01, G26-CAN-06, G26-CAN-07
  test("cancelling: an acknowledgement is all, unless the caller awaits the end", async () => {
    let reads = 0;
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () =>
        peer.all("tasks/cancel").length > 0 && ++reads > 2
          ? task26("t1", "completed", { result: text("done anyway") })
          : task26("t1", "working", { pollIntervalMs: 5 }),
      "tasks/cancel": () => ({ resultType: "complete", _meta: {} }),
    });
    const { client, host } = await connect(peer, kind);
    const first = await host.callTool(client, { name: "any" });
    const result = assert.rejects(first.result(), (error: any) => error.code === "cancelled");
    await first.cancel();
    await result;
    const before = peer.all("tasks/get").length;
    await later(50);
    assert.equal(peer.all("tasks/get").length, before);

    reads = 0;
    const second = await host.callTool(client, { name: "any" });
    assert.equal(await second.cancel({ awaitTerminal: true }), "completed");
    assert.deepEqual((await second.result()).content, text("done anyway").content);
    assert.equal(peer.all("notifications/cancelled").length, 0);
    await client.close();
  });

  test("giving up a call cancels its task, or leaves it running", async () => {
    for (const onAbort of ["cancel", "detach"] as const) {
      for (const prompting of [false, true]) {
        const peer = modern({
          "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
          "tasks/get": () =>
            prompting
              ? task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: { k: ask("?") } })
              : task26("t1", "working", { pollIntervalMs: 5 }),
          "tasks/cancel": () => ({ resultType: "complete" }),
        });
        let aborted = false;
        const { client } = await connect(peer, kind, {
          onAbort,
          handlers: {
            "elicitation/create": (_params, signal) =>
              new Promise((_resolve, reject) =>
                signal.addEventListener("abort", () => ((aborted = true), reject(new Error("stopped")))),
              ),
          },
        });
        const stop = new AbortController();
        const call = assert.rejects(client.callTool({ name: "any" }, { signal: stop.signal }));
        await until(() => peer.all("tasks/get").length >= 2);
        stop.abort("enough");
        await call;
        if (onAbort === "cancel") await until(() => peer.all("tasks/cancel").length === 1, "the task is cancelled");
        const reads = peer.all("tasks/get").length;
        await later(40);
        assert.equal(peer.all("tasks/cancel").length, onAbort === "cancel" ? 1 : 0);
        assert.equal(peer.all("notifications/cancelled").length, 0);
        assert.equal(peer.all("tasks/get").length, reads, "it is not read any more");
        assert.equal(aborted, prompting);
        await client.close();
      }
    }
  });

  test("with only the transport attached, a handler that fails fails the call", async () => {
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () => task26("t1", "input_required", { pollIntervalMs: 5, inputRequests: { k: sample } }),
    });
    const { client } = await connect(peer, kind, {
      attach: "transport",
      handlers: {
        "sampling/createMessage": () => {
          throw new Error("no model");
        },
      },
    });
    await assert.rejects(client.callTool({ name: "any" }), /no model/);
    await client.close();
  });

  test("a task is found again by its reference (X-GEN-07)", async () => {
    const peer = modern({ "tasks/get": () => task26("t1", "completed", { result: text("done") }) });
    const { client, host } = await connect(peer, kind);
    const reference = { format: 1, taskId: "t1", tool: "slow", generation: "2026-07-28", server: "modern/0" } as const;
    assert.deepEqual((await (await host.resume(client, reference)).result()).content, text("done").content);
    const [read] = peer.all("tasks/get");
    assert.deepEqual(declared(read), {});
    await assert.rejects(
      host.resume(client, { ...reference, generation: "2025-11-25" }),
      (error: any) => error.code === "unsupported",
    );
    await assert.rejects(host.resume(client, { ...reference, taskId: "" }), (error: any) => error.code === "protocol");
    await client.close();
  });

  test("notifications end a task early, and never twice (X-NTF-01)", async () => {
    const peer = modern({ "tools/call": () => handle26("t1", { pollIntervalMs: 60_000 }) });
    const { client } = await connect(peer, kind);
    const call = client.callTool({ name: "any" });
    await later(20);
    const { resultType: _, ...state } = task26("t1", "completed", { result: text("pushed") });
    peer.push({ jsonrpc: "2.0", method: "notifications/tasks", params: { ...state, taskId: "stranger" } });
    peer.push({ jsonrpc: "2.0", method: "notifications/tasks", params: state });
    peer.push({ jsonrpc: "2.0", method: "notifications/tasks", params: { ...state, status: "failed" } });
    assert.deepEqual((await call).content, text("pushed").content);
    assert.equal(peer.all("tasks/get").length, 0);
    await client.close();
  });

  test("names that mean something elsewhere are keys and ids like any other (X-LIM-05, H62)", async () => {
    const answers: any[] = [];
    const peer = modern({
      "tools/call": () => handle26("__proto__", { pollIntervalMs: 5 }),
      "tasks/get": () => {
        if (answers.length > 0) return task26("__proto__", "completed", { result: text("done") });
        return JSON.parse(
          `{"resultType":"complete","taskId":"__proto__","status":"input_required","ttlMs":60000,"pollIntervalMs":5,
          "inputRequests":{"__proto__":${JSON.stringify(ask("?"))}}}`,
        );
      },
      "tasks/update": (params) => (
        answers.push(Object.getOwnPropertyDescriptor(params.inputResponses, "__proto__")?.value),
        { resultType: "complete" }
      ),
    });
    const { client } = await connect(peer, kind, {
      handlers: { "elicitation/create": () => ({ action: "accept", content: { name: "x" } }) },
    });
    assert.deepEqual((await client.callTool({ name: "any" })).content, text("done").content);
    assert.deepEqual(answers, [{ action: "accept", content: { name: "x" } }]);
    assert.equal(({} as any).action, undefined);
    await client.close();
  });
});

test("requests about a task carry its id as `name` too, which a proxy may need for the header `Mcp-Name`", async () => {
  const peer = modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () => task26("t1", "completed", { result: text("done") }),
  });
  const { client } = await connect(peer, "SDK v2, 2026");
  await client.callTool({ name: "work", arguments: {} });
  const params: any = peer.all("tasks/get")[0]?.params;
  assert.deepEqual([params.taskId, params.name], ["t1", "t1"]);
  await client.close();
});
