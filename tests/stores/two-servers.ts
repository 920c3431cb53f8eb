// Two servers on one store, each with a store object of its own.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { TaskStore } from "../../pkg-template/src/store.ts";
import { gate } from "../sdk/harness/frames.ts";
import { world } from "../sdk/harness/g25-world.ts";
import { cancel, create, get, reaches, result } from "../sdk/harness/g25.ts";
import { type Kind, text } from "../sdk/harness/servers.ts";

/**
 * A task that one server creates is read, awaited and cancelled on the other, and who waits wakes within milliseconds.
 * `listening`: both stores hear of each other's changes.
 */
export async function shareTasks(
  t: TestContext,
  kind: Kind,
  stores: readonly [TaskStore, TaskStore],
  listening: () => Promise<unknown>,
): Promise<void> {
  const go = gate();
  const aborted = gate();
  const tools = {
    work: () => go.promise.then(() => text("done")),
    endless: (_args: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => (aborted.open(), reject(new Error("stopped")))),
      ),
  };
  const [here, there] = await Promise.all([
    world(t, kind, tools, { store: stores[0] }),
    world(t, kind, tools, { store: stores[1] }),
  ]);
  await listening();

  const { taskId } = await create(here.requester, "work");
  assert.equal((await get(there.requester, taskId)).result.status, "working");
  const outcome = result(there.requester, taskId);
  const waiting = await Promise.race([outcome, new Promise((resolve) => setTimeout(resolve, 50, "waiting"))]);
  assert.equal(waiting, "waiting");
  const start = performance.now();
  go.open();
  assert.deepEqual((await outcome).result.content, text("done").content);
  const woken = performance.now() - start;
  t.diagnostic(`tasks/result elsewhere answered ${woken.toFixed(1)} ms after the handler could end`);
  assert.ok(woken < 500, `${woken} ms`);

  const endless = await create(here.requester, "endless");
  const [cancelled, end] = await Promise.all([
    cancel(there.requester, endless.taskId),
    result(there.requester, endless.taskId),
  ]);
  assert.equal(cancelled.result.status, "cancelled");
  assert.equal(end.error?.data.status, "cancelled");
  await aborted.promise; // the handler runs in the other server
  assert.equal((await reaches(here.requester, endless.taskId, "cancelled")).status, "cancelled");
  assert.deepEqual([here.errors, there.errors], [[], []]);
}
