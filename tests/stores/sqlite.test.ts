import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import type { StoredTask } from "../../pkg-template/src/store.ts";
import { sqliteStore } from "../../pkg-template/src/stores/sqlite.ts";
import { fails, keepsContract, write } from "./contract.ts";
import { lockedDatabase, sqliteFactories } from "./sqlite-cases.ts";

async function inDirectory(body: (directory: string) => unknown): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

// X-STO-01 (part), X-STO-02 (part), X-STO-10 (part), X-STO-12, X-SEC-14, H63, X-LIM-05 (part) and X-LIM-07 (part), as
// far as they are a store's: the contract suite has cases for them.
for (const [how, makeStore] of Object.entries(sqliteFactories((file) => new DatabaseSync(file)))) {
  describe(`sqliteStore on node:sqlite keeps the contract, ${how}`, () => {
    keepsContract(makeStore);
  });
}

describe("sqliteStore on node:sqlite with big integers keeps the contract", () => {
  const { "in memory": makeStore } = sqliteFactories((file) => new DatabaseSync(file, { readBigInts: true }));
  keepsContract(makeStore!);
});

test("four processes on one file lose no swap", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "tasks.db");
    // All of them create the tables, or find them, at the same time.
    const workers = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [join(import.meta.dirname, "sqlite-worker.ts"), file, "100"], {
        stdio: ["ignore", "ignore", "pipe"],
      }),
    );
    const ends = await Promise.all(
      workers.map(async (worker) => {
        const errors: string[] = [];
        worker.stderr.on("data", (data) => errors.push(String(data)));
        const [code] = await once(worker, "close");
        return code === 0 ? "ended" : errors.join("");
      }),
    );
    assert.deepEqual(ends, ["ended", "ended", "ended", "ended"]);
    const db = new DatabaseSync(file);
    const task = await sqliteStore(db).get("alice", "counter");
    db.close();
    assert.deepEqual([task?.version, task?.state], [401, "400"]);
  }));

test("who watches hears what another process changes, and a watch keeps no process alive", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "tasks.db");
    const db = new DatabaseSync(file);
    const store = sqliteStore(db, { wal: true, busyTimeout: 5_000, pollInterval: 10 });
    const last = new Promise<void>((resolve) => {
      const stop = store.watch!((owner, id) => {
        const task = store.get(owner, id) as StoredTask | undefined;
        if (id === "counter" && task?.state === "50") resolve(stop());
      });
    });
    const worker = spawn(process.execPath, [join(import.meta.dirname, "sqlite-worker.ts"), file, "50", "watching"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [[code]] = await Promise.all([once(worker, "close"), last]);
    assert.equal(code, 0);
    db.close();
  }));

