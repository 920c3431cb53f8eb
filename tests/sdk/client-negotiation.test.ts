// What a client takes for a declaration, and which era it settles on.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { TaskClient, TaskServer, type TaskClientOptions } from "mcp-longhaul";
import { ALL_INPUT, capabilityBits } from "mcp-longhaul/wire/capabilities";
import { EXTENSION, G25, G26, handle25, handle26, legacy, modern, type Peer, task26, text } from "./client-peer.ts";
import type { Message } from "./client-types.ts";
import { connect, LEGACY, makeClient } from "./client-sdk.ts";
import { tools } from "./client-tools.ts";
import { entryV2, statefulV1 } from "./harness/http.ts";
import { attached } from "./harness/servers.ts";

/** What is JSON, and no object. */
const NO_OBJECTS: readonly unknown[] = [true, false, null, [], [{}], "", "yes", 0, 1];

/** A tapped transport without an SDK above it, which would refuse a malformed declaration first. */
function raw(peer: Peer, options: TaskClientOptions): (method: string, params?: object) => Promise<Message> {
  const transport = new TaskClient({ poll: { min: 5, initial: 5 }, ...options }).attach(peer.transport);
  const waiting = new Map<unknown, (message: Message) => void>();
  transport.onmessage = (message) => waiting.get(message.id)?.(message);
  let id = 0;
  return (method, params = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++id, resolve);
      transport.send({ jsonrpc: "2.0", id, method, params }).catch(reject);
    });
}

describe("what a server declares", () => {
  const offered = async (tasks: unknown): Promise<boolean> => {
    const peer = legacy(
      { slow: "optional" },
      { "tools/call": (params) => (params.task ? handle25("t1") : text("plain")), "tasks/result": () => text("task") },
      { tasks } as object,
    );
    peer.set({
      initialize: () => ({
        protocolVersion: G25,
        capabilities: { tools: {}, tasks },
        serverInfo: { name: "s", version: "1" },
      }),
    });
    const request = raw(peer, { preference: "prefer" });
    await request("initialize");
    const { result } = await request("tools/call", { name: "slow" });
    assert.equal(result.content[0].text === "task", peer.all("tools/call")[0]?.params.task !== undefined);
    return result.content[0].text === "task";
  };

  // G25-CAP-12
  test("2025-11-25: what is unknown is ignored, and a leaf that is no object is not declared", async () => {
    assert.equal(await offered({ requests: { tools: { call: {} } } }), true);
    const odd = {
      future: true,
      list: 5,
      cancel: null,
      requests: { future: [], sampling: "x", tools: { future: 1, call: { future: null } } },
    };
    assert.equal(await offered(odd), true);
    for (const leaf of NO_OBJECTS) {
      for (const tasks of [
        leaf,
        { requests: leaf },
        { requests: { tools: leaf } },
        { requests: { tools: { call: leaf } } },
      ])
        assert.equal(await offered(tasks), false, JSON.stringify(tasks));
    }
    assert.equal(await offered(JSON.parse('{"requests":{"__proto__":{"tools":{"call":{}}}}}')), false);
  });

  test("2025-11-25: a `cancel` that is no object is not declared (G25-CAP-12)", async () => {
    for (const cancel of NO_OBJECTS) {
      // The SDK refuses what it knows to be malformed, so the tap alone sees a second handshake.
      const peer = legacy(
        { slow: "required" },
        { "tools/call": () => handle25("t1"), "tasks/result": () => undefined },
        { requests: { tools: { call: {} } } },
      );
      const { client, host } = await connect(peer, "SDK v1");
      peer.set({
        initialize: () => ({
          protocolVersion: G25,
          capabilities: { tools: {}, tasks: { cancel, requests: { tools: { call: {} } } } },
          serverInfo: { name: "s", version: "1" },
        }),
      });
      await (client.transport as Peer["transport"]).send({
        jsonrpc: "2.0",
        id: "again",
        method: "initialize",
        params: {},
      });
      await new Promise(setImmediate);
      const handle = await host.callTool(client, { name: "slow" });
      const result = assert.rejects(handle.result());
      await assert.rejects(handle.cancel(), (error: any) => error.code === "unsupported");
      assert.equal(peer.all("tasks/cancel").length, 0);
      await client.close();
      await result;
    }
  });

  test("2026-07-28: any object under the extension's key is support, nothing else is (G26-CAP-14)", async () => {
    const answer = async (value: unknown): Promise<Message> => {
      const peer = modern(
        {
          "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
          "tasks/get": () => task26("t1", "completed", { result: text("task") }),
        },
        { [EXTENSION]: value },
      );
      const request = raw(peer, { preference: "require" });
      await request("server/discover");
      return request("tools/call", { name: "slow", _meta: { "io.modelcontextprotocol/protocolVersion": G26 } });
    };
    for (const value of [{}, { future: true }, { future: { deep: [null] } }])
      assert.deepEqual((await answer(value)).result?.content, text("task").content, JSON.stringify(value));
    for (const value of NO_OBJECTS)
      assert.equal((await answer(value)).error?.data.reason, "unsupported", JSON.stringify(value));
  });
});

