import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, InMemoryTransport, McpServer } from "@modelcontextprotocol/server";
import { TaskClient, TaskServer } from "mcp-longhaul";
import { inMemory, overFetch } from "./job.js";

const sdk = { Client, createMcpHandler, InMemoryTransport, McpServer, StreamableHTTPClientTransport };

export const run = async () => [
  await inMemory({ TaskClient, TaskServer }, sdk, "v2"),
  await overFetch({ TaskClient, TaskServer }, sdk, "v2"),
];
