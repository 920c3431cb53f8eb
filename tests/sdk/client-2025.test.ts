// The client half on revision 2025-11-25, against a hand-written peer, on both SDKs.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isTaskError } from "mcp-longhaul";
import { handle25, legacy, RELATED, task25, text } from "./client-peer.ts";
import { callOptions, connect, later, LEGACY, until } from "./client-sdk.ts";

const unique = (frames: { id?: unknown }[]) =>
  new Set(frames.filter((frame) => frame.id !== undefined).map((frame) => frame.id)).size;

for (const kind of LEGACY) {
  describe(kind, () => {
    // G25-TLN-06, G25-TLN-08, G25-CRE-01, X-GEN-06
    test("a plain callTool returns the final result of a task", async () => {
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => handle25("t1"),
          "tasks/result": async () => (await later(30), { ...text("done"), _meta: { [RELATED]: { taskId: "t1" } } }),
          "tasks/get": () => task25("t1", "working"),
        },
      );
      const { client, errors } = await connect(peer, kind);
      const result = await client.callTool({ name: "slow", arguments: { a: 1 } });
      assert.deepEqual(result.content, text("done").content);
      assert.deepEqual(
        peer.all("tools/call").map((frame) => frame.params),
        [{ name: "slow", arguments: { a: 1 }, task: {} }],
      );
      assert.equal(peer.all("tools/list").length, 1);
      assert.equal(
        unique(peer.frames),
        peer.frames.filter((frame) => frame.id !== undefined).length,
        "no id twice (G25-HTT-06)",
      );
      assert.deepEqual(errors, []);
      await client.close();
    });

    test("a required tool can be called after listTools, and the list is not read again (G25-TLN-06)", async () => {
      const peer = legacy(
        { slow: "required", quick: undefined },
        {
          "tools/call": (params) => (params.task ? handle25("t1") : text("quick")),
          "tasks/result": () => text("done"),
        },
      );
      const { client } = await connect(peer, kind);
      const { tools } = await client.listTools();
      assert.deepEqual(
        tools.map((tool: any) => tool.name),
        ["slow", "quick"],
      );
      assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content);
      assert.deepEqual((await client.callTool({ name: "quick" })).content, text("quick").content);
      assert.equal(peer.all("tools/list").length, 1);
      assert.equal(peer.all("tools/call")[1]?.params.task, undefined, "G25-TLN-03");
      await client.close();
    });

    test("all pages of the list are read, and again after a change (G25-TLN-08, G25-TLN-09)", async () => {
      const peer = legacy(
        {},
        {
          "tools/list": (params) =>
            params?.cursor === "2"
              ? { tools: [{ name: "slow", inputSchema: { type: "object" }, execution: { taskSupport: "optional" } }] }
              : { tools: [], nextCursor: "2" },
          "tools/call": (params) => (params.task ? handle25("t1") : text("plain")),
          "tasks/result": () => text("task"),
        },
      );
      const { client } = await connect(peer, kind);
      assert.deepEqual((await client.callTool({ name: "slow" })).content, text("task").content);
      peer.set({ "tools/list": () => ({ tools: [{ name: "slow", inputSchema: { type: "object" } }] }) });
      peer.push({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
      assert.deepEqual((await client.callTool({ name: "slow" })).content, text("plain").content);
      assert.equal(peer.all("tools/list").length, 3);
      await client.close();
    });

    test("a call is made once more after -32601, the other way (G25-TLN-08)", async () => {
      for (const refusal of [
        { error: { code: -32601, message: "task required" } },
        { ...text("MCP error -32601: Tool slow requires task augmentation"), isError: true },
      ]) {
        const peer = legacy(
          { slow: undefined },
          {
            "tools/call": (params) => (params.task ? handle25("t1") : refusal),
            "tasks/result": () => text("done"),
          },
        );
        const { client } = await connect(peer, kind);
        await client.listTools();
        peer.set({
          "tools/list": () => ({
            tools: [{ name: "slow", inputSchema: { type: "object" }, execution: { taskSupport: "required" } }],
          }),
        });
        assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content);
        const calls = peer.all("tools/call");
        assert.equal(calls.length, 2);
        assert.notEqual(calls[0]?.id, calls[1]?.id);
        await client.close();
      }
    });

    // G25-CAP-04, G25-CAP-10
    test("nothing is augmented undeclared, in another version, or where the caller forbids it", async () => {
      const behaviour = {
        "tools/call": (params: any) => (params.task ? handle25("t1") : text("plain")),
        "tasks/result": () => text("task"),
      };
      for (const peer of [
        legacy({ slow: "optional" }, behaviour, null),
        legacy({ slow: "optional" }, behaviour, { requests: {} }),
        legacy({ slow: "optional" }, behaviour, null, "2025-06-18"),
        legacy({ slow: "optional" }, behaviour, { requests: { tools: { call: {} } } }, "2025-06-18"),
      ]) {
        const { client } = await connect(peer, kind);
        assert.deepEqual((await client.callTool({ name: "slow" })).content, text("plain").content);
        assert.equal(peer.all("tools/list").length, 0);
        await client.close();
      }
      const peer = legacy({ slow: "optional" }, behaviour);
      const { client } = await connect(peer, kind, { preference: "forbid" });
      assert.deepEqual((await client.callTool({ name: "slow" })).content, text("plain").content);
      await client.close();
    });

    test("preferences and the time to live reach the frame (G25-TTL-01, G25-TLN-05)", async () => {
      const peer = legacy(
        { slow: "optional" },
        {
          "tools/call": (params) => (params.task ? handle25("t1") : text("plain")),
          "tasks/result": () => text("task"),
        },
      );
      const { client, host } = await connect(peer, kind, { preference: "allow", ttl: 90_000 });
      assert.deepEqual((await client.callTool({ name: "slow" })).content, text("plain").content);
      const handle = await host.callTool(client, { name: "slow" }, { preference: "prefer", ttl: 5000 });
      assert.deepEqual((await handle.result()).content, text("task").content);
      const second = await host.callTool(client, { name: "slow" }, { preference: "require" });
      await second.result();
      assert.deepEqual(
        peer.all("tools/call").map((frame) => frame.params.task),
        [undefined, { ttl: 5000 }, { ttl: 90_000 }],
      );
      // An attached client's own callTool takes them too.
      await client.callTool({ name: "slow" }, ...callOptions(kind, { preference: "prefer", ttl: 7000 }));
      assert.deepEqual(peer.all("tools/call").at(-1)?.params.task, { ttl: 7000 });
      await assert.rejects(
        client.callTool({ name: "slow" }, ...callOptions(kind, { preference: "maybe" })),
        (error: any) => isTaskError(error) && error.code === "invalid_argument",
      );
      await client.close();
    });

    // G25-INP-06, G25-INP-08
    test("a task that asks is answered by the client's handlers, and the answer names the task", async () => {
      let asked: (() => void) | undefined;
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => handle25("t1"),
          "tasks/result": async (_params, _message, peer) => {
            peer.push({
              jsonrpc: "2.0",
              id: "ask",
              method: "elicitation/create",
              params: {
                message: "who?",
                requestedSchema: { type: "object", properties: {} },
                _meta: { [RELATED]: { taskId: "t1" } },
              },
            });
            peer.push({ jsonrpc: "2.0", id: "other", method: "ping" });
            await new Promise<void>((resolve) => (asked = resolve));
            return text("thanks");
          },
          "tasks/get": () => task25("t1", "input_required"),
        },
      );
      const { client } = await connect(peer, kind, {
        handlers: {
          "elicitation/create": (params) => (
            assert.equal(params.message, "who?"), setTimeout(() => asked?.(), 20), { action: "accept", content: {} }
          ),
        },
      });
      assert.deepEqual((await client.callTool({ name: "slow" })).content, text("thanks").content);
      const answer = peer.frames.find((frame) => frame.id === "ask" && frame.method === undefined);
      assert.deepEqual(answer?.result._meta, { [RELATED]: { taskId: "t1" } });
      assert.equal(peer.frames.find((frame) => frame.id === "other")?.result?._meta, undefined);
      assert.equal(peer.all("tasks/result").length, 1, "once, for SDK v1 empties its queue by each");
      await client.close();
    });

    test("each outcome reaches the caller as what it is (G25-RES-13, G25-RES-14, H80)", async () => {
      const start = async (result: any, status: string) => {
        const peer = legacy(
          { slow: "required" },
          { "tools/call": () => handle25("t1"), "tasks/result": () => result, "tasks/get": () => task25("t1", status) },
        );
        return { peer, ...(await connect(peer, kind)) };
      };
      const tool = await start({ ...text("no"), isError: true }, "failed");
      const result = await tool.client.callTool({ name: "slow" });
      assert.deepEqual([result.isError, result.content], [true, text("no").content]);
      await tool.client.close();

      const failed = await start({ error: { code: -32042, message: "boom", data: { why: "x" } } }, "failed");
      await assert.rejects(
        failed.client.callTool({ name: "slow" }),
        (error: any) => error.code === -32042 && /boom/.test(error.message) && error.data.why === "x",
      );
      await assert.rejects((await failed.host.callTool(failed.client, { name: "slow" })).result(), (error: unknown) => {
        assert.ok(isTaskError(error));
        assert.deepEqual([error.code, error.taskId, error.data], ["failed", "t1", { why: "x" }]);
        assert.equal((error.cause as any).code, -32042);
        return true;
      });
      await failed.client.close();

      const cancelled = await start(
        { error: { code: -32603, message: "cancelled", data: { status: "cancelled" } } },
        "cancelled",
      );
      await assert.rejects(
        cancelled.client.callTool({ name: "slow" }),
        (error: any) => error.code === -32603 && error.data.status === "cancelled" && error.data.taskId === "t1",
      );
      await assert.rejects(
        (await cancelled.host.callTool(cancelled.client, { name: "slow" })).result(),
        (error: any) => error.code === "cancelled",
      );
      await cancelled.client.close();

      const lost = await start({ error: { code: -32602, message: "not found" } }, "working");
      lost.peer.set({ "tasks/get": () => ({ error: { code: -32602, message: "not found" } }) });
      await assert.rejects(
        lost.client.callTool({ name: "slow" }),
        (error: any) => error.code === -32603 && error.data.reason === "not_found",
      );
      await lost.client.close();
    });

    // G25-CRE-11
    test("a result that answers an augmented call is its outcome, and anything else breaks the protocol", async () => {
      const peer = legacy({ slow: "required" }, { "tools/call": () => text("plain") });
      const { client, host } = await connect(peer, kind);
      for (const answer of [text("plain"), { ...text("wrong"), isError: true }]) {
        peer.set({ "tools/call": () => answer });
        assert.deepEqual((await client.callTool({ name: "slow" })).content, answer.content);
        const handle = await host.callTool(client, { name: "slow" }, { preference: "require" });
        assert.equal(handle.taskId, undefined);
        assert.deepEqual((await handle.result()).content, answer.content);
      }
      peer.set({ "tools/call": () => ({ task: "t1" }) });
      await assert.rejects(client.callTool({ name: "slow" }), (error: any) => error.data?.reason === "protocol");
      await assert.rejects(
        host.callTool(client, { name: "slow" }),
        (error: any) => isTaskError(error) && error.code === "protocol",
      );
      assert.equal(peer.all("tasks/get").length, 0);
      await client.close();
    });

    // G25-RES-13
    test("a server that refuses a running task's outcome, or lags behind its own status, is asked again", async () => {
      const early = { error: { code: -32602, message: "Task not completed yet" } };
      for (const { status, outcome, refusals } of [
        { status: "failed", outcome: { ...text("broken"), isError: true }, refusals: 1 },
        { status: "completed", outcome: text("done"), refusals: 3 },
      ]) {
        let asked = 0;
        const peer = legacy(
          { slow: "required" },
          {
            "tools/call": () => handle25("t1"),
            "tasks/get": () => task25("t1", status, { pollInterval: 5 }),
            "tasks/result": () => (++asked > refusals ? outcome : early),
          },
        );
        const { client } = await connect(peer, kind);
        assert.deepEqual((await client.callTool({ name: "slow" })).content, outcome.content);
        assert.equal(asked, refusals + 1);
        await client.close();
      }
    });

    test("a failed task whose outcome is empty fails with its status message (G25-RES-13)", async () => {
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => handle25("t1"),
          "tasks/get": () => task25("t1", "failed", { statusMessage: "kaput" }),
          "tasks/result": () => ({ _meta: { [RELATED]: { taskId: "t1" } } }),
        },
      );
      const { client, host } = await connect(peer, kind);
      await assert.rejects(client.callTool({ name: "slow" }), /kaput/);
      const failed = (error: unknown) =>
        isTaskError(error) && error.code === "failed" && error.taskId === "t1" && /kaput/.test(error.message);
      await assert.rejects((await host.callTool(client, { name: "slow" })).result(), failed);
      await client.close();
    });

    test("a result that the SDK refuses is an error of ours that names the task (X-ERR-03)", async () => {
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => handle25("t1"),
          "tasks/get": () => task25("t1", "completed"),
          "tasks/result": () => ({ content: [{ type: "text" }] }),
        },
      );
      const { client, host } = await connect(peer, kind);
      const handle = await host.callTool(client, { name: "slow" });
      await assert.rejects(handle.result(), (error: unknown) => {
        assert.ok(isTaskError(error));
        assert.deepEqual([error.code, error.taskId, error.cause instanceof Error], ["protocol", "t1", true]);
        return true;
      });
      await client.close();
    });

    test("a peer may keep ids in 32 bits, lose digits of them, or echo them as text (G25-HTT-06)", async () => {
      const foldings: Record<string, (id: number) => number | string> = {
        "what does not fit is 0": (id) => (id > 0x7fff_ffff ? 0 : id),
        "32 bits, signed": (id) => id | 0,
        "32 bits": (id) => id >>> 0,
        "single precision of 14 digits": (id) => Number(id.toPrecision(14)),
        text: String,
      };
      for (const [name, fold] of Object.entries(foldings)) {
        const peer = legacy(
          { slow: "optional" },
          {
            "tools/call": (params) => (params.task ? handle25("t1") : text("plain")),
            "tasks/get": () => task25("t1", "completed"),
            "tasks/result": () => text("done"),
          },
        );
        peer.echo = (id) => (typeof id === "number" ? fold(id) : id);
        const { client } = await connect(peer, kind);
        assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content, name);
        const ids = peer.frames.flatMap(({ id }) => (id === undefined ? [] : [id as number]));
        assert.equal(new Set(ids).size, ids.length);
        await client.close();
      }
    });

    test("a list of tools that is never answered holds up no call for long (G25-TLN-08)", async () => {
      const peer = legacy({}, { "tools/list": () => undefined, "tools/call": () => text("plain") });
      const { client } = await connect(peer, kind);
      const began = performance.now();
      for (let call = 0; call < 3; call++)
        assert.deepEqual((await client.callTool({ name: "slow" })).content, text("plain").content);
      assert.ok(performance.now() - began < 5000);
      await client.close();
    });

    test("a handle shows snapshots, and its reference is plain JSON (G25-NTF-02)", async () => {
      let reads = 0;
      let finish: (() => void) | undefined;
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => ({ ...handle25("t1"), _meta: { "io.modelcontextprotocol/model-immediate-response": 7 } }),
          "tasks/result": () => new Promise((resolve) => (finish = () => resolve(text("done")))),
          "tasks/get": () => (
            ++reads === 3 && setTimeout(() => finish?.(), 5),
            task25("t1", "working", { pollInterval: 5, statusMessage: `${reads}` })
          ),
        },
      );
      const seen: unknown[] = [];
      const { client, host } = await connect(peer, kind, { ontask: (task) => seen.push(task.taskId) });
      const handle = await host.callTool(client, { name: "slow" });
      assert.deepEqual(JSON.parse(JSON.stringify(handle.reference)), {
        format: 1,
        taskId: "t1",
        tool: "slow",
        generation: "2025-11-25",
        server: "legacy/1",
      });
      const messages: unknown[] = [];
      for await (const snapshot of handle.updates()) messages.push(snapshot.statusMessage ?? snapshot.status);
      assert.deepEqual(messages.slice(0, 4), ["working", "1", "2", "3"]);
      assert.equal(handle.snapshot.status, "completed");
      assert.deepEqual((await handle.result()).content, text("done").content);
      assert.deepEqual(seen, ["t1"]);
      assert.equal(await handle.cancel(), "completed", "too late");
      await client.close();
    });

    test("cancelling sends tasks/cancel, and nothing where it was not declared (G25-CAN-01, G25-CAP-08)", async () => {
      const behaviour = {
        "tools/call": () => handle25("t1"),
        "tasks/result": () => undefined,
        "tasks/get": () => task25("t1", "working"),
        "tasks/cancel": () => task25("t1", "cancelled"),
      };
      const peer = legacy({ slow: "required" }, behaviour);
      const { client, host } = await connect(peer, kind);
      const handle = await host.callTool(client, { name: "slow" });
      const result = assert.rejects(handle.result(), (error: any) => error.code === "cancelled");
      assert.equal(await handle.cancel(), "cancelled");
      await result;
      assert.equal(peer.all("tasks/cancel").length, 1);
      assert.equal(peer.all("notifications/cancelled").length, 0);
      await client.close();

      const other = legacy({ slow: "required" }, behaviour, { requests: { tools: { call: {} } } });
      const second = await connect(other, kind);
      const stuck = await second.host.callTool(second.client, { name: "slow" });
      await assert.rejects(stuck.cancel(), (error: any) => isTaskError(error) && error.code === "unsupported");
      assert.equal(other.all("tasks/cancel").length + other.all("notifications/cancelled").length, 0);
      await second.client.close();
    });

    test("giving up a call cancels its task, or leaves it running", async () => {
      for (const onAbort of ["cancel", "detach"] as const) {
        for (const how of ["signal", "timeout"] as const) {
          const peer = legacy(
            { slow: "required" },
            {
              "tools/call": () => handle25("t1"),
              "tasks/result": () => undefined,
              "tasks/cancel": () => task25("t1", "cancelled"),
            },
          );
          const { client } = await connect(peer, kind, { onAbort });
          const stop = new AbortController();
          const call = client.callTool(
            { name: "slow" },
            ...callOptions(kind, how === "signal" ? { signal: stop.signal } : { timeout: 60 }),
          );
          const rejected = assert.rejects(call);
          await until(() => peer.all("tasks/result").length === 1);
          if (how === "signal") stop.abort("enough");
          await rejected;
          await later(20);
          assert.equal(peer.all("tasks/cancel").length, onAbort === "cancel" ? 1 : 0, `${onAbort} ${how}`);
          assert.equal(peer.all("notifications/cancelled").length, 0);
          await client.close();
        }
      }
    });

    test("giving up before the task is known is passed on, and a late task is cancelled", async () => {
      let create: (() => void) | undefined;
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => new Promise((resolve) => (create = () => resolve(handle25("late")))),
          "tasks/cancel": () => task25("late", "cancelled"),
        },
      );
      const { client, errors } = await connect(peer, kind);
      const stop = new AbortController();
      const call = assert.rejects(client.callTool({ name: "slow" }, ...callOptions(kind, { signal: stop.signal })));
      await until(() => create);
      stop.abort("enough");
      await call;
      assert.equal(peer.all("notifications/cancelled").length, 1);
      create?.();
      await until(() => peer.all("tasks/cancel").length === 1, "the late task is cancelled");
      assert.equal(peer.all("tasks/cancel")[0]?.params.taskId, "late");
      assert.deepEqual(errors, []);
      await client.close();
    });

    test("a task is found again by its reference (X-GEN-07)", async () => {
      const peer = legacy(
        { slow: "required" },
        { "tasks/get": () => task25("t1", "working"), "tasks/result": async () => (await later(20), text("done")) },
      );
      const { client, host } = await connect(peer, kind);
      const reference = { format: 1, taskId: "t1", tool: "slow", generation: "2025-11-25" } as const;
      const handle = await host.resume(client, reference);
      assert.deepEqual((await handle.result()).content, text("done").content);
      assert.equal(peer.all("tools/call").length, 0, "the call is not made again");
      await assert.rejects(
        host.resume(client, { ...reference, generation: "2026-07-28" }),
        (error: any) => error.code === "unsupported",
      );
      await assert.rejects(
        host.resume(client, { ...reference, server: "another/1" }),
        (error: any) => error.code === "unsupported",
      );
      peer.set({ "tasks/get": () => ({ error: { code: -32602, message: "gone" } }) });
      await assert.rejects(
        host.resume(client, reference),
        (error: any) => isTaskError(error) && error.code === "not_found",
      );
      await client.close();
    });

    test("a closed connection ends the following; the task can be resumed on the next one (H94)", async () => {
      const behaviour = {
        "tools/call": () => handle25("t1"),
        "tasks/get": () => task25("t1", "working"),
        "tasks/result": () => undefined,
      };
      const { client, host } = await connect(legacy({ slow: "required" }, behaviour), kind);
      const handle = await host.callTool(client, { name: "slow" });
      const plain = assert.rejects(client.callTool({ name: "slow" }));
      const result = assert.rejects(handle.result(), (error: any) => isTaskError(error) && error.code === "connection");
      await later(10);
      await client.close();
      await result;
      await plain;
      await assert.rejects(host.callTool(client, { name: "slow" }), (error: any) => error.code === "invalid_argument");
      const next = await connect(
        legacy({ slow: "required" }, { ...behaviour, "tasks/result": () => text("done") }),
        kind,
      );
      assert.ok(handle.reference);
      assert.deepEqual(
        (await (await next.host.resume(next.client, handle.reference)).result()).content,
        text("done").content,
      );
      await next.client.close();
    });

    test("detaching leaves the task alone", async () => {
      const peer = legacy(
        { slow: "required" },
        { "tools/call": () => handle25("t1"), "tasks/result": () => undefined },
      );
      const { client, host } = await connect(peer, kind);
      const handle = await host.callTool(client, { name: "slow" });
      const result = assert.rejects(handle.result(), (error: any) => isTaskError(error) && error.code === "detached");
      handle.detach();
      await result;
      for await (const _ of handle.updates());
      await later(20);
      assert.equal(peer.all("tasks/cancel").length, 0);
      await client.close();
    });

    test("progress of a task reaches its caller until the end", async () => {
      const peer = legacy(
        { slow: "required" },
        {
          "tools/call": () => handle25("t1"),
          "tasks/result": async (_params, _message, peer) => {
            const token = peer.all("tools/call")[0]?.params._meta.progressToken;
            for (const progress of [1, 2])
              peer.push({
                jsonrpc: "2.0",
                method: "notifications/progress",
                params: { progressToken: token, progress, _meta: { [RELATED]: { taskId: "t1" } } },
              });
            await later(10);
            return text("done");
          },
        },
      );
      const { client } = await connect(peer, kind);
      const seen: number[] = [];
      await client.callTool(
        { name: "slow" },
        ...callOptions(kind, { onprogress: ({ progress }: any) => seen.push(progress) }),
      );
      assert.deepEqual(seen, [1, 2]);
      await client.close();
    });
  });
}
