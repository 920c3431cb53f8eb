// Every entry of the package, in the hands of a strict compiler.
import {
  memoryStore,
  TaskClient,
  TaskError,
  TaskServer,
  type TaskEvent,
  type TaskHandle,
  type TaskReference,
  type TaskStore,
} from "mcp-longhaul";
import * as browser from "mcp-longhaul/browser";
import * as browserClient from "mcp-longhaul/browser/client";
import * as browserServer from "mcp-longhaul/browser/server";
import { otel, type OtelOptions } from "mcp-longhaul/otel";
import { sdkTaskMessageQueue, sdkTaskStore, type SdkTask } from "mcp-longhaul/sdk-v1";
import { storeCases, type MakeStore } from "mcp-longhaul/store-kit";
import {
  durableObjectStore,
  routeByTask,
  taskObject,
  type ObjectNamespace,
  type ObjectStorage,
} from "mcp-longhaul/stores/durable-object";
import { indexedDbStore, type IndexedDbStoreOptions } from "mcp-longhaul/stores/indexeddb";
import { memoryStore as sameStore, type MemoryStore } from "mcp-longhaul/stores/memory";
import { postgresStore, type PostgresPool } from "mcp-longhaul/stores/postgres";
import { redisStore, type Ioredis } from "mcp-longhaul/stores/redis";
import { sqliteStore, type SqliteDatabase } from "mcp-longhaul/stores/sqlite";
import { extensionTaskStore, type ExtensionTaskStore } from "mcp-longhaul/tasks-extension";
import { attach } from "./sdk.js";

export const stores = (
  storage: ObjectStorage,
  pool: PostgresPool,
  redis: Ioredis,
  sqlite: SqliteDatabase,
  options: IndexedDbStoreOptions,
): TaskStore[] => [
  durableObjectStore(storage),
  indexedDbStore("tasks", options),
  memoryStore({ maxTasks: 1 }) satisfies MemoryStore,
  sameStore(),
  postgresStore(pool),
  redisStore(redis),
  sqliteStore(sqlite, { wal: true }),
];

export const told: TaskEvent[] = [];
const telemetry: OtelOptions = {};
export const tasks = new TaskServer({
  defaults: { task: { after: 100 }, ttl: null },
  tools: { render: { task: "always", onLost: "restart" } },
  onevent: (event) => (told.push(event), otel(telemetry)(event)),
});
// @ts-expect-error: a policy that is none
new TaskServer({ task: "sometimes" });

export const host = new TaskClient({ preference: "prefer" });
export const attached = attach(tasks, host);

export async function follow(): Promise<string> {
  const task: TaskHandle = await attached.call({ name: "render", arguments: { scene: "teapot" } });
  for await (const { status } of task.updates()) if (status === "cancelled") return status;
  const reference: TaskReference | undefined = task.reference;
  try {
    const { content } = await task.result();
    return `${reference?.taskId} ${content?.length}`;
  } catch (error) {
    return error instanceof TaskError && error.code === "expired" ? "too late" : "failed";
  }
}

export const Served = taskObject<{ TASKS: ObjectNamespace }>(({ durable, env }) => ({
  tasks: new TaskServer(durable),
  handler: { fetch: (request) => routeByTask(request, env.TASKS) },
}));
export const old = async (store: TaskStore): Promise<SdkTask | null> => {
  await sdkTaskMessageQueue(store, { keep: 60_000 }).dequeueAll("task");
  return sdkTaskStore(store, { maxTtl: null }).getTask("task", "session");
};
export const drafted = (store: TaskStore): ExtensionTaskStore => extensionTaskStore(store, { name: "drafted" });
export const cases = (make: MakeStore): Promise<unknown>[] => storeCases.map(async ({ run }) => run(make, () => {}));
export const pages: [typeof TaskClient, typeof TaskServer, typeof TaskClient] = [
  browser.TaskClient,
  browserServer.TaskServer,
  browserClient.TaskClient,
];
