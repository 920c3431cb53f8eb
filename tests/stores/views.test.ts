// The views that docs/stored-tasks.md gives to operators, on the real engines, over what the core writes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { TaskStore } from "mcp-longhaul";
import { postgresStore } from "mcp-longhaul/stores/postgres";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { startPostgres } from "../engines/postgres.ts";
import { World, text } from "../sdk/harness/g26.ts";

const DOCUMENT = readFileSync(join(import.meta.dirname, "..", "..", "docs", "stored-tasks.md"), "utf8");
const [FOR_POSTGRES = "", FOR_SQLITE = "", RUNNING = ""] = [...DOCUMENT.matchAll(/```sql\n([^`]+)```/g)].map(
  ([, sql]) => sql!,
);
/** PostgreSQL keeps no NUL, not even escaped. */
const MESSAGE = "half \0 \\ \ud83c\udfa8 'quoted'";
const SHOWN = "half \ufffd0 \\ \ud83c\udfa8 'quoted'";
const KEY = { "mcp-longhaul/creation-key": "0123456789abcdef" };

type Query = (sql: string) => Promise<Record<string, unknown>[]>;

async function check(store: TaskStore, view: string, query: Query): Promise<void> {
  const hold = Promise.withResolvers<void>();
  const tools = {
    done: () => text("done"),
    slow: async (_: unknown, ctx: unknown) => {
      await world.tasks.current(ctx as never)?.status(MESSAGE);
      await hold.promise;
      return text("slow");
    },
  };
  await using world = await World.open({ tools, tasks: { store, defaults: { task: "always" } } });
  const done = await world.start("done", {}, { meta: KEY });
  await world.until(done, "completed");
  const slow = await world.start("slow");
  while ((await world.get(slow)).result.statusMessage !== MESSAGE);
  await query(view);
  const rows = await query("SELECT id, status, tool, created, holder FROM mcp_tasks_states ORDER BY tool");
  assert.deepEqual(
    rows.map(({ id, status, tool }) => [id, status, tool]),
    [
      [done, "completed", "done"],
      [slow, "working", "slow"],
    ],
  );
  assert.ok(
    Math.abs(Date.now() - +new Date(`${rows[0]!["created"]}`.replace(/^(\S+) (\S+)$/, "$1T$2Z"))) < 600_000,
    String(rows[0]!["created"]),
  );
  assert.equal(rows[0]!["holder"], null);
  const running = await query(RUNNING);
  assert.deepEqual(
    running.map(({ id }) => id),
    [slow],
  );
  assert.match(String(running[0]!["holder"]), /^\w+$/);
  assert.equal(running[0]!["message"], SHOWN);
  // A damaged record breaks no query.
  await query(`UPDATE mcp_tasks SET state = 'damaged' WHERE id = '${done}'`);
  assert.deepEqual(
    (await query(RUNNING)).map(({ id }) => id),
    [slow],
  );
  assert.deepEqual(
    (await query("SELECT id, status FROM mcp_tasks_states WHERE status IS NULL")).map(({ id }) => id),
    [done],
  );
  hold.resolve();
  await world.until(slow, "completed");
}

test("the view for SQLite", async () => {
  const db = new DatabaseSync(":memory:");
  const query: Query = async (sql) =>
    /^(CREATE|UPDATE)/.test(sql) ? (db.exec(sql), []) : (db.prepare(sql).all() as Record<string, unknown>[]);
  await check(sqliteStore(db), FOR_SQLITE, query);
});

test("the view for PostgreSQL", async () => {
  const postgres = await startPostgres();
  const pool = postgres.pool();
  try {
    await check(postgresStore(pool), FOR_POSTGRES, async (sql) => (await pool.query(sql)).rows);
  } finally {
    await pool.end();
    await postgres.stop();
  }
});
