// What operators see and do beside a running server: `mcp-longhaul/admin`.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { isTaskError, memoryStore, type TaskServerOptions, type TaskStore, type PayloadProtection } from "mcp-longhaul";
import { type AdminTask, taskAdmin } from "mcp-longhaul/admin";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { create, reaches } from "./harness/g25.ts";
import { world } from "./harness/g25-world.ts";
import { text, type Tools } from "./harness/servers.ts";

const tools: Tools = {
  work: ({ said }) => text(String(said)),
  wrong: () => ({ ...text("wrong"), isError: true }),
  endless: (_args, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))),
};

/** A server on a store, with one task of each kind. */
async function stage(t: TestContext, store: TaskStore, options: Partial<TaskServerOptions> = {}) {
  const here = await world(t, "v1", tools, { store, ...options });
  const ids: Record<string, string> = {};
  for (const tool of ["work", "wrong", "endless"])
    ids[tool] = (await create(here.requester, tool, { said: "done" })).taskId;
  await reaches(here.requester, ids["work"]!, "completed");
  await reaches(here.requester, ids["wrong"]!, "failed");
  return { ...here, ids };
}

/** Each store that lists all owners, as a server and an operator's tool share it. */
const STORES: Record<string, (t: TestContext) => readonly [TaskStore, TaskStore]> = {
  "one memory": () => {
    const store = memoryStore();
    return [store, store];
  },
  "two connections to a file of SQLite": (t) => {
    const folder = mkdtempSync(join(tmpdir(), "mcp-longhaul-admin-"));
    const open = () => sqliteStore(new DatabaseSync(join(folder, "tasks.db")), { wal: true, busyTimeout: 5000 });
    const stores = [open(), open()] as const;
    t.after(() => rmSync(folder, { recursive: true }));
    return stores;
  },
};

for (const [name, make] of Object.entries(STORES)) {
  test(`lists and counts tasks by tool, state and age, on ${name}`, async (t) => {
    const [store, theirs] = make(t);
    const { ids } = await stage(t, store);
    const admin = taskAdmin({ store: theirs });
    const { tasks, cursor, unreadable } = await admin.list();
    assert.deepEqual([cursor, unreadable], [undefined, []]);
    const told = (task: AdminTask) => [task.tool, task.status, task.owner, task.method];
    assert.deepEqual(tasks.map(told).sort(), [
      ["endless", "working", "", "tools/call"],
      ["work", "completed", "", "tools/call"],
      ["wrong", "tool_failed", "", "tools/call"],
    ]);
    const running = tasks.find(({ tool }) => tool === "endless")!;
    assert.ok(running.holder !== undefined && running.expiresAt! > Date.now() && running.taskId === ids["endless"]);
    const ended = await admin.list({ status: ["completed", "tool_failed"] });
    assert.deepEqual(ended.tasks.map(({ tool }) => tool).sort(), ["work", "wrong"]);
    assert.deepEqual(
      (await admin.list({ tool: "work" })).tasks.map(({ taskId }) => taskId),
      [ids["work"]],
    );
    assert.deepEqual((await admin.list({ olderThan: 60_000 })).tasks, []);
    assert.equal((await admin.list({ youngerThan: 60_000, owner: "" })).tasks.length, 3);
    assert.deepEqual((await admin.list({ owner: "nobody" })).tasks, []);
    const counts = await admin.count();
    assert.deepEqual(counts.map(({ tool, status, tasks: of }) => [tool, status, of]).sort(), [
      ["endless", "working", 1],
      ["work", "completed", 1],
      ["wrong", "tool_failed", 1],
    ]);
    assert.ok(counts.every(({ oldest, stillest }) => oldest <= stillest && Date.now() - oldest < 60_000));
  });

  test(`pages are as long as asked for, and miss nothing, on ${name}`, async (t) => {
    const [store, theirs] = make(t);
    const admin = taskAdmin({ store: theirs });
    await stage(t, store);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await admin.list({ limit: 1, cursor });
      found.push(...page.tasks.map(({ tool }) => tool));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(found.sort(), ["endless", "work", "wrong"]);
  });

  test(`X-STO-01, X-STO-04: a cancelled task's handler stops, wherever it runs, on ${name}`, async (t) => {
    const [store, theirs] = make(t);
    const { ids, requester } = await stage(t, store);
    const admin = taskAdmin({ store: theirs });
    assert.equal(await admin.cancel("", ids["endless"]!), "done");
    assert.equal((await reaches(requester, ids["endless"]!, "cancelled")).status, "cancelled");
    assert.equal(await admin.cancel("", ids["endless"]!), "ended");
    assert.equal(await admin.cancel("", ids["work"]!), "ended");
    assert.equal(await admin.cancel("somebody", ids["work"]!), "missing");
  });

  test(`purges what has ended, and nothing that runs, on ${name}`, async (t) => {
    const [store, theirs] = make(t);
    const { ids } = await stage(t, store);
    const admin = taskAdmin({ store: theirs });
    assert.equal(await admin.purge("", ids["endless"]!), "open");
    assert.equal(await admin.purge("", ids["work"]!), "done");
    assert.equal(await admin.purge("", ids["work"]!), "missing");
    assert.equal(await admin.read("", ids["work"]!), undefined);
    assert.equal((await admin.list()).tasks.length, 2);
  });
}

