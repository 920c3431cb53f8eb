// The messages of SDK v1's streams, of a call through a TaskClient.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { ResponseMessage as ResponseMessageV1 } from "@modelcontextprotocol/sdk/shared/responseMessage.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpError, type CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { TaskClient, TaskServer } from "mcp-longhaul";
import { callToolStream, type ResponseMessage, responseMessages } from "mcp-longhaul/sdk-v1";
import { type Kind, later, makeClient } from "./client-sdk.ts";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

const isToolError = (message: ResponseMessage) => message.type === "result" && message.result.isError === true;

async function open(t: TestContext, kind: Kind) {
  const tasks = new TaskServer({
    tools: { work: { task: "always", pollInterval: 20 }, fail: { task: "always" }, endless: { task: "always" } },
  });
  const server = new McpServer({ name: "server", version: "1" });
  server.registerTool("work", {}, async (extra) => {
    await tasks.current(extra)?.status("half");
    await later(60);
    return text("done");
  });
  server.registerTool("fail", {}, async () => {
    await later(20);
    throw new McpError(-32_050, "no");
  });
  server.registerTool("plain", {}, () => text("plain"));
  server.registerTool("endless", {}, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return text("stopped");
  });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await tasks.attach(server).connect(far);
  const host = new TaskClient({ poll: { min: 5, initial: 5 } });
  const client = host.attach(makeClient(kind) as any);
  await client.connect(near as never);
  t.after(() => tasks.close());
  return { host, client };
}

for (const kind of ["SDK v1", "SDK v2, 2025"] as const) {
  describe(`callToolStream of ${kind}`, () => {
    test("a task: created, its changes, its result", async (t) => {
      const { host, client } = await open(t, kind);
      const messages: ResponseMessage[] = [];
      for await (const message of callToolStream(host, client, { name: "work" })) messages.push(message);
      const types = messages.map(({ type }) => type);
      assert.deepEqual([types[0], types.at(-2), types.at(-1)], ["taskCreated", "taskStatus", "result"]);
      const tasks = messages.flatMap((message) => ("task" in message ? [message.task] : []));
      assert.equal(tasks.at(-1)!.status, "completed");
      assert.ok(tasks.some(({ statusMessage }) => statusMessage === "half"));
      for (const task of tasks) assert.ok(task.taskId && task.createdAt <= task.lastUpdatedAt, JSON.stringify(task));
      const last = messages.at(-1)!;
      assert.deepEqual(last.type === "result" && last.result.content, text("done").content);
    });

    test("an answer without a task is a result alone, and its handle is one like any other", async (t) => {
      const { host, client } = await open(t, kind);
      const messages: ResponseMessage[] = [];
      for await (const message of callToolStream(host, client, { name: "plain" })) messages.push(message);
      assert.deepEqual(
        messages.map(({ type }) => type),
        ["result"],
      );
      const handle = await host.callTool(client, { name: "plain" });
      assert.deepEqual([handle.taskId, handle.reference, handle.snapshot.status], [undefined, undefined, "completed"]);
      for await (const update of handle.updates()) assert.fail(JSON.stringify(update));
      assert.equal(await handle.cancel(), "completed");
      handle.detach();
      assert.deepEqual((await handle.result()).content, text("plain").content);
    });

    test("what goes wrong is the last message, with a code", async (t) => {
      const { host, client } = await open(t, kind);
      const last = async (name: string, options = {}) => {
        let message: ResponseMessage | undefined;
        for await (message of callToolStream(host, client, { name }, options)) continue;
        return message!;
      };
      const required = await last("plain", { preference: "require" });
      assert.ok(required.type === "error" && required.error instanceof Error && required.error.code === -32_603);
      const unknown = await last("unknown");
      assert.ok(unknown.type === "error" ? typeof unknown.error.code === "number" : isToolError(unknown));
      const failed = await last("fail");
      assert.ok(failed.type === "error" ? failed.error.code === -32_050 : isToolError(failed), JSON.stringify(failed));
    });

    test("whoever breaks out detaches; the task goes on and can be followed again", async (t) => {
      const { host, client } = await open(t, kind);
      const handle = await host.callTool(client, { name: "endless" });
      for await (const { type } of responseMessages(handle)) {
        assert.equal(type, "taskCreated");
        break;
      }
      await assert.rejects(handle.result(), { code: "detached" });
      const again = await host.resume(client, handle.reference!);
      assert.equal(again.snapshot.status, "working");
      const following = (async () => {
        let message: ResponseMessage | undefined;
        for await (message of responseMessages(again)) continue;
        return message!;
      })();
      await later(20);
      await again.cancel();
      assert.equal((await following).type, "error");
    });
  });
}

test("its messages are what code for SDK v1 takes", () => {
  const take = (_message: ResponseMessageV1<CallToolResult>) => {};
  const message: ResponseMessage<CallToolResult> = { type: "result", result: text("done") };
  take(message as ResponseMessage<CallToolResult>);
});
