/** The texts that a store keeps of tasks, as the core of this build writes them. */

import { load, ourServer } from "./ours.ts";
import { type End, Requester, taskIdOf } from "./wire.ts";

/** The state of a task that has just been called, or, where its tool ends, of one that has ended. */
export async function stateOf(tool: "work" | "hold", ttl: number): Promise<string> {
  const { memoryStore } = await load();
  const store = memoryStore();
  const { end, tasks } = await ourServer({}, store);
  const requester = new Requester(end as End);
  await requester.initialize();
  const taskId = taskIdOf(await requester.request("tools/call", { name: tool, arguments: {}, task: { ttl } }));
  if (tool === "work") await requester.request("tasks/result", { taskId });
  const state = (await store.get("", taskId))?.state;
  if (state === undefined) throw new Error("the task is not in the store");
  await tasks.close();
  return state;
}
