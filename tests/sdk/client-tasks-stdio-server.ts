// The server of client-tasks.test.ts on a real pipe: it runs tasks, and asks its client for tasks.
import { TaskServer } from "mcp-longhaul";
import { ClientTasks } from "mcp-longhaul/client-tasks";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { addTools } from "./client-tasks-tools.ts";

const tasks = new TaskServer({ tools: { ask: {}, require: {} }, defaults: { pollInterval: 20 } });
const asks = new ClientTasks({ poll: { min: 5, initial: 5 } });
const info = { name: "asking", version: "1.0.0" };
if (process.argv[2] === "v1") {
  const server = addTools("v1", new McpServerV1(info), tasks);
  await asks.attach(tasks.attach(server)).connect(new StdioServerTransport());
} else serveStdio(() => asks.attach(tasks.attach(addTools("v2", new McpServerV2(info), tasks))));
