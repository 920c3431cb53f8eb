// The handler that every platform serves; each brings its store.
import { createMcpHandler } from "@modelcontextprotocol/server";
import { TaskServer, type TaskServerOptions } from "mcp-longhaul";
import type { ServedTasks } from "mcp-longhaul/stores/durable-object";
import { buildServer } from "./tools.ts";

/** Makes the tasks and the handler of one life of the server: of a process, or of a Durable Object in memory. */
export function serveTools(where: Pick<TaskServerOptions, "store" | "idPrefix">): ServedTasks {
  const here = crypto.randomUUID().slice(0, 8);
  const tasks: TaskServer = new TaskServer({
    ...where,
    task: "always",
    // A tool that is lost in the middle begins again. Both may: nothing of theirs is done before they end.
    defaults: { onLost: "restart", pollInterval: 500 },
    // After so many ms without a sign of life, a process or object counts as gone.
    lease: 10_000,
    // Runs a task again while nobody is connected.
    server: () => buildServer(tasks, here),
    onerror: (error) => console.error(error),
  });
  return { tasks, handler: createMcpHandler(() => tasks.attach(buildServer(tasks, here))) };
}
