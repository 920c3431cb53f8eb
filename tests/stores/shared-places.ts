// Places that several processes can share, each opened several times: for what stands on stores.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { memoryStore, type TaskStore } from "mcp-longhaul";
import { postgresStore } from "mcp-longhaul/stores/postgres";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { startPostgres } from "../engines/postgres.ts";
import { RedisServer } from "../engines/redis.ts";
import { openers } from "./redis-cases.ts";

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Makes an empty place; what it returns opens it once more. */
export type Make = (t: TestContext) => Promise<() => TaskStore>;

export const PLACES: Record<string, Make> = {
  memory: async () => {
    const store = memoryStore();
    return () => store;
  },
  SQLite: async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "mcp-longhaul-"));
    const databases: DatabaseSync[] = [];
    t.after(async () => {
      await later(50); // the SDK empties a queue without waiting for it
      for (const database of databases) database.close();
      rmSync(folder, { recursive: true });
    });
    return () => {
      const database = new DatabaseSync(join(folder, "tasks.db"));
      databases.push(database);
      return sqliteStore(database);
    };
  },
  PostgreSQL: async (t) => {
    const postgres = await startPostgres();
    t.after(async () => {
      await later(50);
      await postgres.stop();
    });
    return () => postgresStore(postgres.pool());
  },
  Redis: async (t) => {
    const server = await RedisServer.start();
    const all = await Promise.all([1, 2, 3, 4].map(() => openers(server).ioredis({ prefix: "shared" })));
    t.after(async () => {
      await later(50);
      for (const { end } of all) await end();
      await server.stop();
    });
    const stores = all.map(({ store }) => store);
    return () => stores.pop()!;
  },
};
