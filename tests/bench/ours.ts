import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { TaskStore } from "mcp-longhaul";
import { type End, Requester } from "./wire.ts";

/** The built package, as users import it. */
export async function load() {
  const [{ TaskServer, TaskClient }, { memoryStore }] = await Promise.all([
    import("mcp-longhaul"),
    import("mcp-longhaul/stores/memory"),
  ]);
  return { TaskServer, TaskClient, memoryStore };
}

export const RESULT = { content: [{ type: "text" as const, text: "ok" }] };

/** Limits far from what is measured: a refused task would be a wrong figure. */
const LIMITS = { running: 1_000_000, runningPerOwner: 1_000_000, resultBytes: 64 * 1024 * 1024 };
const ROOM = { maxTasks: Infinity, maxTasksPerOwner: Infinity, maxBytes: Infinity, maxBytesPerOwner: Infinity };

/** A tool's handler, as a user writes it. */
export type Handler = (context: object) => Promise<{ content: { type: "text"; text: string }[] }>;

/**
 * An SDK v1 server with us attached, and the other end of its transport. `work` answers at once, `hold` never does;
 * both run as tasks. `plain` never does. `store`: by default one in memory without limits.
 */
export async function ourServer(tools: Readonly<Record<string, Handler>> = {}, store?: TaskStore, owner?: string) {
  const { TaskServer, memoryStore } = await load();
  const handlers: Record<string, Handler> = {
    work: async () => RESULT,
    hold: () => new Promise(() => {}),
    plain: async () => RESULT,
    ...tools,
  };
  const tasks = new TaskServer({
    store: store ?? memoryStore(ROOM),
    limits: LIMITS,
    ...(owner !== undefined && { owner: () => owner }),
    tools: Object.fromEntries(
      Object.keys(handlers).map((name) => [name, { task: name === "plain" ? "never" : "always" } as const]),
    ),
  });
  const server = new McpServer({ name: "bench", version: "1" });
  for (const [name, handler] of Object.entries(handlers)) server.registerTool(name, {}, handler);
  const [end, transport] = InMemoryTransport.createLinkedPair();
  await tasks.attach(server).connect(transport);
  return { end, server, tasks, close: () => server.close() };
}

/** {@link ourServer} with a raw requester that has shaken hands. */
export async function ourRequester(tools: Readonly<Record<string, Handler>> = {}, store?: TaskStore, owner?: string) {
  const { end, close } = await ourServer(tools, store, owner);
  const requester = new Requester(end as End);
  await requester.initialize();
  return { requester, close };
}
