// Tasks that were begun under a TaskStore of SDK v1, beside those of a TaskServer.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { TaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/interfaces.js";
import { InMemoryTaskStore } from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { type TaskError, TaskClient, TaskServer } from "mcp-longhaul";
import { withStoredTasks } from "mcp-longhaul/sdk-v1";
import { later } from "./client-sdk.ts";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
const call = { method: "tools/call", params: { name: "old" } };

async function open(t: TestContext, old: TaskStore, overHttp = false) {
  const errors: TaskError[] = [];
  const tasks = new TaskServer({
    tools: { work: { task: "always", pollInterval: 20 } },
    owner: () => "ann",
    list: true,
    onerror: (error) => void errors.push(error),
  });
  const server = new McpServer({ name: "server", version: "1" });
  server.registerTool("work", {}, () => text("new"));
  const client = new Client({ name: "client", version: "1" });
  const onerror = (error: TaskError) => void errors.push(error);
  if (overHttp) {
    const transport = withStoredTasks(
      new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => "session-a" }),
      old,
      { onerror },
    );
    await tasks.attach(server).connect(transport);
    const fetch = (url: string | URL, init?: RequestInit) => transport.handleRequest(new Request(url, init));
    await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
  } else {
    const [near, far] = InMemoryTransport.createLinkedPair();
    await tasks.attach(server).connect(withStoredTasks(far, old, { onerror }));
    await client.connect(near);
  }
  t.after(async () => {
    await client.close();
    await tasks.close();
  });
  return { client, tasks: client.experimental.tasks, errors };
}

for (const overHttp of [false, true]) {
  describe(`tasks of an old store, ${overHttp ? "over HTTP" : "over a pipe"}`, () => {
    const session = overHttp ? "session-a" : undefined;

    test("are read, awaited, cancelled and listed; new ones are the server's", async (t) => {
      const old = new InMemoryTaskStore();
      t.after(() => old.cleanup());
      const make = async () => (await old.createTask({ pollInterval: 50 }, 1, call, session)).taskId;
      const [done, running, endless] = [await make(), await make(), await make()];
      await old.storeTaskResult(done, "completed", text("old"));
      const { client, tasks, errors } = await open(t, old, overHttp);

      assert.equal((await tasks.getTask(done)).status, "completed");
      const result = await tasks.getTaskResult(done, CallToolResultSchema);
      assert.deepEqual(result.content, text("old").content);
      assert.deepEqual(result._meta, { "io.modelcontextprotocol/related-task": { taskId: done } });

      const waiting = tasks.getTaskResult(running, CallToolResultSchema);
      await later(80);
      await old.storeTaskResult(running, "completed", text("later"));
      assert.deepEqual((await waiting).content, text("later").content);

      assert.equal((await tasks.cancelTask(endless)).status, "cancelled");
      await assert.rejects(tasks.cancelTask(endless), { code: -32602 });
      await assert.rejects(tasks.getTaskResult(endless, CallToolResultSchema));
      await assert.rejects(tasks.getTask("unknown"), { code: -32602 });

      const host = new TaskClient();
      host.attach(client);
      const handle = await host.callTool(client, { name: "work" });
      assert.deepEqual((await handle.result()).content, text("new").content);
      assert.equal(await old.getTask(handle.taskId!), null);
      const listed: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await tasks.listTasks(cursor);
        listed.push(...page.tasks.map(({ taskId }) => taskId));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(listed, [handle.taskId, done, running, endless]);
      await assert.rejects(tasks.listTasks("stored.nonsense"), { code: -32602 });
      assert.deepEqual(errors, []);
    });

    test("of another session are not there", async (t) => {
      const old = new InMemoryTaskStore();
      t.after(() => old.cleanup());
      const { taskId } = await old.createTask({ ttl: 60_000 }, 1, call, "session-b");
      const { tasks } = await open(t, old, overHttp);
      if (overHttp) {
        await assert.rejects(tasks.getTask(taskId), { code: -32602 });
        await assert.rejects(tasks.cancelTask(taskId), { code: -32602 });
        assert.deepEqual((await tasks.listTasks()).tasks, []);
      } else assert.equal((await tasks.getTask(taskId)).status, "working");
    });

    test("an old store that fails: the client may try again, the operator hears why", async (t) => {
      const old = new InMemoryTaskStore();
      const broken = () => Promise.reject(new Error("password=sesame"));
      Object.assign(old, { getTask: broken, listTasks: broken });
      const { tasks, errors } = await open(t, old, overHttp);
      await assert.rejects(tasks.getTask("whichever"), (error: any) => {
        assert.equal(error.code, -32603);
        assert.doesNotMatch(error.message, /sesame/);
        return true;
      });
      assert.deepEqual((await tasks.listTasks()).tasks, []);
      assert.deepEqual(
        errors.map(({ code }) => code),
        ["storage", "storage"],
      );
    });

    test("a wait that the client gives up ends", async (t) => {
      const old = new InMemoryTaskStore();
      let reads = 0;
      const getTask = old.getTask.bind(old);
      old.getTask = (...parameters) => (reads++, getTask(...parameters));
      const { taskId } = await old.createTask({ pollInterval: 50 }, 1, call, session);
      const { tasks } = await open(t, old, overHttp);
      const stop = new AbortController();
      const waiting = assert.rejects(tasks.getTaskResult(taskId, CallToolResultSchema, { signal: stop.signal }));
      await later(120);
      stop.abort();
      await waiting;
      await later(100);
      const before = reads;
      await later(200);
      assert.equal(reads, before);
    });
  });
}

test("what is no store of SDK v1 is refused", () => {
  const [, far] = InMemoryTransport.createLinkedPair();
  assert.throws(() => withStoredTasks(far, {} as never), { code: "invalid_argument" });
  const wrong = { onerror: 1 } as never;
  assert.throws(() => withStoredTasks(far, new InMemoryTaskStore(), wrong), { code: "invalid_argument" });
});
