import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTaskError } from "../../pkg-template/src/errors.ts";
import { sqliteStore, type SqliteDatabase } from "../../pkg-template/src/stores/sqlite.ts";
import type { MakeStore } from "mcp-longhaul/store-kit";

export type OpenSqlite = (file: string) => SqliteDatabase & { close(): unknown };

/** The ways in which every SQLite driver is put through the contract suite. */
export function sqliteFactories(open: OpenSqlite): Readonly<Record<string, MakeStore>> {
  return {
    "in memory": () => {
      const db = open(":memory:");
      return { store: sqliteStore(db), dispose: () => void db.close() };
    },
    "two handles on one file": () => {
      const directory = temporary();
      const handles: { close(): unknown }[] = [];
      const openStore = () => {
        const db = open(join(directory, "tasks.db"));
        handles.push(db);
        return sqliteStore(db, { wal: true, busyTimeout: 5_000 });
      };
      const stores = [openStore(), openStore()] as const;
      const closeAll = () => {
        for (const store of stores) store.close?.();
        for (const handle of handles.splice(0)) handle.close();
      };
      return {
        store: stores[0],
        peer: stores[1],
        reopen: () => (closeAll(), openStore()),
        dispose: () => (closeAll(), rmSync(directory, { recursive: true })),
      };
    },
  };
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
}

/** Another connection holds the lock: writing is an error that says what to do, reading goes on. */
export async function lockedDatabase(open: OpenSqlite): Promise<void> {
  const directory = temporary();
  const [mine, other] = [0, 1].map(() => open(join(directory, "tasks.db"))) as [
    ReturnType<OpenSqlite>,
    ReturnType<OpenSqlite>,
  ];
  const store = sqliteStore(mine, { wal: true, busyTimeout: 20 });
  const task = { owner: "alice", id: "a", version: 1, createdAt: 1, dueAt: null, state: "w", payload: null };
  const busy = (what: string) => (error: unknown) =>
    isTaskError(error) &&
    error.code === "storage" &&
    error.cause instanceof Error &&
    new RegExp(`could not ${what}: .*locked.*busy timeout`).test(error.message);
  other.exec("BEGIN IMMEDIATE");
  assert.throws(() => store.put(task), busy("write"));
  assert.throws(() => sqliteStore(mine, { tablePrefix: "late_" }), busy("open"));
  assert.equal(await store.get("alice", "a"), undefined);
  other.exec("COMMIT");
  assert.equal(await store.put(task), true);
  await store.close?.();
  mine.close();
  other.close();
  rmSync(directory, { recursive: true });
}