test("a watch outlives a handle that is closed or locked", () =>
  inDirectory(async (directory) => {
    const file = join(directory, "tasks.db");
    const [mine, other] = [new DatabaseSync(file), new DatabaseSync(file)];
    const store = sqliteStore(mine, { pollInterval: 5 });
    const peer = sqliteStore(other);
    const heard: string[] = [];
    let told = (): void => {};
    store.watch!((_, id) => (heard.push(id), told()));
    other.exec("BEGIN EXCLUSIVE"); // without WAL, nobody reads now
    assert.throws(() => store.get("alice", "a"), fails("storage", /locked/));
    await peer.put(write("a"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(heard, []);
    const hears = new Promise<void>((resolve) => (told = resolve));
    other.exec("COMMIT");
    await hears;
    assert.deepEqual(heard, ["a"]);
    mine.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await store.close?.();
    other.close();
  }));

test("a locked database is an error that says what to do", () => lockedDatabase((file) => new DatabaseSync(file)));

test("a handle that was closed, or whose tables are gone, is an error of the store", () => {
  const db = new DatabaseSync(":memory:");
  const store = sqliteStore(db);
  db.exec("DROP TABLE mcp_tasks");
  const calls = [
    () => store.get("alice", "a"),
    () => store.put(write("a")),
    () => store.delete("alice", "a", 1),
    () => store.list("alice", { limit: 1 }),
    () => store.due(1, 1),
  ];
  for (const call of calls) assert.throws(call, fails("storage", /^The SQLite store could not \w+: /));
  db.close();
  for (const call of calls) assert.throws(call, fails("storage", /^The SQLite store could not \w+: /));
  assert.throws(() => sqliteStore(db), fails("storage", /could not open/));
});

describe("the tables of sqliteStore", () => {
  test("are made once, and beside other tables", async () => {
    const db = new DatabaseSync(":memory:");
    db.exec("CREATE TABLE tasks (mine TEXT)");
    await sqliteStore(db).put(write("a"));
    assert.equal((await sqliteStore(db).get("alice", "a"))?.version, 1);
    await sqliteStore(db, { tablePrefix: "other_" }).put(write("b"));
    assert.equal(await sqliteStore(db).get("alice", "b"), undefined);
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    assert.deepEqual(
      tables.map(({ name }) => name),
      [
        "mcp_tasks",
        "mcp_tasks_changes",
        "mcp_tasks_schema",
        "other_tasks",
        "other_tasks_changes",
        "other_tasks_schema",
        "tasks",
      ],
    );
  });

  test("of a newer version are left alone", () => {
    const db = new DatabaseSync(":memory:");
    sqliteStore(db);
    db.exec("UPDATE mcp_tasks_schema SET version = 99");
    assert.throws(() => sqliteStore(db), fails("storage", /version 99.*newer/));
    assert.equal(db.prepare("SELECT version FROM mcp_tasks_schema").get()?.["version"], 99);
    assert.equal(db.isTransaction, false);
  });

  test("that cannot be made leave nothing behind", () => {
    const db = new DatabaseSync(":memory:");
    db.exec("CREATE TABLE mcp_tasks (mine TEXT)");
    assert.throws(() => sqliteStore(db), fails("storage", /could not open: .*mcp_tasks.*exists/));
    assert.equal(db.isTransaction, false);
    assert.equal(db.prepare("SELECT count(*) AS n FROM sqlite_master").get()?.["n"], 1);
  });

  test("are searched by index, and payloads only read where they are wanted", () => {
    const db = new DatabaseSync(":memory:");
    const prepared: string[] = [];
    sqliteStore({ exec: (sql) => db.exec(sql), prepare: (sql) => (prepared.push(sql), db.prepare(sql)) });
    const plan = (pattern: RegExp) => {
      const sql = prepared.find((each) => pattern.test(each))!;
      return db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => detail)
        .join("; ");
    };
    assert.match(
      plan(/created_at, id\) >/),
      /^SEARCH mcp_tasks USING INDEX mcp_tasks_by_creation \(owner=\? AND \(?created_at(>|,)[^;]*$/,
    );
    assert.match(plan(/owner = \? ORDER BY/), /^SEARCH mcp_tasks USING INDEX mcp_tasks_by_creation \(owner=\?\)$/);
    assert.match(plan(/due_at <= \? ORDER BY/), /^SEARCH mcp_tasks USING INDEX mcp_tasks_by_due \(due_at<\?\)$/);
    assert.match(
      plan(/due_at, owner, id\) >/),
      /^SEARCH mcp_tasks USING INDEX mcp_tasks_by_due \([^;]*due_at(>|,)[^;]*due_at<\?\)$/,
    );
    assert.match(
      plan(/^UPDATE mcp_tasks SET version = \?, due_at/),
      /^SEARCH mcp_tasks USING INDEX sqlite_autoindex_mcp_tasks_1 \(owner=\? AND id=\?\)$/,
    );
    const reads = prepared.filter((sql) => /^SELECT.*FROM mcp_tasks WHERE/.test(sql));
    assert.equal(reads.length, 6);
    assert.deepEqual(
      reads.filter((sql) => sql.includes("payload")),
      ["SELECT id, version, created_at, due_at, state, payload FROM mcp_tasks WHERE owner = ? AND id = ?"],
    );
  });

  test("of version 1 learn to keep changes, under a connection that knows nothing of it", async () => {
    const db = new DatabaseSync(":memory:");
    const old = sqliteStore(db);
    await old.put(write("a", { payload: '"old"' }));
    db.exec(`
      DROP TRIGGER mcp_tasks_insert; DROP TRIGGER mcp_tasks_update; DROP TRIGGER mcp_tasks_delete;
      DROP TABLE mcp_tasks_changes; UPDATE mcp_tasks_schema SET version = 1`);
    const store = sqliteStore(db);
    assert.equal((await store.get("alice", "a"))?.payload, '"old"');
    await old.put(write("a", { version: 2 }));
    assert.deepEqual(
      db
        .prepare("SELECT id FROM mcp_tasks_changes")
        .all()
        .map(({ id }) => id),
      ["a"],
    );
    assert.equal(db.prepare("SELECT version FROM mcp_tasks_schema").get()?.["version"], 2);
  });

  test("keep the last 1000 changes and fewer than 100 more, numbered without a gap", async () => {
    const db = new DatabaseSync(":memory:");
    const store = sqliteStore(db);
    const kept = db.prepare(
      "SELECT count(*) AS count, min(number) AS first, max(number) AS last FROM mcp_tasks_changes",
    );
    for (let n = 0; n < 700; n++) {
      await store.put(write(`t${n}`));
      await store.delete("alice", `t${n}`, 1);
      const { count, first, last } = kept.get() as { count: number; first: number; last: number };
      assert.equal(last, 2 * n + 2);
      assert.equal(count, last - first + 1);
      assert.ok(count >= Math.min(last, 1000) && count < 1100, `${count} changes after ${last}`);
    }
    assert.deepEqual(
      [db.prepare("SELECT count(*) AS n FROM mcp_tasks").get()?.["n"], await store.delete("alice", "t1", 1)],
      [0, true],
    );
  });

  test("hold nothing of a deleted task but its name, for a while", async () => {
    const db = new DatabaseSync(":memory:");
    const store = sqliteStore(db);
    await store.put(write("a", { payload: '"secret"' }));
    await store.delete("alice", "a", 1);
    assert.equal(db.prepare("SELECT count(*) AS n FROM mcp_tasks").get()?.["n"], 0);
  });
});

test("sqliteStore refuses what it cannot keep", () => {
  const db = new DatabaseSync(":memory:");
  for (const tablePrefix of ["", "1a", "a-", 'a"b', "x; DROP TABLE y; --", "ä", "x".repeat(42)]) {
    assert.throws(() => sqliteStore(db, { tablePrefix }), fails("invalid_argument", /`tablePrefix`/));
  }
  for (const busyTimeout of [-1, 0.5, NaN, Infinity]) {
    assert.throws(() => sqliteStore(db, { busyTimeout }), fails("invalid_argument", /`busyTimeout`/));
  }
  for (const pollInterval of [0, -1, 0.5, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => sqliteStore(db, { pollInterval }), fails("invalid_argument", /`pollInterval`/));
  }
  const store = sqliteStore(db);
  for (const owner of ["\ud800", "a\udfff", "\ude00\ud83d"]) {
    assert.throws(() => store.get(owner, "a"), fails("invalid_argument", /owner/));
    assert.throws(() => store.put(write("a", { owner })), fails("invalid_argument", /owner/));
    assert.throws(() => store.list(owner, { limit: 1 }), fails("invalid_argument", /owner/));
    assert.throws(() => store.delete(owner, "a", 1), fails("invalid_argument", /owner/));
  }
  // X-SEC-14
  for (const id of [
    "",
    "../../etc/passwd",
    "'; DROP TABLE mcp_tasks; --",
    "a b",
    "a\n",
    "ä",
    "\ud800",
    "a".repeat(129),
  ]) {
    assert.throws(() => store.put(write(id)), fails("invalid_argument", /task id/));
  }
  assert.equal(db.prepare("SELECT count(*) AS n FROM mcp_tasks").get()?.["n"], 0);
});

test("sqliteStore sets the pragmas it is asked for, and no others", () =>
  inDirectory((directory) => {
    const pragma = (db: DatabaseSync, name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0];
    const plain = new DatabaseSync(join(directory, "plain.db"));
    sqliteStore(plain);
    assert.deepEqual([pragma(plain, "journal_mode"), pragma(plain, "busy_timeout")], ["delete", 0]);
    sqliteStore(plain, { wal: true, busyTimeout: 1234 });
    assert.deepEqual([pragma(plain, "journal_mode"), pragma(plain, "busy_timeout")], ["wal", 1234]);
    plain.close();
  }));
