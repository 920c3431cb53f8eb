// What operators do on a store: `--store`.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { isTaskError, type TaskStore } from "mcp-longhaul";
import { type AdminFilter, type AdminStatus, type TaskAdmin, taskAdmin } from "mcp-longhaul/admin";
import { NAME } from "../name.ts";
import type { SqliteDatabase } from "mcp-longhaul/stores/sqlite";
import { seconds } from "./arguments.ts";
import { CommandError, Exit, type ExitCode, UsageError } from "./exit.ts";
import type { Report } from "./report.ts";
import { reasonOf } from "./target.ts";
import { line, type Secrets } from "./text.ts";

/** Where the store may be named, so that its password stands in no list of processes. */
const STORE = "MCP_LONGHAUL_STORE";

/** What was typed about a store. */
export interface StoreOptions {
  readonly store?: string | undefined;
  readonly prefix?: string | undefined;
  readonly owner?: string | undefined;
  readonly tool?: string | undefined;
  readonly status?: readonly string[] | undefined;
  readonly older?: string | undefined;
  readonly limit?: string | undefined;
}

/** What is used of `better-sqlite3`. */
interface BetterSqlite {
  readonly default: new (file: string, options: object) => SqliteDatabase & { close(): void };
}

/** A store, and what was opened for it. */
interface Opened {
  readonly store: TaskStore;
  close(): Promise<void>;
}

export async function operate(
  command: string,
  names: readonly string[],
  options: StoreOptions,
  around: { readonly report: Report; readonly env: NodeJS.ProcessEnv; readonly secrets: Secrets },
): Promise<ExitCode> {
  const { report, env, secrets } = around;
  const filter = filterOf(options);
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (!(limit >= 1)) throw new UsageError("--limit takes a number from 1.");
  if (command === "purge" && names.length === 0 && options.older === undefined)
    throw new UsageError("purge takes ids, or --older SECONDS for all that have ended.");
  const named = options.store === "env" ? (env[STORE] ?? "") : (options.store ?? "");
  const { store, close } = await open(named, options.prefix, secrets);
  try {
    const admin = taskAdmin({ store });
    switch (command) {
      case "list":
        return await list(admin, filter, limit, report);
      case "count":
        report.counts(await admin.count(filter));
        return Exit.done;
      case "purge":
        if (names.length === 0) return await purgeAll(admin, filter, report);
        return await each(admin, names, options.owner, report, (owner, id) => admin.purge(owner, id), "purge");
      case "cancel":
        return await each(admin, names, options.owner, report, (owner, id) => admin.cancel(owner, id), "cancel");
      default:
        return await read(admin, names, options.owner, report);
    }
  } catch (error) {
    if (!isTaskError(error) || error.code !== "unsupported") throw error;
    throw new UsageError("This store cannot list the tasks of all owners: say --owner.");
  } finally {
    await close();
  }
}

const STATUSES = ["working", "input_required", "completed", "tool_failed", "failed", "cancelled"];

function filterOf({ owner, tool, status, older }: StoreOptions): AdminFilter {
  for (const one of status ?? [])
    if (!STATUSES.includes(one)) throw new UsageError(`--status takes ${STATUSES.join(", ")}.`);
  return { owner, tool, status: status as AdminStatus[] | undefined, olderThan: seconds("older", older) };
}

async function list(admin: TaskAdmin, filter: AdminFilter, limit: number, report: Report): Promise<ExitCode> {
  let left = limit;
  let unreadable = 0;
  let cursor: string | undefined;
  const tasks = [];
  do {
    const page = await admin.list({ ...filter, cursor, limit: Math.min(left, 1000) });
    tasks.push(...page.tasks);
    left -= page.tasks.length;
    unreadable += page.unreadable.length;
    cursor = page.cursor;
  } while (cursor !== undefined && left > 0);
  report.stored(tasks);
  if (cursor !== undefined) report.note("There are more: --limit.");
  if (unreadable > 0) report.note(`${unreadable} records are another version's, and cannot be read.`);
  return Exit.done;
}

