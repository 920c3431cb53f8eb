import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OWNER, PAYLOAD, STATE, type Subject, dueAt, durableRows, id, stored } from "./durable.ts";

/** In write-ahead logging a transaction is not synced with `NORMAL`. */
function connect(): { db: DatabaseSync; stop(): Promise<void> } {
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-bench-"));
  const db = new DatabaseSync(join(directory, "tasks.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  return {
    db,
    async stop() {
      db.close();
      rmSync(directory, { recursive: true });
    },
  };
}

async function ours(): Promise<Subject> {
  const { sqliteStore } = await import("mcp-longhaul/stores/sqlite");
  const { db, stop } = connect();
  return stored(sqliteStore(db), stop);
}

/** `told`: a trigger keeps notices for other processes, which one would have to delete now and then. */
async function byHand(told: boolean): Promise<Subject> {
  const { db, stop } = connect();
  db.exec(`
    CREATE TABLE tasks (
      owner TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      due_at INTEGER,
      state TEXT NOT NULL,
      payload TEXT,
      PRIMARY KEY (owner, id)
    );
    CREATE INDEX by_creation ON tasks (owner, created_at, id);
    CREATE INDEX by_due ON tasks (due_at);`);
  if (told) {
    db.exec("CREATE TABLE changes (number INTEGER PRIMARY KEY, owner TEXT NOT NULL, id TEXT NOT NULL)");
    for (const change of ["INSERT", "UPDATE"])
      db.exec(
        `CREATE TRIGGER tell_${change} AFTER ${change} ON tasks BEGIN
          INSERT INTO changes (owner, id) VALUES (NEW.owner, NEW.id);
        END`,
      );
  }
  const get = db.prepare("SELECT * FROM tasks WHERE owner = ? AND id = ?");
  const insert = db.prepare("INSERT INTO tasks VALUES (?, ?, 1, ?, ?, ?, NULL) ON CONFLICT DO NOTHING");
  const update = db.prepare(
    "UPDATE tasks SET version = 2, due_at = ?, state = ?, payload = ? WHERE owner = ? AND id = ? AND version = 1",
  );
  return {
    get: (n) => get.get(OWNER, id(n))?.["created_at"] === n,
    create: (n) => insert.run(OWNER, id(n), n, dueAt(n), STATE).changes === 1,
    complete: (n) => update.run(dueAt(n), STATE, PAYLOAD, OWNER, id(n)).changes === 1,
    close: stop,
  };
}

export const rows = durableRows("sqliteStore on node:sqlite", ours, {
  "by hand": () => byHand(true),
  "by hand, other processes not told": () => byHand(false),
});
