import { Pool, type PoolConfig } from "pg";
import type { TaskStore } from "mcp-tasks";
import { postgresStore } from "mcp-tasks/stores/postgres";

export function openStore(connection: PoolConfig): TaskStore {
  const pool = new Pool({ ...connection, max: 8 });
  pool.on("error", (error) => console.error(error.message));
  return postgresStore(pool);
}
