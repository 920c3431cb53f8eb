// One server process of the torture test: an MCP endpoint on a store that other processes share. It may be killed at
// any time.
//
//   node server.ts <port> <lease in ms> <journal> <module of the store> <connection as JSON>
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  inputRequired,
  inputResponse,
  McpServer,
  type CallToolResult,
} from "@modelcontextprotocol/server";
import { TaskServer, type TaskStore } from "mcp-longhaul";
import * as z from "zod";

const [port = "", lease = "", journal = "", module = "", connection = ""] = process.argv.slice(2);
const { openStore } = (await import(module)) as { openStore(connection: unknown): TaskStore };
const store = openStore(JSON.parse(connection));
const ENDED = new Set<unknown>(["completed", "tool_failed", "failed", "cancelled"]);

const tasks = new TaskServer({
  store: {
    ...bound(store),
    async put(task) {
      const stored = await store.put(task);
      // Every end that the store has acknowledged, in a file that outlives the process.
      if (stored && ENDED.has(JSON.parse(task.state).status)) appendFileSync(journal, `${task.id}\n`);
      return stored;
    },
  },
  lease: Number(lease),
  server: buildServer,
  defaults: { pollInterval: 100 },
  tools: {
    again: { task: "always", onLost: "restart", restarts: 1_000 },
    once: { task: "always" },
    confirm: { task: "always", onLost: "restart", restarts: 1_000 },
  },
  limits: { running: 10_000, runningPerOwner: 10_000, rate: false },
  onerror: (error) => console.error(`${process.pid} ${error.code}: ${error.message}`),
});

/** The store's methods, however it keeps them. */
function bound(store: TaskStore): TaskStore {
  const { get, put, delete: remove, list, due, watch } = store;
  return {
    get: get.bind(store),
    put: put.bind(store),
    delete: remove.bind(store),
    list: list.bind(store),
    due: due.bind(store),
    ...(watch === undefined ? {} : { watch: watch.bind(store) }),
  };
}

function buildServer(): McpServer {
  const server = new McpServer({ name: "torture", version: "1.0.0" });
  const work = { inputSchema: z.object({ job: z.int(), ms: z.int() }) };
  const run = async ({ job, ms }: { job: number; ms: number }): Promise<CallToolResult> => {
    await sleep(ms);
    return { content: [{ type: "text", text: `job ${job}, run ${crypto.randomUUID()}` }] };
  };
  server.registerTool("again", work, run);
  server.registerTool("once", work, run);
  server.registerTool("confirm", work, async (parameters, ctx) => {
    const answer = inputResponse(ctx.mcpReq.inputResponses, "sure");
    if (answer.kind !== "elicit") {
      const sure = { type: "object" as const, properties: { sure: { type: "boolean" as const } }, required: ["sure"] };
      return inputRequired({
        inputRequests: { sure: inputRequired.elicit({ message: `Job ${parameters.job}?`, requestedSchema: sure }) },
      });
    }
    return run(parameters);
  });
  return server;
}

const serve = toNodeHandler({ fetch: tasks.fetch(createMcpHandler(() => tasks.attach(buildServer()))) });
const server = createServer(serve);
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
