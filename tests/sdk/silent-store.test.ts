// A store whose operations are never answered: each has a limit, the operator hears of it, and nothing waits for ever.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type TaskError, TaskServer, type TaskStore, memoryStore } from "mcp-longhaul";
import { until } from "./harness/frames.ts";
import { World, text } from "./harness/g26.ts";

type Operation = "get" | "put" | "due";

/** A store whose next such operation is never answered; a write is stored all the same, or not. */
function silent(): { store: TaskStore; silence(operation: Operation, arrives?: boolean): void } {
  const memory = memoryStore();
  let next: { operation: Operation; arrives: boolean } | undefined;
  const run = async <T>(operation: string, perform: () => T | Promise<T>): Promise<T> => {
    if (next?.operation !== operation) return perform();
    const { arrives } = next;
    next = undefined;
    if (arrives) await perform();
    return new Promise<T>(() => {});
  };
  return {
    store: {
      get: (owner, id, options) => run("get", () => memory.get(owner, id, options)),
      put: (task) => run("put", () => memory.put(task)),
      delete: (owner, id, version) => run("delete", () => memory.delete(owner, id, version)),
      list: (owner, options) => run("list", () => memory.list(owner, options)),
      due: (before, limit) => run("due", () => memory.due(before, limit)),
    },
    silence: (operation, arrives = false) => void (next = { operation, arrives }),
  };
}

describe("a store that does not answer", () => {
  for (const arrives of [false, true]) {
    // X-STO-05
    it(`does not keep a task from its end, nor its server from closing (the write is stored: ${arrives})`, async () => {
      const { store, silence } = silent();
      let release = (): void => {};
      const work = () => new Promise<ReturnType<typeof text>>((resolve) => (release = () => resolve(text("done"))));
      const world = await World.open({ tools: { work }, tasks: { store, task: "always", storeTimeout: 200 } });
      const id = await world.start("work");
      silence("put", arrives);
      release();
      assert.deepEqual((await world.until(id, "completed")).result.content, text("done").content);
      await until(() => world.errors.length > 0, "it is reported");
      assert.match(String(world.errors), /has not answered `put` in [\d.]+ s\..*`storeTimeout`/);
      assert.deepEqual(
        world.errors.map((error) => (error as TaskError).code),
        ["storage"],
      );
      silence("get");
      assert.equal((await world.get(id)).error?.code, -32603);
      assert.match(String(world.errors.at(-1)), /has not answered `get`/);
      assert.equal((await world.get(id)).result.status, "completed");
      await world[Symbol.asyncDispose]();
    });
  }

  it("wrong limits are named", () => {
    for (const storeTimeout of [0, 99, 1.5, Number.NaN])
      assert.throws(() => new TaskServer({ storeTimeout }), /`storeTimeout` must be/);
    assert.ok(new TaskServer({ storeTimeout: null }));
  });
});
