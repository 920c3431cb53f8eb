// X-STO-01, the store's part: whatever the order of operations, a store does what the simplest possible one does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { Redis } from "ioredis";
import { TaskStoreFullError } from "../../pkg-template/src/errors.ts";
import type { DuePosition, StoredTask, TaskPosition, TaskStore, TaskWrite } from "../../pkg-template/src/store.ts";
import { memoryStore } from "../../pkg-template/src/stores/memory.ts";
import { redisStore } from "../../pkg-template/src/stores/redis.ts";
import { sqliteStore } from "../../pkg-template/src/stores/sqlite.ts";
import { RedisServer } from "../engines/redis.ts";
import { freshPrefix } from "./redis-cases.ts";

interface Limits {
  readonly maxTasks: number;
  readonly maxTasksPerOwner: number;
  readonly maxBytes: number;
  readonly maxBytesPerOwner: number;
}
const NO_LIMITS: Limits = {
  maxTasks: Infinity,
  maxTasksPerOwner: Infinity,
  maxBytes: Infinity,
  maxBytesPerOwner: Infinity,
};

/** An array that is searched from end to end. */
class Model {
  tasks: StoredTask[] = [];
  readonly limits: Limits;
  constructor(limits: Limits) {
    this.limits = limits;
  }
  get(owner: string, id: string): StoredTask | undefined {
    return this.tasks.find((task) => task.owner === owner && task.id === id);
  }
  put(write: TaskWrite): boolean | "task_limit" | "payload_limit" {
    const old = this.get(write.owner, write.id);
    if ((old?.version ?? 0) !== write.version - 1) return false;
    const payload = write.payload === undefined ? (old?.payload ?? null) : write.payload;
    const task = { ...write, createdAt: old?.createdAt ?? write.createdAt, payload };
    const after = [...this.tasks.filter((each) => each !== old), task];
    const mine = after.filter(({ owner }) => owner === write.owner);
    const { maxTasks, maxTasksPerOwner, maxBytes, maxBytesPerOwner } = this.limits;
    if (after.length > maxTasks || mine.length > maxTasksPerOwner) return "task_limit";
    if (bytes(after) > maxBytes || bytes(mine) > maxBytesPerOwner) return "payload_limit";
    this.tasks = after;
    return true;
  }
  delete(owner: string, id: string, version: number): boolean {
    const task = this.get(owner, id);
    if (task && task.version !== version) return false;
    this.tasks = this.tasks.filter((each) => each !== task);
    return true;
  }
  list(owner: string, after: TaskPosition | undefined, limit: number): StoredTask[] {
    const mine = this.tasks.filter((task) => task.owner === owner).sort(byPosition);
    return mine
      .filter((task) => !after || byPosition(task, after) > 0)
      .slice(0, limit)
      .map(withoutPayload);
  }
}

function byPosition(a: TaskPosition, b: TaskPosition): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function withoutPayload(task: StoredTask): StoredTask {
  return { ...task, payload: null };
}

/** As {@link MemoryStoreOptions} documents it. */
function bytes(tasks: readonly StoredTask[]): number {
  return tasks.reduce(
    (sum, { id, state, payload }) => sum + Math.max(4096, 256 + 2 * (id + state + (payload ?? "")).length),
    0,
  );
}

type Operation =
  | {
      readonly do: "put";
      readonly owner: string;
      readonly id: string;
      readonly step: number;
      readonly createdAt: number;
      readonly dueAt: number | null;
      readonly state: string;
      readonly payload: string | null | undefined;
    }
  | { readonly do: "delete"; readonly owner: string; readonly id: string; readonly step: number };

const owner = fc.constantFrom("", "alice", "__proto__");
const id = fc.constantFrom("a", "B", "_", "-", "constructor");
const time = fc.integer({ min: 0, max: 6 });
const text = fc.constantFrom("", "{}", "x".repeat(3_000), "x".repeat(9_000));
/** 1 is the right version for a put, 0 for a delete; now and then it is a wrong one. */
const step = (right: number) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 2 }) });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      owner,
      id,
      step: step(1),
      createdAt: time,
      dueAt: fc.option(time),
      state: text,
      payload: fc.option(fc.option(text), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), owner, id, step: step(0) }) },
);

