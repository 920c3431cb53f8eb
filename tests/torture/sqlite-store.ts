import { DatabaseSync } from "node:sqlite";
import type { TaskStore } from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";

export const openStore = (file: string): TaskStore =>
  sqliteStore(new DatabaseSync(file), { wal: true, busyTimeout: 5_000 });
