import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type {
  CreateTaskRequestHandlerExtra,
  TaskRequestHandlerExtra,
} from "@modelcontextprotocol/sdk/experimental/tasks/interfaces.js";
import {
  InMemoryTaskMessageQueue,
  InMemoryTaskStore,
} from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { RESULT } from "./ours.ts";
import { type End, Requester } from "./wire.ts";

/** When a task of the SDK v1 server gets its result. */
export type Ending =
  /** Before the call is answered. */
  | "instant"
  /** In the next turn of the event loop, with the SDK's status notification. */
  | "notified"
  /** When `complete` is called, and nobody is told. */
  | "silent";

/** An SDK v1 server on its own experimental in-memory store, one tool for each way to end, and a plain one. */
export async function v1Server(result: CallToolResult = RESULT) {
  const store = new InMemoryTaskStore();
  const server = new McpServer(
    { name: "bench", version: "1" },
    {
      capabilities: { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } },
      taskStore: store,
      taskMessageQueue: new InMemoryTaskMessageQueue(),
    },
  );
  const register = (ending: Ending) =>
    server.experimental.tasks.registerToolTask(
      ending,
      {},
      {
        async createTask({ taskStore, taskRequestedTtl }: CreateTaskRequestHandlerExtra) {
          const task = await taskStore.createTask({ ttl: taskRequestedTtl ?? null });
          if (ending === "instant") await taskStore.storeTaskResult(task.taskId, "completed", result);
          if (ending === "notified")
            setImmediate(() => void taskStore.storeTaskResult(task.taskId, "completed", result));
          return { task };
        },
        getTask: ({ taskStore, taskId }: TaskRequestHandlerExtra) => taskStore.getTask(taskId),
        getTaskResult: ({ taskStore, taskId }: TaskRequestHandlerExtra) =>
          taskStore.getTaskResult(taskId) as Promise<CallToolResult>,
      },
    );
  for (const ending of ["instant", "notified", "silent"] as const) register(ending);
  server.registerTool("plain", {}, async () => result);
  const [end, transport] = InMemoryTransport.createLinkedPair();
  await server.connect(transport);
  return {
    end,
    server,
    store,
    complete: (taskId: string) => store.storeTaskResult(taskId, "completed", result),
    async close() {
      store.cleanup();
      await server.close();
    },
  };
}

export async function v1Requester(result: CallToolResult = RESULT) {
  const peer = await v1Server(result);
  const requester = new Requester(peer.end as End);
  await requester.initialize();
  return { ...peer, requester };
}

/** An SDK v1 client on the other end of a pair. */
export async function v1Client(end: InMemoryTransport): Promise<Client> {
  const client = new Client({ name: "bench", version: "1" });
  await client.connect(end);
  return client;
}

/** Fills a store without the protocol, which is not what is measured here. */
export async function fill(store: InMemoryTaskStore, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at++) {
    const request = { method: "tools/call", params: { name: "instant", arguments: {}, task: {} } };
    ids.push((await store.createTask({ ttl: null }, at, request)).taskId);
  }
  return ids;
}
