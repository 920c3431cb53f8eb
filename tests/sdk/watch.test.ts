// A store that answers later tells its own server, too, what that server wrote: no reason to read it.
import type { TaskListener, TaskServerOptions } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./harness/frames.ts";
import { WatchedStore } from "./harness/store.ts";
import { World, latch, text, type Json } from "./harness/g26.ts";

/** When who watches hears of a change: before its writer has the answer, or after it. */
type Echo = "before" | "after";

class Echoing extends WatchedStore {
  heard = 0;
  readonly #echo: Echo;

  constructor(echo: Echo) {
    super();
    this.#echo = echo;
    this.before = () => Promise.resolve();
  }

  override watch(listener: TaskListener): () => void {
    return super.watch((...news) => {
      const tell = (): void => {
        listener(...news);
        this.heard += 1;
      };
      if (this.#echo === "before") tell();
      else setImmediate(tell);
    });
  }

  reads(): number {
    return this.asked.filter(({ operation }) => operation === "get").length;
  }
}

const later = {
  seal: async (text: string) => `sealed ${text}`,
  open: async (text: string) => text.slice("sealed ".length),
};

for (const echo of ["before", "after"] as Echo[]) {
  for (const [what, payloads] of [
    ["a store", {}],
    ["a sealed store", { payloads: later }],
  ] as [string, TaskServerOptions][]) {
    test(`on ${what} that echoes ${echo} its answer a task is created, told and completed without a read`, async () => {
      const store = new Echoing(echo);
      const gate = latch();
      let world: World;
      await using _ = (world = await World.open({
        tools: {
          paint: async (_, ctx: Json) => {
            await world.tasks.current(ctx)?.status("halfway");
            await gate.promise;
            return text("painted");
          },
        },
        tasks: { store, task: "always", ...payloads },
      }));
      const id = await world.start("paint");
      gate.resolve();
      await until(() => store.heard === 3, "the last echo");
      assert.deepEqual(
        store.asked.map(({ operation }) => operation).filter((operation) => operation !== "due"),
        ["put", "put", "put"],
      );
      assert.deepEqual((await world.get(id)).result.result.content, text("painted").content);
      assert.equal(store.reads(), 1, "by the client");
    });
  }
}

test("what another server on the same store changes is read once", async () => {
  const store = new Echoing("after");
  const stopped = latch();
  const tools = {
    hold: (_: Json, ctx: Json) =>
      new Promise<Json>(() => ctx.mcpReq.signal.addEventListener("abort", () => stopped.resolve())),
  };
  const tasks = { store, task: "always" } as const;
  await using here = await World.open({ tools, tasks });
  await using there = await World.open({ tools, tasks });
  const id = await here.start("hold");
  const before = store.reads();
  await there.cancel(id);
  await stopped.promise;
  assert.equal(store.reads() - before, 2, "one by the server that cancels it, one by the server that runs it");
});
