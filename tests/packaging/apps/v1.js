import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { TaskClient, TaskServer } from "mcp-longhaul";
import { inMemory } from "./job.js";

export const run = async () => [
  await inMemory({ TaskClient, TaskServer }, { Client, InMemoryTransport, McpServer }, "v1"),
];
