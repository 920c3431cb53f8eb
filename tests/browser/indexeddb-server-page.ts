// Runs in a page: a server that keeps its tasks in the browser. What it offers to indexeddb.ts is `startTask` and
// `readTask`.
import { Client } from "@modelcontextprotocol/client";
import { InMemoryTransport, McpServer } from "@modelcontextprotocol/server";
import { TaskClient, TaskServer, type TaskReference } from "mcp-longhaul";
import { indexedDbStore } from "mcp-longhaul/stores/indexeddb";
import type * as z from "zod";

/** A server and a client in this page, on one store. */
async function connect(database: string): Promise<{ client: Client; host: TaskClient; tasks: TaskServer }> {
  const tasks = new TaskServer({ store: indexedDbStore(database), task: "always" });
  const server = new McpServer({ name: "in the page", version: "1.0.0" });
  server.registerTool("greet", { inputSchema: undefined as unknown as z.ZodObject }, () => ({
    content: [{ type: "text", text: "hello from the page" }],
  }));
  tasks.attach(server);
  const host = new TaskClient({ poll: { min: 5, initial: 5 } });
  const client = host.attach(new Client({ name: "in the page too", version: "1.0.0" }));
  const [mine, other] = InMemoryTransport.createLinkedPair();
  await server.connect(other);
  await client.connect(mine);
  return { client, host, tasks };
}

const textOf = (result: unknown): string => (result as { content: { text: string }[] }).content[0]!.text;

async function startTask(database: string): Promise<{ reference: TaskReference; text: string }> {
  const { client, host } = await connect(database);
  const task = await host.callTool(client, { name: "greet" });
  return { text: textOf(await task.result()), reference: task.reference! };
}

async function readTask(database: string, reference: TaskReference): Promise<string> {
  const { client, host } = await connect(database);
  return textOf(await (await host.resume(client, reference)).result());
}

export type StartTask = typeof startTask;
export type ReadTask = typeof readTask;

Object.assign(globalThis, { startTask, readTask });
