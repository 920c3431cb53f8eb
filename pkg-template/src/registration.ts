import { attachClass, type Attacher } from "./attach-class.ts";
import { TaskClient } from "./client.ts";
import { TaskError, isTaskError } from "./errors.ts";
import { NAME } from "./name.ts";
import { readSettings, type Settings } from "./register/settings.ts";
import { roleOf, withReport } from "./register/source.ts";
import { TaskServer } from "./server.ts";
import type { TaskStore } from "./store.ts";
import { memoryStore } from "./stores/memory.ts";
import { postgresStore } from "./stores/postgres.ts";
import { redisStore } from "./stores/redis.ts";
import { sqliteStore } from "./stores/sqlite.ts";

/** The part of Node's `module` that is used here. */
interface NodeModule {
  createRequire(from: string): Require;
  /** From Node 22.15 and 23.5 on. */
  registerHooks?(hooks: { load: Load }): unknown;
}
interface Require {
  (id: string): unknown;
  resolve(id: string): string;
  readonly cache: Readonly<Record<string, { readonly exports: unknown } | undefined>>;
}
interface Loaded {
  readonly format?: string | null | undefined;
  readonly source?: string | ArrayBufferView | ArrayBuffer | null | undefined;
}
type Load = (url: string, context: object, next: (url: string, context: object) => Loaded) => Loaded;
interface NodeProcess {
  readonly argv: readonly string[];
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  getBuiltinModule(id: string): unknown;
  cwd(): string;
  once(event: "beforeExit", listener: () => void): unknown;
}

const SCRIPT = /\.[cm]?[jt]s(?:\?|$)/;
const HOOK = `${NAME}.register`;
const CLASSES = [
  "@modelcontextprotocol/client",
  "@modelcontextprotocol/server",
  "@modelcontextprotocol/sdk/client/index.js",
  "@modelcontextprotocol/sdk/server/index.js",
  "@modelcontextprotocol/sdk/server/mcp.js",
];

/**
 * Attaches the classes of every copy of the SDKs that this process has loaded or will load, as the environment says.
 * Once a process; later calls do nothing. Resolves when those are attached that an ES module has imported before.
 *
 * Throws {@link TaskError}: `invalid_argument` for a setting that there is not, `unsupported` where
 * the runtime is not like Node, `storage` where the store's driver cannot be loaded.
 */
export function register(): Promise<void> {
  const global = globalThis as { [key: symbol]: unknown };
  const hook = Symbol.for(HOOK);
  if (global[hook] !== undefined) return Promise.resolve();

  const { process } = globalThis as unknown as { process?: NodeProcess };
  if (typeof process?.getBuiltinModule !== "function")
    throw new TaskError("unsupported", `${NAME}/register needs Node 20.16 or later; elsewhere, use attachClass().`);
  const module = process.getBuiltinModule("node:module") as NodeModule;
  const require = module.createRequire(process.argv[1] ?? `${process.cwd()}/`);
  const attach = attacherOf(process, readSettings(process.env), require);
  Object.defineProperty(global, hook, { value: (...values: readonly unknown[]) => values.forEach(attach) });

  module.registerHooks?.({ load });
  for (const [file, loaded] of Object.entries(require.cache))
    if (file.includes("modelcontextprotocol") && loaded !== undefined) attachExports(loaded.exports, attach);
  const isFirst = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].some((text) => text.includes("register"));
  // What is loaded after this module, the hooks see.
  if (isFirst && module.registerHooks !== undefined) return Promise.resolve();
  const { pathToFileURL } = process.getBuiltinModule("node:url") as { pathToFileURL(file: string): URL };
  return attachImported(require, pathToFileURL, attach).then((found) => {
    // Not an error: a package manager runs with the same NODE_OPTIONS.
    if (!found && module.registerHooks === undefined)
      console.error(
        `${NAME}: Node ${process.version} has no module hooks, and there is no MCP SDK beside the program: ` +
          "use Node 22.15 or later, or attachClass().",
      );
  });
}

