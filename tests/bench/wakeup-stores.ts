/** Stores that two processes share: what one of them starts, and both open. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import type { TaskStore } from "mcp-longhaul";
import { Pool, type PoolConfig } from "pg";
import { startPostgres } from "../engines/postgres.ts";
import { RedisServer } from "../engines/redis.ts";

export interface Engine {
  /** What another process needs to open the same store. */
  readonly connection: string;
  stop(): Promise<void> | void;
}

export interface Shared {
  readonly store: TaskStore;
  close(): Promise<void> | void;
}

interface Kind {
  start(): Promise<Engine>;
  open(connection: string): Promise<Shared>;
}

const SQLite: Kind = {
  async start() {
    const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-bench-"));
    return { connection: join(directory, "tasks.db"), stop: () => rmSync(directory, { recursive: true }) };
  },
  async open(connection) {
    const { sqliteStore } = await import("mcp-longhaul/stores/sqlite");
    const db = new DatabaseSync(connection);
    return { store: sqliteStore(db, { wal: true, busyTimeout: 5000 }), close: () => db.close() };
  },
};

const PostgreSQL: Kind = {
  async start() {
    const { connection, stop } = await startPostgres();
    return { connection: JSON.stringify(connection), stop };
  },
  async open(connection) {
    const { postgresStore } = await import("mcp-longhaul/stores/postgres");
    const pool = new Pool(JSON.parse(connection) as PoolConfig);
    const store = postgresStore(pool);
    await store.ready();
    return { store, close: () => pool.end() };
  },
};

const redis: Kind = {
  async start() {
    const server = await RedisServer.start();
    return { connection: server.path, stop: () => server.stop() };
  },
  async open(connection) {
    const { redisStore } = await import("mcp-longhaul/stores/redis");
    const client = new Redis(connection);
    return { store: redisStore(client), close: () => client.disconnect() };
  },
};

export const KINDS: Readonly<Record<string, Kind>> = { SQLite, PostgreSQL, Redis: redis };
