// A store may be somebody's own, and its rows may be damaged or forged: what is no record is told from what is missing,
// passed over and reported, and the core goes on.
import { memoryStore, type StoredTask, type TaskStore } from "mcp-longhaul";
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { create, get, reaches } from "./harness/g25.ts";
import { world, type World } from "./harness/g25-world.ts";
import { text } from "./harness/servers.ts";
import { World as World26 } from "./harness/g26.ts";

const throwing = (row: StoredTask, name: keyof StoredTask): unknown => ({
  ...row,
  get [name]() {
    throw new Error("a getter that throws");
  },
});
const FORGERIES: Record<string, (row: StoredTask) => unknown> = {
  "a text": () => "row",
  "a number": () => 7,
  "an empty object": () => ({}),
  "another owner": (row) => ({ ...row, owner: "mallory" }),
  "an owner with NUL": (row) => ({ ...row, owner: "a\0b" }),
  "an owner with half a character": (row) => ({ ...row, owner: "\ud800" }),
  "an id with NUL": (row) => ({ ...row, id: `${row.id}\0` }),
  "an id that is a number": (row) => ({ ...row, id: 7 }),
  "a version that is none": (row) => ({ ...row, version: Number.NaN }),
  "a version below 1": (row) => ({ ...row, version: -1 }),
  "a version of 2^32": (row) => ({ ...row, version: 2 ** 32 }),
  "a version beyond all": (row) => ({ ...row, version: 1e300 }),
  "a version that is a text": (row) => ({ ...row, version: "1" }),
  "a version that is a bigint": (row) => ({ ...row, version: 1n }),
  "a creation time that is none": (row) => ({ ...row, createdAt: Number.NaN }),
  "a creation time beyond all": (row) => ({ ...row, createdAt: Number.POSITIVE_INFINITY }),
  "a due time that is a text": (row) => ({ ...row, dueAt: "soon" }),
  "no state": (row) => ({ ...row, state: undefined }),
  "an empty state": (row) => ({ ...row, state: "" }),
  "a state that is an object": (row) => ({ ...row, state: { v: 1 } }),
  "a state with NUL": (row) => ({ ...row, state: `${row.state}\0x\0y` }),
  "a state with half a character": (row) => ({ ...row, state: `\ud800${row.state}` }),
  "a payload that is an object": (row) => ({ ...row, payload: {} }),
  "a getter that throws": (row) => throwing(row, "state"),
  "an id that throws": (row) => throwing(row, "id"),
  "a member `then` that throws": (row) => ({
    ...row,
    version: 0,
    get then() {
      throw new Error("then");
    },
  }),
};

/** A store that forges what it returns of one task. */
class Forger {
  readonly memory = memoryStore();
  forge: ((row: StoredTask) => unknown) | undefined;
  id = "";
  readonly #of = (row: StoredTask | undefined): never =>
    (row && row.id === this.id && this.forge ? this.forge(row) : row) as never;
  readonly store: TaskStore = {
    get: (...args) => this.#of(this.memory.get(...args)),
    put: (task) => this.memory.put(task),
    delete: (...args) => this.memory.delete(...args),
    list: (...args) => this.memory.list(...args).map(this.#of),
    due: (...args) => this.memory.due(...args).map(this.#of),
  };
}

const list = (requester: World["requester"], cursor?: string) =>
  requester.request("tasks/list", cursor === undefined ? {} : { cursor });

async function three(t: TestContext, forger: Forger, limits = {}): Promise<{ world: World; ids: string[] }> {
  const made = await world(
    t,
    "v1",
    { quick: () => text("q") },
    { store: forger.store, lease: 1_000, list: true, limits: { rate: false, ...limits } },
  );
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const { taskId } = await create(made.requester, "quick");
    ids.push(taskId);
    await reaches(made.requester, taskId, "completed");
    // The next one is created in another millisecond, so that their order is known.
    const now = Date.now();
    while (Date.now() === now);
  }
  return { world: made, ids };
}

test("a forged row poisons nothing, and is told from a missing one", async (t) => {
  const forger = new Forger();
  const { world, ids } = await three(t, forger, { pageSize: 1 });
  forger.id = ids[1]!;
  for (const [name, forge] of Object.entries(FORGERIES)) {
    forger.forge = forge;
    const answer = await get(world.requester, ids[1]!);
    assert.equal(answer.error?.code, -32603, name);
    assert.equal((await get(world.requester, ids[1]!)).error?.code, -32603, name);
    const listed: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const { result } = await list(world.requester, cursor);
      listed.push(...result.tasks.map(({ taskId }: { taskId: string }) => taskId));
      cursor = result.nextCursor;
    } while (cursor !== undefined && ++pages < 9);
    assert.ok(!listed.includes(ids[1]!), name);
    assert.equal(listed[0], ids[0], name);
    assert.equal((await get(world.requester, ids[2]!)).result?.status, "completed", name);
    assert.ok(
      world.errors.every(({ code }) => code === "storage"),
      `${name}: ${world.errors.map(String).join("; ")}`,
    );
    forger.forge = undefined;
    assert.equal((await get(world.requester, ids[1]!)).result?.status, "completed", name);
  }
  // Each fault of each task is reported once.
  const reports = world.errors
    .filter(({ cause }) => cause === undefined)
    .map(({ message, taskId }) => `${message} ${taskId}`);
  assert.ok(reports.length > 10);
  assert.equal(new Set(reports).size, reports.length);
});