const load: Load = (url, context, next) => {
  const loaded = next(url, context);
  const { format, source } = loaded;
  // Where a package does not say what its modules are, there is no format yet.
  const isCode = format === undefined || format === null ? SCRIPT.test(url) : /^(?:module|commonjs)/.test(format);
  if (source === undefined || source === null || !isCode) return loaded;
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  const reporting = withReport(text, HOOK);
  return reporting === undefined ? loaded : { ...loaded, source: reporting };
};

/** Attaches the copies that the program itself would import; answers whether it has one. */
async function attachImported(
  require: Require,
  urlOf: (file: string) => URL,
  attach: (value: unknown) => void,
): Promise<boolean> {
  const files = CLASSES.flatMap((id) => {
    try {
      // Where `require` finds the CommonJS copy, the ES module is beside it.
      const file = require.resolve(id);
      return [file.replace(/([\\/]dist[\\/])cjs(?=[\\/])/, "$1esm").replace(/\.cjs$/, ".mjs")];
    } catch {
      return [];
    }
  });
  for (const file of files) attachExports(await import(urlOf(file).href), attach);
  return files.length > 0;
}

function attachExports(exports: unknown, attach: (value: unknown) => void): void {
  for (const name of ["Client", "Server", "McpServer"])
    if (Object(exports) === exports) attach((exports as Record<string, unknown>)[name]);
}

/** What attaches a class of an SDK, and leaves any other value as it is. */
function attacherOf(process: NodeProcess, settings: Settings, require: Require): (value: unknown) => void {
  const onerror = (error: unknown): void => {
    console.error(`${NAME}: ${isTaskError(error) ? error.message : String(error)}`);
  };
  const attachers: { client?: Attacher; server?: Attacher } = {};
  if (settings.clients) attachers.client = new TaskClient({ ...settings.client, onerror });
  if (settings.servers) {
    const { defaults, tools, prompts, resources } = settings;
    const store = storeOf(settings.store, process, require);
    const tasks = new TaskServer({ defaults, tools, prompts, resources, store, onerror });
    process.once("beforeExit", () => void tasks.close().catch(onerror));
    attachers.server = lenient(tasks, onerror);
  }
  return (value) => {
    const attacher = attachers[roleOf(value) ?? ("none" as never)] as Attacher | undefined;
    if (attacher === undefined) return;
    try {
      attachClass(attacher, value as never);
    } catch (error) {
      // The program attaches it by itself.
      onerror(error);
    }
  };
}

/** A server that cannot have our tasks, because it has some of its own, works on as it did. */
function lenient(tasks: TaskServer, onerror: (error: unknown) => void): Attacher {
  return {
    attach(target) {
      try {
        tasks.attach(target);
      } catch (error) {
        onerror(error);
      }
    },
  };
}

function storeOf(address: string, process: NodeProcess, require: Require): TaskStore {
  const [scheme, path] = [address.slice(0, address.indexOf(":")), address.slice(address.indexOf(":") + 1)];
  if (scheme === "sqlite") {
    const { DatabaseSync } = driver("node:sqlite", process.getBuiltinModule.bind(process)) as {
      DatabaseSync: new (path: string) => never;
    };
    return sqliteStore(new DatabaseSync(path), { wal: true, busyTimeout: 5000 });
  }
  if (scheme.startsWith("postgres")) {
    const { Pool } = driver("pg", require) as { Pool: new (options: object) => never };
    const pool = new Pool({ connectionString: address, keepAlive: true, allowExitOnIdle: true });
    (pool as { on(event: string, listener: () => void): void }).on("error", () => {});
    return postgresStore(pool);
  }
  if (scheme.startsWith("redis")) {
    const Redis = driver("ioredis", require) as new (address: string) => never;
    return redisStore(new Redis(address));
  }
  return memoryStore();
}

function driver(id: string, load: (id: string) => unknown): unknown {
  try {
    const loaded = load(id);
    if (loaded !== undefined) return loaded;
  } catch (cause) {
    throw new TaskError("storage", `MCP_LONGHAUL_STORE needs the package ${id}, beside the program.`, { cause });
  }
  throw new TaskError("storage", `MCP_LONGHAUL_STORE needs ${id}, which this Node does not have.`);
}