/** A seal that anybody can open. */
const payloads: PayloadProtection = {
  seal: (plain) => `sealed ${Buffer.from(plain).toString("base64")}`,
  open: (sealed) => Buffer.from(sealed.slice(7), "base64").toString(),
};

test("reads results, sealed ones with the servers' `payloads`", async (t) => {
  const store = memoryStore();
  const { ids } = await stage(t, store, { payloads });
  const read = await taskAdmin({ store, payloads }).read("", ids["work"]!);
  assert.deepEqual((read!.result as { content: unknown }).content, [{ type: "text", text: "done" }]);
  assert.equal(read!.error, undefined);
  const blind = taskAdmin({ store });
  await assert.rejects(blind.read("", ids["work"]!), /give taskAdmin `payloads`/);
  assert.equal(await blind.purge("", ids["work"]!), "done", "purging needs no payload");
});

test("what is no task is passed over, and what cannot be read is told of and left alone", async () => {
  const store = memoryStore();
  const row = { version: 1, createdAt: 1, dueAt: null };
  store.put({ ...row, owner: "\u0001alice", id: "key", state: "{}" });
  store.put({ ...row, owner: "\u0002guest", id: "guest", state: "anything" });
  store.put({ ...row, owner: "alice", id: "later", state: '{"v":99}' });
  const admin = taskAdmin({ store });
  assert.deepEqual(await admin.list(), { tasks: [], unreadable: [{ owner: "alice", taskId: "later" }] });
  assert.deepEqual(await admin.count(), []);
  for (const doing of [admin.cancel("alice", "later"), admin.purge("alice", "later"), admin.read("alice", "later")])
    await assert.rejects(doing, (error) => isTaskError(error) && error.code === "storage");
  assert.equal(await admin.purge("\u0001alice", "key"), "missing");
  assert.equal(store.tasks, 3);
});

test("a lost race is run again: what ended meanwhile is not cancelled", async (t) => {
  const store = memoryStore();
  const { ids } = await stage(t, store);
  const racing: TaskStore = {
    ...bound(store),
    // Somebody else is quicker once, and ends the task.
    put: (task) => {
      const { put, get } = store;
      const stored = get.call(store, task.owner, task.id)!;
      put.call(store, { ...stored, version: stored.version + 1, state: task.state });
      return put.call(store, task);
    },
  };
  assert.equal(await taskAdmin({ store: racing }).cancel("", ids["endless"]!), "ended");
});

function bound(store: TaskStore): TaskStore {
  return {
    get: store.get.bind(store),
    put: store.put.bind(store),
    delete: store.delete.bind(store),
    list: store.list.bind(store),
    due: store.due.bind(store),
  };
}

test("a store without `all` has to be asked for an owner; wrong options are refused by name", async () => {
  const admin = taskAdmin({ store: bound(memoryStore()) });
  await assert.rejects(admin.list(), (error) => isTaskError(error) && error.code === "unsupported");
  assert.deepEqual(await admin.list({ owner: "alice" }), { tasks: [], unreadable: [] });
  assert.throws(() => taskAdmin({ store: undefined as never }), /`store` must be/);
  assert.throws(() => taskAdmin({ store: memoryStore(), clockSkew: -1 }), /`clockSkew` must be/);
  for (const [filter, name] of [
    [{ status: "done" }, "status"],
    [{ limit: 0 }, "limit"],
    [{ olderThan: Number.NaN }, "olderThan"],
    [{ cursor: "{" }, "cursor"],
    [{ tol: "x" }, "tol"],
  ] as const)
    await assert.rejects(admin.list({ owner: "", ...(filter as object) }), new RegExp(`\`${name}\``));
});