describe("a client that is attached late", () => {
  // Each word is a step of the application; at its end it calls a tool that runs only as a task.
  for (const kind of LEGACY) {
    for (const story of [
      "attach connect list",
      "connect attach",
      "connect attach list",
      "connect list attach",
      "connect list attach list",
      "connect attach call list",
    ]) {
      test(`${kind}: ${story} (G25-TLN-06)`, async () => {
        const peer = legacy(
          { slow: "required", quick: "optional" },
          {
            "tools/call": (params) => (params.task ? handle25("t1") : text("plain")),
            "tasks/result": () => text("task"),
          },
        );
        const client = makeClient(kind);
        const steps: Record<string, () => unknown> = {
          attach: () => new TaskClient().attach(client),
          connect: () => client.connect(peer.transport),
          call: async () => assert.deepEqual((await client.callTool({ name: "quick" })).content, text("task").content),
          list: async () => {
            const { tools } = await client.listTools();
            assert.deepEqual(
              tools.map(({ execution }: any) => execution.taskSupport),
              ["required", "optional"],
              "the server's own words",
            );
          },
        };
        for (const step of story.split(" ")) await steps[step]?.();
        assert.deepEqual((await client.callTool({ name: "slow" })).content, text("task").content);
        await client.close();
      });
    }
  }

  // G25-TLN-06
  test("only its transport is attached: SDK v1 would refuse what runs only as a task, and need not", async () => {
    const peer = legacy(
      { slow: "required" },
      { "tools/call": () => handle25("t1"), "tasks/result": () => text("task") },
    );
    const { client } = await connect(peer, "SDK v1", { attach: "transport" });
    const { tools } = await client.listTools();
    assert.equal(tools[0].execution.taskSupport, "optional");
    assert.deepEqual((await client.callTool({ name: "slow" })).content, text("task").content);
    await client.close();
  });
});

describe("what a client declares", () => {
  test("2025-11-25: its own `tasks` say nothing about the server's (G25-CAP-12)", () => {
    for (const tasks of [...NO_OBJECTS, {}, { requests: true }, { future: 1 }])
      assert.equal(
        capabilityBits({ tasks, elicitation: {}, sampling: {} }),
        capabilityBits({ elicitation: {}, sampling: {} }),
      );
    for (const leaf of NO_OBJECTS) {
      assert.equal(capabilityBits({ elicitation: leaf, sampling: leaf, roots: leaf }), 0, JSON.stringify(leaf));
      assert.equal(
        capabilityBits({ elicitation: { form: {}, url: leaf }, sampling: { tools: leaf } }),
        capabilityBits({ elicitation: { form: {} }, sampling: {} }),
      );
      assert.equal(capabilityBits(leaf), 0);
    }
    assert.equal(
      capabilityBits({
        elicitation: { form: {}, url: {}, future: true },
        sampling: { tools: {}, future: 1 },
        roots: { future: null },
        future: {},
      }),
      ALL_INPUT,
    );
  });

  test("2026-07-28: any object under the extension's key is support, nothing else is (G26-CAP-14)", () => {
    for (const value of [{}, { future: true }, { future: { deep: [null] } }])
      assert.equal(capabilityBits({ extensions: { [EXTENSION]: value } }), 1);
    for (const value of NO_OBJECTS)
      assert.equal(capabilityBits({ extensions: { [EXTENSION]: value } }), 0, JSON.stringify(value));
    for (const extensions of NO_OBJECTS) assert.equal(capabilityBits({ extensions }), 0);
    assert.equal(capabilityBits({ extensions: Object.create({ [EXTENSION]: {} }) }), 0);
  });
});

