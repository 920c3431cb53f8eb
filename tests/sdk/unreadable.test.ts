// Records that this version cannot read: another version wrote them, or they are damaged. They are there, and stay as
// they are.
import { memoryStore, type StoredTask, type TaskError } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test } from "node:test";
import { World, text } from "./harness/g26.ts";

const NEWER = '{"v":2,"phase":"pondering"}';

test("a record of a newer version is told from one that is missing, stays as it is, and is reported once", async () => {
  const store = memoryStore();
  const errors: TaskError[] = [];
  const gate = Promise.withResolvers<void>();
  const tools = { slow: async () => (await gate.promise, text("done")) };
  await using world = await World.open({
    tools,
    tasks: { store, defaults: { task: "always" }, onerror: (error) => void errors.push(error) },
  });
  const id = await world.start("slow");
  const stored = store.get("", id) as StoredTask;
  const newer = { ...stored, version: stored.version + 1, state: NEWER };
  assert.equal(await store.put(newer), true);
  for (const answer of [await world.get(id), await world.get(id), await world.cancel(id)]) {
    assert.equal(answer.error?.code, -32603);
    assert.match(answer.error.message, /cannot be read by this version/);
  }
  assert.deepEqual(
    errors.map(({ code, taskId }) => [code, taskId]),
    [["storage", id]],
  );
  assert.match(errors[0]!.message, /newer version of mcp-longhaul/);
  assert.ok(!errors[0]!.message.includes(id));

  // The handler ends, and its outcome has no place to go.
  gate.resolve();
  while (errors.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(errors[1]!.message, /outcome of a task could not be stored/);
  assert.deepEqual(store.get("", id), newer);
  assert.equal((await world.get("never-was-0123456789")).error?.code, -32602);
});
