// The client half against SDK v1's own experimental tasks: its store, its queue, its way to say things.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  InMemoryTaskMessageQueue,
  InMemoryTaskStore,
} from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { TaskClient } from "mcp-longhaul";
import * as z from "zod";
import { callOptions, type Kind, later, LEGACY, makeClient, until } from "./client-sdk.ts";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A tool that runs as a task; its handler gets the task's id and what the SDK gave it. */
function register(
  server: McpServer,
  name: string,
  taskSupport: "required" | "optional",
  work: (taskId: string, extra: any) => Promise<unknown>,
): void {
  server.experimental.tasks.registerToolTask(
    name,
    { inputSchema: { a: z.string().optional() }, execution: { taskSupport } },
    {
      async createTask(_args: unknown, extra: any) {
        const task = await extra.taskStore.createTask({ ttl: 60_000, pollInterval: 20 });
        void work(task.taskId, extra);
        return { task };
      },
      getTask: async (_args: unknown, extra: any) => await extra.taskStore.getTask(extra.taskId),
      getTaskResult: async (_args: unknown, extra: any) => await extra.taskStore.getTaskResult(extra.taskId),
    } as any,
  );
}

async function start(kind: Kind) {
  const store = new InMemoryTaskStore();
  const server = new McpServer(
    { name: "experimental", version: "1" },
    {
      capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
      taskStore: store,
      taskMessageQueue: new InMemoryTaskMessageQueue(),
    },
  );
  register(server, "slow", "required", async (taskId, extra) => {
    await later(60);
    await extra.taskStore.storeTaskResult(taskId, "completed", text("done"));
  });
  register(server, "ask", "required", async (taskId, extra) => {
    try {
      const answer: any = await extra.sendRequest(
        {
          method: "elicitation/create",
          params: {
            mode: "form",
            message: "who?",
            requestedSchema: { type: "object", properties: { name: { type: "string" } } },
          },
        },
        ElicitResultSchema,
        { relatedTask: { taskId } },
      );
      await extra.taskStore.storeTaskResult(taskId, "completed", text(`hello ${answer.content.name}`));
    } catch (error) {
      await extra.taskStore.storeTaskResult(taskId, "failed", { ...text(String(error)), isError: true });
    }
  });
  register(server, "fail", "required", async (taskId, extra) => {
    await later(20);
    await extra.taskStore.storeTaskResult(taskId, "failed", { ...text("no"), isError: true });
  });
  register(server, "endless", "optional", async () => {});
  server.registerTool("plain", {}, () => text("plain"));
  const asked: any[] = [];
  const client = makeClient(kind, {
    "elicitation/create": (params) => (asked.push(params), { action: "accept", content: { name: "Ada" } }),
  });
  const errors: Error[] = [];
  client.onerror = (error) => errors.push(error);
  const host = new TaskClient({ poll: { min: 5, initial: 5 }, onerror: (error) => errors.push(error) });
  host.attach(client);
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(theirs);
  await client.connect(ours);
  const stop = async () => {
    await client.close();
    store.cleanup();
  };
  return { server, client, host, asked, errors, stop };
}

for (const kind of LEGACY) {
  describe(`${kind} and the experimental server of SDK v1`, () => {
    test("a task, a plain tool and a tool's own error (G25-TLN-06)", async () => {
      const { client, stop, errors } = await start(kind);
      assert.deepEqual((await client.callTool({ name: "slow", arguments: {} })).content, text("done").content);
      assert.deepEqual((await client.callTool({ name: "plain", arguments: {} })).content, text("plain").content);
      const failed = await client.callTool({ name: "fail", arguments: {} });
      assert.deepEqual([failed.isError, failed.content], [true, text("no").content]);
      assert.deepEqual(errors, []);
      await stop();
    });

    test("a question inside a task, whose queue only tasks/result drains (G25-INP-03)", async () => {
      const { client, asked, stop, errors } = await start(kind);
      assert.deepEqual((await client.callTool({ name: "ask", arguments: {} })).content, text("hello Ada").content);
      assert.equal(asked.length, 1);
      assert.deepEqual(errors, []);
      await stop();
    });

    test("a handle: updates, cancelling, and its result afterwards (G25-CAN-01)", async () => {
      const { client, host, stop } = await start(kind);
      const handle = await host.callTool(client as any, { name: "endless", arguments: {} });
      const statuses: string[] = [];
      const watching = (async () => {
        for await (const { status } of handle.updates()) statuses.push(status);
      })();
      await later(50);
      const result = assert.rejects(handle.result(), (error: any) => error.code === "cancelled");
      assert.equal(await handle.cancel(), "cancelled");
      await result;
      await watching;
      assert.ok(statuses.length >= 2 && statuses.at(-1) === "cancelled", statuses.join());
      await stop();
    });

    test("giving up cancels the task on the server", async () => {
      const { client, host, stop } = await start(kind);
      const stopper = new AbortController();
      const first = await host.callTool(client as any, { name: "endless", arguments: {} });
      const call = assert.rejects(
        client.callTool({ name: "endless", arguments: {} }, ...callOptions(kind, { signal: stopper.signal })),
      );
      await later(20);
      stopper.abort();
      await call;
      assert.equal(first.snapshot.status, "working");
      first.detach();
      await stop();
    });

    test("several tasks at once, each with its own answer", async () => {
      const { client, stop } = await start(kind);
      const results = await Promise.all(
        ["slow", "ask", "fail", "slow", "ask"].map((name) => client.callTool({ name, arguments: {} })),
      );
      assert.deepEqual(
        results.map((result: any) => result.content[0].text),
        ["done", "hello Ada", "no", "done", "hello Ada"],
      );
      await until(() => true);
      await stop();
    });
  });
}