async function apply(store: TaskStore, model: Model, operation: Operation): Promise<void> {
  const version = (model.get(operation.owner, operation.id)?.version ?? 0) + operation.step;
  if (operation.do === "delete") {
    assert.equal(
      await store.delete(operation.owner, operation.id, version),
      model.delete(operation.owner, operation.id, version),
    );
    return;
  }
  const { do: _, step: __, ...rest } = operation;
  const write = { ...rest, version };
  let answer: unknown;
  try {
    answer = await store.put(write);
  } catch (error) {
    if (!(error instanceof TaskStoreFullError)) throw error;
    answer = error.reason;
  }
  assert.equal(answer, model.put(write));
}

async function compare(store: TaskStore, model: Model): Promise<void> {
  for (const task of model.tasks) assert.deepEqual({ ...(await store.get(task.owner, task.id)) }, task);
  for (const owner of new Set(["", "alice", "__proto__", ...model.tasks.map((task) => task.owner)])) {
    for (const after of [undefined, { createdAt: 3, id: "a" }, { createdAt: 2, id: "b" }]) {
      for (const limit of [2, 9_999])
        assert.deepEqual([...(await store.list(owner, { after, limit }))], model.list(owner, after, limit));
    }
  }
  for (const before of [-1, 3, 9_999]) {
    const key = (task: StoredTask) => `${task.owner}/${task.id}`;
    const due = [...(await store.due(before, 9_999))];
    const order = due.map(key);
    const times = due.map(({ dueAt }) => dueAt!);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    const expected = model.tasks.filter(({ dueAt }) => dueAt !== null && dueAt <= before).map(withoutPayload);
    assert.deepEqual(
      due.sort((a, b) => (key(a) < key(b) ? -1 : 1)),
      expected.sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    );
    const pages: StoredTask[] = [];
    for (let after: DuePosition | undefined; ; ) {
      const page = await store.due(before, 2, after);
      pages.push(...page);
      if (page.length < 2) break;
      const { dueAt, owner, id } = page[1]!;
      after = { dueAt: dueAt!, owner, id };
    }
    assert.deepEqual(pages.map(key), order);
  }
}

function property(makeStore: (limits: Limits) => TaskStore, limits: Limits, runs: number) {
  return fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
      const store = makeStore(limits);
      const model = new Model(limits);
      for (const each of operations) {
        await apply(store, model, each);
        await compare(store, model);
      }
    }),
    { numRuns: runs },
  );
}

test("memoryStore does what the model does", () => property(memoryStore, NO_LIMITS, 150));

test("memoryStore with limits does what the model does", () =>
  property(memoryStore, { maxTasks: 7, maxTasksPerOwner: 4, maxBytes: 60_000, maxBytesPerOwner: 40_000 }, 300));

test("sqliteStore does what the model does", () =>
  property(() => sqliteStore(new DatabaseSync(":memory:")), NO_LIMITS, 40));

test("redisStore does what the model does", async () => {
  const server = await RedisServer.start("--appendfsync", "no");
  const client = new Redis(server.path);
  try {
    await property(() => redisStore(client, { prefix: freshPrefix() }), NO_LIMITS, 20);
  } finally {
    client.disconnect();
    await server.stop();
  }
});

test("memoryStore does what the model does with thousands of tasks", async () => {
  // Enough for the orders to be split into many chunks. The generator is seeded, so that a failure comes again.
  let seed = 42;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const store = memoryStore({ maxTasksPerOwner: Infinity });
  const model = new Map<string, StoredTask>();
  const check = async () => {
    const reference = new Model(NO_LIMITS);
    reference.tasks = [...model.values()];
    await compare(store, reference);
  };
  for (let n = 0; n < 40_000; n += 1) {
    const id = `task-${random(3_000)}`;
    const old = model.get(id);
    const growing = n % 20_000 < 12_000; // it grows, shrinks, and does so again
    if (old && random(3) < (growing ? 1 : 2)) {
      assert.equal(store.delete("alice", id, old.version), true);
      model.delete(id);
    } else if (old || growing) {
      const task = {
        owner: "alice",
        id,
        version: (old?.version ?? 0) + 1,
        createdAt: old?.createdAt ?? (random(4) ? n : random(n + 1)),
        dueAt: random(5) ? random(2_000) : null,
        state: `${n}`,
        payload: null,
      };
      assert.equal(store.put(task), true);
      model.set(id, task);
    }
    if (n % 5_000 === 4_999) await check();
  }
});
