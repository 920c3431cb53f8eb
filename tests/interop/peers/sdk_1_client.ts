// The client of SDK v1 and its experimental tasks, against our server. Arguments: a URL, or a command line.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, ElicitRequestSchema, type McpError } from "@modelcontextprotocol/sdk/types.js";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "./report.ts";

const [target = "", ...parameters] = process.argv.slice(2);
const client = new Client({ name: "sdk-1", version: "1.0.0" }, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { ok: true } }));
await client.connect(
  target.startsWith("http")
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args: parameters, stderr: "ignore" }),
);
// Its stream of a call knows which tools take tasks from their list.
await client.listTools();
const { tasks } = client.experimental;

/** What the SDK's stream of a call brings: each message's kind, and the result. */
async function stream(name: string, values: Record<string, unknown> = {}, ttl = 60_000) {
  const kinds: string[] = [];
  let taskId = "";
  let text = "";
  let isError: boolean | undefined;
  for await (const message of tasks.callToolStream({ name, arguments: values }, CallToolResultSchema, {
    task: { ttl },
  })) {
    kinds.push(message.type);
    if (message.type === "taskCreated") taskId = message.task.taskId;
    if (message.type === "error") throw message.error;
    if (message.type !== "result") continue;
    text = (message.result.content[0] as { text: string }).text;
    isError = message.result.isError;
  }
  return { kinds, taskId, text, isError };
}

/** The id of a task that goes on. */
async function begin(name: string): Promise<string> {
  const calls = tasks.callToolStream({ name, arguments: {} }, CallToolResultSchema, { task: { ttl: 60_000 } });
  const { value } = await calls.next();
  assert(value?.type === "taskCreated");
  return value.task.taskId;
}

await check("create", async () => {
  const { kinds } = await stream("render", { scene: "teapot" });
  assert.equal(kinds[0], "taskCreated");
  return kinds.join(" ");
});
await check("result", async () => {
  const { text } = await stream("render", { scene: "teapot" });
  assert.equal(text, "teapot is rendered");
  return text;
});
await check("poll", async () => {
  const id = await begin("endless");
  const { status } = await tasks.getTask(id);
  assert.equal(status, "working");
  return status;
});
await check("ask", async () => {
  const { text } = await stream("confirm");
  assert.match(text, /accept/);
  return text;
});
await check("error", async () => {
  // Its stream says of a failed task only that it failed.
  await assert.rejects(stream("fail"), /failed/);
  return "failed";
});
await check("cancel", async () => {
  const { status } = await tasks.cancelTask(await begin("endless"));
  assert.equal(status, "cancelled");
  return status;
});
await check("expiry", async () => {
  const { taskId } = await stream("brief", {}, 500);
  await sleep(2_000);
  await assert.rejects(tasks.getTask(taskId), (error: McpError) => error.code === -32602);
  return "not found";
});
await check("list", async () => {
  try {
    return `${(await tasks.listTasks()).tasks.length} tasks`;
  } catch (error) {
    // Without sessions and without a principal the server does not offer the list.
    assert.match(String(error), /not support|-32601/);
    return "not offered";
  }
});
await check("plain call", async () => {
  const result = await client.callTool({ name: "render", arguments: { scene: "teapot" } });
  const [{ text }] = result.content as [{ text: string }];
  assert.equal(text, "teapot is rendered");
  return text;
});
await client.close();
