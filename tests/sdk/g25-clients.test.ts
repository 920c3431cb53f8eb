// 2025-11-25: the SDKs' own clients, without this package, against a server with tasks.
import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { CallToolResultSchema, CreateTaskResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { TaskServer } from "mcp-longhaul";
import { FORM, YES } from "./harness/g25.ts";
import { entryV2, statefulV1, statelessV1 } from "./harness/http.ts";
import { type Tools, attached, text } from "./harness/servers.ts";

const TOOLS: Tools = {
  quick: () => text("quick"),
  ask: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).content?.yes === true ? "yes" : "no"),
  bad: () => ({ ...text("bad"), isError: true }),
  plain: () => text("plain"),
};
const POLICIES = {
  tools: {
    quick: { pollInterval: 20 },
    ask: { pollInterval: 20, support: "required" },
    bad: { pollInterval: 20 },
    plain: { task: "never" },
  },
} as const;
const INFO = { name: "client", version: "1.0.0" };
const CAPABILITIES = { capabilities: { elicitation: {} } };

const PLACES = ["in memory", "v1 with sessions", "v1 without sessions", "v2's entry"] as const;

async function connect(t: TestContext, place: (typeof PLACES)[number]): Promise<ClientV1> {
  const tasks = new TaskServer(POLICIES);
  const client = new ClientV1(INFO, CAPABILITIES);
  client.setRequestHandler(ElicitRequestSchema, () => YES);
  t.after(() => Promise.all([client.close(), tasks.close()]));
  if (place === "in memory") {
    const [near, far] = InMemoryTransport.createLinkedPair();
    await attached("v1", tasks, TOOLS).connect(far as never);
    await client.connect(near);
  } else {
    const make = () => attached(place === "v2's entry" ? "v2" : "v1", tasks, TOOLS);
    const server = await (place === "v2's entry"
      ? entryV2(make)
      : place === "v1 with sessions"
        ? statefulV1(make)
        : statelessV1(make));
    t.after(() => server.close());
    await client.connect(new HttpV1(new URL(server.url)));
  }
  await client.listTools();
  return client;
}

for (const place of PLACES) {
  describe(`SDK v1's client, ${place}`, () => {
    it("follows a task by callToolStream to its result", async (t) => {
      const client = await connect(t, place);
      const seen: string[] = [];
      for await (const message of client.experimental.tasks.callToolStream(
        { name: "quick", arguments: {} },
        CallToolResultSchema,
        { task: { ttl: 60_000 } },
      )) {
        seen.push(message.type === "taskStatus" ? message.task.status : message.type);
        if (message.type === "taskCreated") assert.equal(message.task.ttl, 60_000);
        if (message.type === "result") assert.deepEqual(message.result.content, text("quick").content);
      }
      assert.equal(seen[0], "taskCreated");
      assert.equal(seen.at(-1), "result");
    });

    it("answers a task's question by its own handler", async (t) => {
      const client = await connect(t, place);
      let answer: unknown;
      for await (const message of client.experimental.tasks.callToolStream(
        { name: "ask", arguments: {} },
        CallToolResultSchema,
        { task: {} },
      )) {
        if (message.type === "error") throw message.error;
        if (message.type === "result") answer = message.result.content;
      }
      assert.deepEqual(answer, text("yes").content);
    });

    it("reads, lists and cancels", async (t) => {
      const client = await connect(t, place);
      const created = await client.request(
        { method: "tools/call", params: { name: "bad", arguments: {}, task: {} } },
        CreateTaskResultSchema,
      );
      const { taskId } = created.task;
      const failed = await client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
      assert.equal(failed.isError, true);
      assert.equal((await client.experimental.tasks.getTask(taskId)).status, "failed");
      await assert.rejects(client.experimental.tasks.cancelTask(taskId), { code: -32602 });
      if (place === "in memory")
        assert.deepEqual(
          (await client.experimental.tasks.listTasks()).tasks.map((task) => task.taskId),
          [taskId],
        );
      assert.deepEqual((await client.callTool({ name: "plain", arguments: {} })).content, text("plain").content);
    });
  });
}

it("SDK v2's client in the legacy era calls plainly what it can, and is refused what must be a task", async (t) => {
  const tasks = new TaskServer(POLICIES);
  const server = await statefulV1(() => attached("v1", tasks, TOOLS));
  const client = new ClientV2(INFO);
  t.after(async () => {
    await client.close();
    await server.close();
    await tasks.close();
  });
  await client.connect(new HttpV2(new URL(server.url)));
  assert.deepEqual((await client.callTool({ name: "quick", arguments: {} })).content, text("quick").content);
  await assert.rejects(client.callTool({ name: "ask", arguments: {} }), { code: -32601 });
});
