import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore, type SqliteDatabase } from "../../pkg-template/src/stores/sqlite.ts";
import type { MakeStore } from "./kit.ts";

export type OpenSqlite = (file: string) => SqliteDatabase & { close(): unknown };

/** The ways in which every SQLite driver is put through the contract suite. */
export function sqliteFactories(open: OpenSqlite): Readonly<Record<string, MakeStore>> {
  return {
    "in memory": () => {
      const db = open(":memory:");
      return { store: sqliteStore(db), dispose: () => void db.close() };
    },
    "two handles on one file": () => {
      const directory = mkdtempSync(join(tmpdir(), "mcp-tasks-"));
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
