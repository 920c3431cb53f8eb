// What a store says of how much an owner keeps (X-LIM-01).
import { memoryStore, type TaskStore } from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

const STORES: Record<string, () => TaskStore> = {
  memoryStore,
  sqliteStore: () => sqliteStore(new DatabaseSync(":memory:") as never),
};
const put = (
  store: TaskStore,
  owner: string,
  id: string,
  version: number,
  payload: string | null | undefined,
): unknown =>
  store.put({
    owner,
    id,
    version,
    createdAt: 1,
    dueAt: null,
    state: "1",
    ...(payload === undefined ? {} : { payload }),
  });

for (const [name, make] of Object.entries(STORES)) {
  test(`${name} counts an owner's tasks and the length of what they keep`, async () => {
    const store = make();
    const usage = (owner: string) => store.usage?.(owner);
    assert.deepEqual(await usage("ann"), { tasks: 0, bytes: 0 });
    put(store, "ann", "a", 1, "12345");
    put(store, "ann", "b", 1, null);
    put(store, "bob", "c", 1, "123");
    assert.deepEqual(await usage("ann"), { tasks: 2, bytes: 5 });
    assert.deepEqual(await usage("bob"), { tasks: 1, bytes: 3 });
    // A swap counts once, one that keeps the payload changes nothing, and one that loses does not count.
    put(store, "ann", "a", 2, "1234567");
    put(store, "ann", "a", 3, undefined);
    put(store, "ann", "a", 2, "1".repeat(100));
    assert.deepEqual(await usage("ann"), { tasks: 2, bytes: 7 });
    store.delete("ann", "a", 2);
    assert.deepEqual(await usage("ann"), { tasks: 2, bytes: 7 });
    store.delete("ann", "a", 3);
    store.delete("ann", "b", 1);
    assert.deepEqual(await usage("ann"), { tasks: 0, bytes: 0 });
    assert.deepEqual(await usage("bob"), { tasks: 1, bytes: 3 });
  });
}

test("sqliteStore finds an owner's tasks by their index", () => {
  const db = new DatabaseSync(":memory:");
  const asked: string[] = [];
  const store = sqliteStore({
    exec: (sql: string) => db.exec(sql),
    prepare: (sql: string) => (asked.push(sql), db.prepare(sql)),
  } as never);
  assert.deepEqual(store.usage?.("ann"), { tasks: 0, bytes: 0 });
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${asked.findLast((sql) => sql.includes("count(*)"))}`).all("ann") as {
    detail: string;
  }[];
  assert.match(plan.map(({ detail }) => detail).join(), /SEARCH .* USING INDEX .*\(owner=\?\)/);
});