describe("a result without `resultType` is complete (X-GEN-05)", () => {
  for (const kind of LEGACY) {
    test(kind, async () => {
      const peer = legacy(
        { slow: "required", quick: undefined },
        {
          "tools/call": (params) => (params.task ? handle25("t1") : text("quick")),
          "tasks/result": () => text("slow"),
        },
      );
      const { client, errors } = await connect(peer, kind);
      for (const name of ["slow", "quick"]) assert.deepEqual(await client.callTool({ name }), text(name));
      assert.deepEqual(errors, []);
      await client.close();
    });
  }

  test("SDK v2, 2026", async () => {
    const bare = (status: string, more: object = {}) => {
      const { resultType: _, ...rest } = task26("t1", status, { pollIntervalMs: 5, ...more });
      return rest;
    };
    const question = {
      method: "elicitation/create",
      params: { mode: "form", message: "?", requestedSchema: { type: "object", properties: {} } },
    };
    let answered = false;
    const peer = modern({
      "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
      "tasks/get": () =>
        answered
          ? bare("completed", { result: text("done") })
          : bare("input_required", { inputRequests: { k: question } }),
      "tasks/update": () => ((answered = true), {}),
    });
    const { client, errors, host } = await connect(peer, "SDK v2, 2026", {
      handlers: { "elicitation/create": () => ({ action: "accept", content: {} }) },
    });
    assert.deepEqual((await client.callTool({ name: "slow" })).content, text("done").content);
    assert.deepEqual((await (await host.callTool(client, { name: "slow" })).result()).content, text("done").content);
    assert.deepEqual(errors, []);
    await client.close();
  });
});

describe("a client of both eras has tasks in the one that was settled (X-HTT-04)", () => {
  const serve = () => new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });
  const stdio = (file: string, ...args: string[]) =>
    new StdioClientTransport({
      command: process.execPath,
      args: [fileURLToPath(new URL(file, import.meta.url)), ...args],
    });
  const ways: Record<
    string,
    { era: string; tool: string; open(): Promise<{ transport: unknown; end(): Promise<void> }> }
  > = {
    "HTTP, both eras": {
      era: "modern",
      tool: "slow",
      async open() {
        const tasks = serve();
        const http = await entryV2(() => attached("v2", tasks, tools));
        return {
          transport: new StreamableHTTPClientTransport(new URL(http.url)),
          end: async () => (await http.close(), await tasks.close()),
        };
      },
    },
    "HTTP, 2025 alone": {
      era: "legacy",
      tool: "slow",
      async open() {
        const tasks = serve();
        const http = await statefulV1(() => attached("v1", tasks, tools));
        return {
          transport: new StreamableHTTPClientTransport(new URL(http.url)),
          end: async () => (await http.close(), await tasks.close()),
        };
      },
    },
    "stdio, both eras": {
      era: "modern",
      tool: "slow",
      open: async () => ({ transport: stdio("client-stdio-server.ts"), end: async () => {} }),
    },
    "stdio, 2025 alone": {
      era: "legacy",
      tool: "quick",
      open: async () => ({ transport: stdio("harness/g25-stdio-server.ts", "v1"), end: async () => {} }),
    },
  };
  for (const [name, { era, tool, open }] of Object.entries(ways)) {
    test(name, async () => {
      const errors: Error[] = [];
      const host = new TaskClient({ poll: { min: 5 }, preference: "require", onerror: (error) => errors.push(error) });
      const { transport, end } = await open();
      const client = host.attach(makeClient("SDK v2, 2025", {}, { versionNegotiation: { mode: "auto" } }));
      try {
        await client.connect(transport);
        assert.equal((client as unknown as { getProtocolEra(): string }).getProtocolEra(), era);
        const handle = await host.callTool(client, { name: tool, arguments: {} });
        assert.equal(handle.reference?.generation, era === "modern" ? G26 : G25);
        assert.deepEqual((await handle.result()).content, [{ type: "text", text: tool }]);
        assert.deepEqual((await client.callTool({ name: tool, arguments: {} })).content, [
          { type: "text", text: tool },
        ]);
        assert.deepEqual(errors, []);
      } finally {
        await client.close();
        await end();
      }
    });
  }
});
