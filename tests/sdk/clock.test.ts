// The clock of a process counts on whatever becomes of the wall clock. A file of its own: the clock starts at the first
// question.
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type TaskStore, memoryStore } from "mcp-longhaul";
import { until } from "./harness/frames.ts";
import { World, text } from "./harness/g26.ts";

const HOUR = 3_600_000;

it("X-STO-06: a wall clock that is set back an hour, or forward, changes nothing in a process that runs", async (t) => {
  const wall = Date.now;
  let ahead = HOUR;
  t.mock.method(Date, "now", () => wall() + ahead);
  const memory = memoryStore();
  let [failing, sweeps] = [0, 0];
  const store: TaskStore = {
    get: (owner, id, options) => memory.get(owner, id, options),
    delete: (owner, id, version) => memory.delete(owner, id, version),
    list: (owner, options) => memory.list(owner, options),
    due: (before, limit) => (sweeps++, memory.due(before, limit)),
    put: (task) => {
      if (task.version > 1 && failing-- > 0) throw new Error("not now");
      return memory.put(task);
    },
  };
  const tools = {
    late: async () => (await sleep(1_500), text("late")),
    quick: async () => (await sleep(50), text("quick")),
    brief: () => text("brief"),
  };
  const policies = {
    late: { task: { after: 100 } },
    quick: { task: "always" },
    brief: { task: "always", ttl: 1_000 },
  } as const;
  await using world = await World.open({ tools, tasks: { store, lease: 1_000, tools: policies } });
  assert.equal((await world.call("late")).result.resultType, "task");
  const created = memory.due(Infinity, 1)[0]?.createdAt ?? 0;
  for (const step of [0, 5 * HOUR, -HOUR]) {
    ahead = step;
    // Promotion, sweeps, retries and the time to live are all timers of the core.
    assert.equal((await world.call("late")).result.resultType, "task", `promoted, with the wall clock at ${step}`);
    const before = sweeps;
    await until(() => sweeps > before + 1, "sweeps go on");
    failing = 1;
    await world.until(await world.start("quick"), "completed");
    const id = await world.start("brief");
    const { createdAt } = (await world.get(id)).result ?? {};
    assert.ok(Math.abs(Date.parse(createdAt) - created) < 600_000, "new tasks are stamped by the same clock");
    await until(() => memory.get("", id) === undefined, "the time to live ends");
  }
});
