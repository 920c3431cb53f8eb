// A class of either SDK that is attached whole: frameworks make their clients and servers themselves.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as v2c from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server as LowLevelV1 } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { TaskClient, TaskServer } from "mcp-longhaul";
import { attachClass } from "mcp-longhaul/attach-class";
import { handle25, handle26, legacy, modern, task25, task26, text } from "./client-peer.ts";
import { later } from "./client-sdk.ts";

/** A class of its own for each test: what is attached stays attached. */
const fresh = {
  v1: () => class extends ClientV1 {},
  v2: () => class extends v2c.Client {},
};
const INFO = { name: "framework", version: "1" };
const MODERN = { versionNegotiation: { mode: { pin: "2026-07-28" } } } as const;

const peer25 = () =>
  legacy(
    { work: "required" },
    {
      "tools/call": () => handle25("t1", { pollInterval: 5 }),
      "tasks/get": () => task25("t1", "completed"),
      "tasks/result": () => text("done"),
    },
  );
const peer26 = () =>
  modern({
    "tools/call": () => handle26("t1", { pollIntervalMs: 5 }),
    "tasks/get": () => task26("t1", "completed", { result: text("done") }),
  });

const KINDS = [
  { name: "SDK v1", make: fresh.v1, options: {}, peer: peer25 },
  { name: "SDK v2, 2025", make: fresh.v2, options: {}, peer: peer25 },
  { name: "SDK v2, 2026", make: fresh.v2, options: MODERN, peer: peer26 },
];

for (const { name, make, options, peer } of KINDS) {
  describe(`clients, ${name}`, () => {
    test("each client of the class runs tasks, and so do those of a subclass, whose methods run once", async () => {
      const Client: any = attachClass(new TaskClient(), make() as any);
      let calls = 0;
      class Subclass extends Client {
        connect(...values: any[]) {
          calls++;
          return super.connect(...values);
        }
        callTool(...values: any[]) {
          calls++;
          return super.callTool(...values);
        }
      }
      for (const Class of [Client, Client, Subclass]) {
        const client = new Class(INFO, options);
        for (const _connection of [1, 2]) {
          await client.connect(peer().transport);
          assert.deepEqual((await client.callTool({ name: "work", arguments: {} })).content, text("done").content);
          await client.close();
        }
        assert(!Object.hasOwn(client, "connect") && !Object.hasOwn(client, "callTool"));
      }
      assert.equal(calls, 4);
    });

    test("a client that is connected already is attached with its next call", async () => {
      const Class: any = make();
      const client = new Class(INFO, options);
      await client.connect(peer().transport);
      attachClass(new TaskClient(), Class);
      assert.deepEqual((await client.callTool({ name: "work", arguments: {} })).content, text("done").content);
      await client.close();
    });

    test("a TaskClient of one's own can still hold the task", async () => {
      const host = new TaskClient();
      const Class: any = attachClass(host, make() as any);
      const client = new Class(INFO, options);
      await client.connect(peer().transport);
      const task = await host.callTool(client, { name: "work", arguments: {} });
      assert.equal(task.taskId, "t1");
      assert.deepEqual(((await task.result()) as any).content, text("done").content);
      await client.close();
    });
  });
}

describe("servers", () => {
  const work = async () => (await later(20), text("done") as any);
  const LOW = { capabilities: { tools: {} } };
  const servers: Record<string, (tasks: TaskServer) => { connect(transport: any): Promise<void> }> = {
    "McpServer, SDK v1"(tasks) {
      const Class = attachClass(tasks, class extends McpServerV1 {});
      const server = new Class(INFO);
      server.registerTool("work", {}, work);
      return server;
    },
    "McpServer, SDK v2"(tasks) {
      const Class = attachClass(tasks, class extends McpServerV2 {});
      const server = new Class(INFO);
      server.registerTool("work", {}, work);
      return server;
    },
    "Server, SDK v1"(tasks) {
      const Class = attachClass(tasks, class extends LowLevelV1 {});
      const server = new Class(INFO, LOW);
      const tools = [{ name: "work", inputSchema: { type: "object" as const } }];
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
      server.setRequestHandler(CallToolRequestSchema, work);
      return server;
    },
  };
  for (const [name, make] of Object.entries(servers)) {
    test(`${name}: a call becomes a task`, async () => {
      const tasks = new TaskServer({ task: "always" });
      const [ours, theirs] = InMemoryTransport.createLinkedPair();
      await make(tasks).connect(theirs);
      const host = new TaskClient();
      const client = host.attach(new ClientV1(INFO));
      await client.connect(ours);
      const task = await host.callTool(client, { name: "work", arguments: {} });
      assert.match(task.taskId ?? "", /./);
      assert.deepEqual(((await task.result()) as any).content, text("done").content);
      await client.close();
      await tasks.close();
    });
  }
});

test("what is no class of an SDK is refused, and a class that is another's", () => {
  const wrong = { code: "invalid_argument" };
  for (const value of [undefined, null, {}, Map, () => {}, new ClientV1(INFO)])
    assert.throws(() => attachClass(new TaskClient(), value as any), wrong);
  const Class = fresh.v1();
  const host = new TaskClient();
  assert.equal(attachClass(host, Class), Class);
  assert.equal(attachClass(host, Class), Class);
  assert.throws(() => attachClass(new TaskClient(), Class), wrong);
});
