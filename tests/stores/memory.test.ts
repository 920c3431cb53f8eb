import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TaskError, TaskStoreFullError } from "../../pkg-template/src/errors.ts";
import { memoryStore, type MemoryStoreOptions } from "../../pkg-template/src/stores/memory.ts";
import { keepsContract, write } from "./contract.ts";

const KIB = 1024;

function refused(reason: TaskStoreFullError["reason"], option: string) {
  return (error: unknown) =>
    error instanceof TaskStoreFullError &&
    error.code === "limit" &&
    error.reason === reason &&
    error.message.includes(`\`${option}\``);
}

// X-STO-01 (part), X-STO-02 (part), X-STO-10 (part), X-STO-12, X-SEC-14, H63, X-LIM-05 (part) and X-LIM-07 (part), as
// far as they are a store's: the contract suite has cases for them.
describe("memoryStore keeps the contract", () => {
  keepsContract(() => ({ store: memoryStore() }));
  keepsContract(() => {
    const store = memoryStore();
    return { store, peer: store, reopen: () => store };
  }, ", shared by two servers");
});

describe("memoryStore has limits", () => {
  // X-TTL-06, H85
  test("a full store refuses new tasks and gives up none that it has", () => {
    const store = memoryStore({ maxTasks: 3 });
    for (const id of ["a", "b", "c"]) store.put(write(id, { owner: id, dueAt: 0, state: "completed", payload: "1" }));
    const before = { tasks: store.tasks, bytes: store.bytes };
    for (let n = 0; n < 10; n += 1) {
      assert.throws(() => store.put(write(`more-${n}`)), refused("task_limit", "maxTasks"));
    }
    assert.deepEqual({ tasks: store.tasks, bytes: store.bytes }, before);
    for (const id of ["a", "b", "c"]) assert.equal(store.get(id, id)?.payload, "1");
    assert.equal(store.get("alice", "more-0"), undefined);
    assert.deepEqual(store.list("alice", { limit: 9 }), []);
    assert.equal(store.due(99, 9).length, 3);
    store.delete("b", "b", 1);
    assert.equal(store.put(write("d")), true);
  });

  test("the number of one owner's tasks, which others do not feel", () => {
    const store = memoryStore({ maxTasksPerOwner: 2 });
    store.put(write("a"));
    store.put(write("b"));
    assert.throws(() => store.put(write("c")), refused("task_limit", "maxTasksPerOwner"));
    assert.equal(store.put(write("c", { owner: "bob" })), true);
    assert.equal(store.put(write("a")), false, "a task that exists is a lost race, not a full store");
    assert.equal(store.put(write("a", { version: 2 })), true, "a swap needs no room for a task");
    store.delete("alice", "b", 1);
    assert.equal(store.put(write("c")), true);
  });

  for (const [option, owner] of [
    ["maxBytes", "bob"],
    ["maxBytesPerOwner", "alice"],
  ] as const) {
    test(`${option}, to the byte`, () => {
      const store = memoryStore({ [option]: 64 * KIB });
      store.put(write("a"));
      const room = (64 * KIB - 4 * KIB - 256 - 2 * "bw".length) / 2;
      assert.throws(
        () => store.put(write("b", { owner, payload: "x".repeat(room + 1) })),
        refused("payload_limit", option),
      );
      assert.equal(store.get(owner, "b"), undefined);
      assert.equal(store.tasks, 1);
      assert.equal(store.put(write("b", { owner, payload: "x".repeat(room) })), true);
      assert.equal(store.bytes, 64 * KIB);
      assert.throws(() => store.put(write("c", { owner })), refused("payload_limit", option));
      assert.throws(
        () => store.put(write("a", { version: 2, payload: "x".repeat(5 * KIB) })),
        refused("payload_limit", option),
      );
      assert.deepEqual(store.get("alice", "a"), write("a"), "a refused swap changes nothing");
      assert.equal(store.put(write("b", { owner, version: 2, payload: null })), true);
      assert.equal(store.bytes, 8 * KIB);
      assert.equal(store.delete(owner, "b", 2), true);
      assert.equal(
        store.put(write("b", { owner, payload: "x".repeat(room) })),
        true,
        "what was deleted leaves its room",
      );
    });
  }

  test("a full store still takes outcomes that are short or no longer than what they replace", () => {
    const store = memoryStore({ maxBytes: 64 * KIB });
    store.put(write("big", { payload: "x".repeat(20 * KIB) }));
    for (let n = 0; store.bytes + 4 * KIB <= 64 * KIB; n += 1) store.put(write(`small-${n}`, { payload: "{}" }));
    assert.throws(() => store.put(write("one-more")), refused("payload_limit", "maxBytes"));
    const error = JSON.stringify({ code: -32603, message: "x".repeat(1500) });
    assert.equal(store.put(write("small-0", { version: 2, payload: error })), true);
    assert.equal(store.put(write("big", { version: 2, state: "f", payload: "y".repeat(20 * KIB) })), true);
    assert.equal(store.put(write("big", { version: 3, payload: error })), true);
  });

  test("by default 50,000 tasks, 10,000 and 128 MiB for an owner, 256 MiB in all", () => {
    const store = memoryStore();
    const payload = "x".repeat(15.5 * KIB * KIB); // 31 MiB and a little as counted; one text, so this costs little
    for (const owner of ["a", "b"]) {
      for (const id of ["1", "2", "3", "4"]) store.put(write(id, { owner, payload }));
      assert.throws(() => store.put(write("5", { owner, payload })), refused("payload_limit", "maxBytesPerOwner"));
    }
    assert.throws(() => store.put(write("1", { owner: "e", payload })), refused("payload_limit", "maxBytes"));
    const many = memoryStore();
    for (let n = 0; n < 10_000; n += 1) many.put(write(`${n}`));
    assert.throws(() => many.put(write("more")), refused("task_limit", "maxTasksPerOwner"));
    for (let n = 0; n < 40_000; n += 1) many.put(write(`${n}`, { owner: `owner-${n % 10}` }));
    assert.throws(() => many.put(write("more", { owner: "bob" })), refused("task_limit", "maxTasks"));
  });

  test("a limit that is no limit is an error", () => {
    for (const value of [0, -1, NaN, "10", {}, 10n]) {
      const options = { maxBytes: value } as unknown as MemoryStoreOptions;
      assert.throws(
        () => memoryStore(options),
        (error) => error instanceof TaskError && error.code === "invalid_argument" && /`maxBytes`/.test(error.message),
      );
    }
    memoryStore({ maxTasks: Infinity, maxBytes: undefined });
  });
});

test("memoryStore is empty when its tasks are gone", () => {
  const store = memoryStore({ maxTasksPerOwner: Infinity });
  for (let n = 0; n < 5_000; n += 1)
    store.put(write(`${n}`, { owner: `owner-${n % 7}`, createdAt: n % 100, payload: "1" }));
  for (let n = 0; n < 5_000; n += 1) store.delete(`owner-${n % 7}`, `${n}`, 1);
  assert.deepEqual([store.tasks, store.bytes], [0, 0]);
  assert.deepEqual(store.due(99, 9), []);
  for (let n = 0; n < 7; n += 1) assert.deepEqual(store.list(`owner-${n}`, { limit: 9 }), []);
});

test("a listener of memoryStore may write", () => {
  const store = memoryStore();
  const stop = store.watch((owner, id) => {
    const task = store.get(owner, id);
    if (task && task.version < 3) store.put({ ...task, version: task.version + 1 });
  });
  assert.equal(store.put(write("a")), true);
  stop();
  assert.equal(store.get("alice", "a")?.version, 3);
});
