// Bun: `bun bun.ts`, or `PORT=8000 bun bun.ts`
import { Database } from "bun:sqlite";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { authenticated } from "./auth.ts";
import { serveTools } from "./serve.ts";

const db = new Database(process.env["TASKS_DB"] ?? "tasks.db");
const { tasks, handler } = serveTools({ store: sqliteStore(db, { wal: true, busyTimeout: 5_000 }) });
const serve = tasks.fetch(handler);
tasks.start(); // what an earlier process left

export default {
  idleTimeout: 0, // a stream may be silent for longer than the 10 s that Bun waits
  fetch: (request: Request): Promise<Response> =>
    authenticated(request, process.env["AUTH_SECRET"], (authInfo) => serve(request, { authInfo })),
};
