import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import type { TaskClient, TaskHandle, TaskServer } from "mcp-longhaul";

export function attach(
  tasks: TaskServer,
  host: TaskClient,
): {
  server: McpServer;
  client: Client;
  call(params: { name: string; arguments?: Record<string, unknown> }): Promise<TaskHandle>;
  fetch: (request: Request) => Promise<Response>;
} {
  const server: McpServer = tasks.attach(new McpServer({ name: "types", version: "1.0.0" }));
  const client: Client = host.attach(new Client({ name: "types", version: "1.0.0" }));
  const [near] = InMemoryTransport.createLinkedPair();
  tasks.attach(near);
  const fetch: (request: Request) => Promise<Response> = tasks.fetch(createMcpHandler(() => server));
  return { server, client, call: (params) => host.callTool(client, params), fetch };
}
