// A server on SDK v1's own experimental tasks, for our client. Argument: `stdio`, or `http` and a port.
import {
  InMemoryTaskMessageQueue,
  InMemoryTaskStore,
} from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ElicitResultSchema, type CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";

const taskStore = new InMemoryTaskStore();
const taskMessageQueue = new InMemoryTaskMessageQueue();

const text = (value: string, isError = false): CallToolResult => ({
  content: [{ type: "text", text: value }],
  isError,
});

function build(): McpServer {
  const server = new McpServer(
    { name: "sdk-1", version: "1.0.0" },
    {
      capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
      taskStore,
      taskMessageQueue,
    },
  );
  const register = (
    name: string,
    run: (values: { scene?: string }, ask: () => Promise<string>) => Promise<CallToolResult>,
  ): void => {
    server.experimental.tasks.registerToolTask(
      name,
      { inputSchema: { scene: z.string().optional() }, execution: { taskSupport: "optional" } },
      {
        async createTask(values, extra) {
          const task = await extra.taskStore.createTask({ ttl: extra.taskRequestedTtl ?? null, pollInterval: 50 });
          const ask = async (): Promise<string> => {
            const requestedSchema = {
              type: "object" as const,
              properties: { ok: { type: "boolean" as const } },
              required: ["ok"],
            };
            const request = { method: "elicitation/create" as const, params: { message: "Go on?", requestedSchema } };
            // The SDK takes it, though its types leave it out.
            const related = { relatedTask: { taskId: task.taskId } } as object;
            await extra.taskStore.updateTaskStatus(task.taskId, "input_required");
            const answer = await extra.sendRequest(request, ElicitResultSchema, related);
            await extra.taskStore.updateTaskStatus(task.taskId, "working");
            return `${answer.action} ${JSON.stringify(answer.content)}`;
          };
          void run(values, ask)
            .then(
              (result) => extra.taskStore.storeTaskResult(task.taskId, result.isError ? "failed" : "completed", result),
              (error) => extra.taskStore.storeTaskResult(task.taskId, "failed", text(String(error), true)),
            )
            .catch(() => {}); // it was cancelled
          return { task };
        },
        getTask: (_values, { taskStore: store, taskId }) => store.getTask(taskId),
        getTaskResult: async (_values, { taskStore: store, taskId }) =>
          (await store.getTaskResult(taskId)) as CallToolResult,
      },
    );
  };
  register("render", async ({ scene }) => sleep(300).then(() => text(`${scene} is rendered`)));
  register("confirm", async (_values, ask) => text(await ask()));
  register("fail", async () => sleep(50).then(() => text("the tool failed", true)));
  register("brief", async () => text("brief"));
  register("endless", async () => sleep(60_000, undefined, { ref: false }).then(() => text("it ended")));
  return server;
}

const [carrier, port] = process.argv.slice(2);
if (carrier === "stdio") await build().connect(new StdioServerTransport());
else {
  const sessions = new Map<unknown, StreamableHTTPServerTransport>();
  createServer(async (request, response) => {
    let transport = sessions.get(request.headers["mcp-session-id"]);
    if (transport === undefined) {
      const opened = (transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, opened),
      }));
      await build().connect(opened);
    }
    await transport.handleRequest(request, response);
  }).listen(Number(port), "127.0.0.1");
}
