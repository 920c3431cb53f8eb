import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { TaskClient, TaskHandle, TaskServer } from "mcp-longhaul";

export function attach(
  tasks: TaskServer,
  host: TaskClient,
): {
  server: McpServer;
  client: Client;
  call(params: { name: string; arguments?: Record<string, unknown> }): Promise<TaskHandle>;
} {
  const server: McpServer = tasks.attach(new McpServer({ name: "types", version: "1.0.0" }));
  const client: Client = host.attach(new Client({ name: "types", version: "1.0.0" }));
  const [near] = InMemoryTransport.createLinkedPair();
  tasks.attach(near);
  return { server, client, call: (params) => host.callTool(client, params) };
}