/** Everything that has ended and fits. A task that changes meanwhile stays. */
async function purgeAll(admin: TaskAdmin, filter: AdminFilter, report: Report): Promise<ExitCode> {
  const status = filter.status ?? (STATUSES.slice(2) as AdminStatus[]);
  let cursor: string | undefined;
  do {
    const page = await admin.list({ ...filter, status, cursor, limit: 1000 });
    for (const { owner, taskId } of page.tasks) report.outcome("purge", taskId, await admin.purge(owner, taskId));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return Exit.done;
}

async function each(
  admin: TaskAdmin,
  ids: readonly string[],
  owner: string | undefined,
  report: Report,
  work: (owner: string, taskId: string) => ReturnType<TaskAdmin["cancel"]>,
  what: string,
): Promise<ExitCode> {
  let exit: ExitCode = Exit.done;
  for (const id of ids) {
    const whose = await ownerOf(admin, id, owner);
    const outcome = whose === undefined ? "missing" : await work(whose, id);
    report.outcome(what, id, outcome);
    if (outcome === "missing") exit = Exit.missing;
    else if (outcome === "open") exit = Exit.failed;
  }
  return exit;
}

async function read(
  admin: TaskAdmin,
  ids: readonly string[],
  owner: string | undefined,
  report: Report,
): Promise<ExitCode> {
  let exit: ExitCode = Exit.done;
  for (const id of ids) {
    const whose = await ownerOf(admin, id, owner);
    const task = whose === undefined ? undefined : await admin.read(whose, id);
    if (task !== undefined) report.detail(task);
    else {
      report.failure("not_found", `There is no task ${line(id, 128)} in this store.`, id);
      exit = Exit.missing;
    }
  }
  return exit;
}

/** Whose task an id is: who is named, or whoever has it. */
async function ownerOf(admin: TaskAdmin, id: string, owner: string | undefined): Promise<string | undefined> {
  if (owner !== undefined) return owner;
  const found = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await admin.list({ cursor, limit: 1000 });
    for (const task of page.tasks) if (task.taskId === id) found.add(task.owner);
    cursor = page.cursor;
  } while (cursor !== undefined);
  if (found.size > 1) throw new UsageError(`${line(id, 128)} is a task of several owners: say --owner.`);
  return [...found][0];
}

/** Opens a store by its address, on a driver that is there. */
async function open(address: string, prefix: string | undefined, secrets: Secrets): Promise<Opened> {
  const [, scheme = "", rest = ""] = /^([a-z]+):(.*)$/is.exec(address) ?? [];
  if (URL.canParse(address)) secrets.add(decodeURIComponent(new URL(address).password));
  const tables = prefix === undefined ? {} : { tablePrefix: prefix };
  try {
    switch (scheme.toLowerCase()) {
      case "sqlite":
        return await sqlite(rest, tables);
      case "postgres":
      case "postgresql":
        return await postgres(address, tables);
      case "redis":
      case "rediss":
        return await redis(address, prefix === undefined ? {} : { prefix });
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(Exit.server, `The store was not opened: ${line(reasonOf(error))}`, { cause: error });
  }
  throw new UsageError(`--store takes sqlite:FILE, postgres://… or redis://…, or env for what ${STORE} says.`);
}

async function sqlite(file: string, options: object): Promise<Opened> {
  // Opening would make it.
  if (!existsSync(file)) throw new UsageError(`There is no file ${line(file, 200)}.`);
  const { sqliteStore } = await import("mcp-longhaul/stores/sqlite");
  // It is new in Node, which says so on stderr.
  process.removeAllListeners("warning");
  const builtin = process.getBuiltinModule?.("node:sqlite");
  const database =
    builtin !== undefined
      ? new builtin.DatabaseSync(file)
      : new (await driver<BetterSqlite>("better-sqlite3")).default(file, { fileMustExist: true });
  const store = sqliteStore(database, { busyTimeout: 5000, ...options });
  return {
    store,
    async close() {
      await store.close?.();
      database.close();
    },
  };
}

async function postgres(address: string, options: object): Promise<Opened> {
  const { postgresStore } = await import("mcp-longhaul/stores/postgres");
  const { default: pg } = await driver<typeof import("pg")>("pg");
  const pool = new pg.Pool({ connectionString: address, max: 2 });
  const store = postgresStore(pool, options);
  return {
    store,
    async close() {
      await store.close?.();
      await pool.end();
    },
  };
}

async function redis(address: string, options: object): Promise<Opened> {
  const { redisStore } = await import("mcp-longhaul/stores/redis");
  const { createClient } = await driver<typeof import("redis")>("redis");
  const client = createClient({ url: address });
  client.on("error", () => {});
  await client.connect();
  const store = redisStore(client, options);
  return {
    store,
    async close() {
      await store.close?.();
      client.destroy();
    },
  };
}

/** A package of the user's: beside this one, or where the command is run. */
async function driver<Module>(name: string): Promise<Module> {
  const here = createRequire(pathToFileURL(`${process.cwd()}/`));
  const places = [() => createRequire(import.meta.url).resolve(name), () => here.resolve(name)];
  for (const place of places) {
    try {
      return await import(pathToFileURL(place()).href);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new UsageError(`This store needs the package ${name}: npx -p ${NAME} -p ${name} ${NAME} tasks … --store …`);
}
