// A server of one kind, a requester that has introduced itself on a pipe, and what both leave behind.
import type { TestContext } from "node:test";
import { type TaskError, type TaskEvent, TaskServer, type TaskServerOptions } from "mcp-longhaul";
import { checkFrames, initialize } from "./g25.ts";
import { PipeRequester } from "./pipe.ts";
import { type Kind, type Tools, attached } from "./servers.ts";
import { WatchedStore } from "./store.ts";

export interface World {
  readonly requester: PipeRequester;
  readonly store: WatchedStore;
  readonly tasks: TaskServer;
  readonly events: TaskEvent[];
  readonly errors: TaskError[];
}

/** Every call may become a task unless `options` say otherwise. The frames are checked when the test ends. */
export async function world(
  t: TestContext,
  kind: Kind,
  tools: Tools,
  options: TaskServerOptions = {},
  client: Parameters<typeof initialize>[1] = {},
): Promise<World> {
  const store = new WatchedStore();
  const events: TaskEvent[] = [];
  const errors: TaskError[] = [];
  const tasks = new TaskServer({
    store,
    defaults: { task: "always" },
    onevent: (event) => events.push(event),
    onerror: (error) => errors.push(error),
    ...options,
  });
  const requester = await PipeRequester.to(attached(kind, tasks, tools), kind.startsWith("v1") ? "v1" : "v2");
  t.after(async () => {
    await requester.close();
    await tasks.close();
    checkFrames(requester.frames);
  });
  await initialize(requester, client);
  return { requester, store, tasks, events, errors };
}
