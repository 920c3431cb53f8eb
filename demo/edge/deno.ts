// Deno: `deno serve --allow-env --allow-read --allow-write deno.ts`
import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { authenticated } from "./auth.ts";
import { serveTools } from "./serve.ts";

const db = new DatabaseSync(process.env["TASKS_DB"] ?? "tasks.db");
const { tasks, handler } = serveTools({ store: sqliteStore(db, { wal: true, busyTimeout: 5_000 }) });
const serve = tasks.fetch(handler);
tasks.start(); // what an earlier process left

export default {
  fetch: (request: Request): Promise<Response> =>
    authenticated(request, process.env["AUTH_SECRET"], (authInfo) => serve(request, { authInfo })),
};
