import { Pool, type PoolConfig } from "pg";
import type { TaskStore } from "mcp-longhaul";
import { postgresStore } from "mcp-longhaul/stores/postgres";

export function openStore(connection: PoolConfig): TaskStore {
  const pool = new Pool({ ...connection, max: 8 });
  pool.on("error", (error) => console.error(error.message));
  return postgresStore(pool);
}