test("a list goes on behind rows of which at least the place is known", async (t) => {
  const forger = new Forger();
  const { world, ids } = await three(t, forger, { pageSize: 1 });
  forger.id = ids[1]!;
  forger.forge = (row) => ({ ...row, version: Number.NaN });
  const listed: string[] = [];
  let cursor: string | undefined;
  do {
    const { result } = await list(world.requester, cursor);
    listed.push(...result.tasks.map(({ taskId }: { taskId: string }) => taskId));
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  assert.deepEqual(listed, [ids[0], ids[2]]);
});

const ANSWERS: Record<string, Partial<Record<keyof TaskStore, () => unknown>>> = {
  "lists that are none": { list: () => null, due: () => "rows" },
  "lists that throw": {
    list: () =>
      new Proxy([], {
        get: () => {
          throw new Error("proxy");
        },
      }),
    due: () => new Proxy([], {}),
  },
  "lists of holes": { list: () => new Array(3), due: () => [undefined, null, 0] },
  "endless lists": {
    list: () => Array.from({ length: 5_000 }, () => ({})),
    due: () => Array.from({ length: 5_000 }, () => ({})),
  },
  "writes that say a number": { put: () => 5, delete: () => 2 },
  "writes that say nothing": { put: () => undefined, delete: () => undefined },
  "promises that are none": {
    get: () => ({
      get then() {
        throw new Error("then");
      },
    }),
  },
  "a usage that is none": { usage: () => ({ tasks: Number.NaN, bytes: "many" }) },
  "no usage": { usage: () => null },
};

for (const [name, answers] of Object.entries(ANSWERS)) {
  test(`a store with ${name} poisons nothing`, async () => {
    const memory = memoryStore();
    let forged = false;
    const store = Object.fromEntries(
      (["get", "put", "delete", "list", "due", "usage"] as const).map((method) => [
        method,
        (...args: unknown[]) =>
          forged && answers[method] ? answers[method]() : (memory[method] as (...args: unknown[]) => unknown)(...args),
      ]),
    ) as unknown as TaskStore;
    const limits = { rate: false as const, storedPerOwner: 100 };
    await using world = await World26.open({
      tools: { quick: () => text("q") },
      tasks: { store, lease: 1_000, defaults: { task: "always" }, limits },
    });
    const id = await world.start("quick");
    await world.until(id, "completed");
    forged = true;
    await world.tasks.sweep();
    await world.get(id);
    await world.call("quick");
    await world.cancel(id);
    forged = false;
    assert.equal((await world.get(id)).result?.status, "completed");
    const next = await world.start("quick");
    await world.until(next, "completed");
    assert.deepEqual(
      world.errors.filter((error) => (error as { code?: unknown }).code !== "storage"),
      [],
    );
  });
}
