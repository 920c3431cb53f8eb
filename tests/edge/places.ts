// Where the example runs: workerd, Deno and Bun. Each place has a port and a store that stay when its process is
// killed.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Miniflare } from "miniflare";
import { freePorts } from "../engines/ports.ts";
import { runtime } from "../engines/runtimes.ts";
import { bundleWorker } from "../engines/worker.ts";

export const SECRET = "a secret of the tests, long enough for HS256";
/** How long a process may take to listen, in ms. */
const PATIENCE = 30_000;

export interface Place {
  readonly url: string;
  start(): Promise<void>;
  /** Ends the process at once, as a crash would. */
  kill(): Promise<void>;
  /** And forgets what is stored. */
  remove(): Promise<void>;
}

/** Opens a place of its own for the example in `folder`. */
export type Open = (folder: string) => Promise<Place>;

/** In workerd, as wrangler.jsonc says. `entry` is another Worker than the example's. */
export const openWorkerd = async (folder: string, entry?: string): Promise<Place> => {
  const [port = 0] = await freePorts(1);
  const stored = mkdtempSync(join(tmpdir(), "mcp-longhaul-edge-objects-"));
  const config = readConfig(join(folder, "wrangler.jsonc"));
  const sqlite = config.migrations.flatMap((migration) => migration.new_sqlite_classes);
  const options = {
    modules: await bundleWorker(entry ?? join(folder, config.main)),
    host: "127.0.0.1",
    port,
    compatibilityDate: config.compatibility_date,
    bindings: { AUTH_SECRET: SECRET },
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map(({ name, class_name: className }) => [
        name,
        { className, useSQLite: sqlite.includes(className) },
      ]),
    ),
    durableObjectsPersist: stored,
  };
  let miniflare: Miniflare | undefined;
  // With SIGKILL, for workerd.
  const kill = async () => miniflare?.dispose();
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async start() {
      miniflare = new Miniflare(options as never);
      await miniflare.ready;
    },
    kill,
    remove: () => kill().then(() => rmSync(stored, { recursive: true })),
  };
};

interface WranglerConfig {
  readonly main: string;
  readonly compatibility_date: string;
  readonly durable_objects: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] };
  readonly migrations: readonly { readonly new_sqlite_classes: readonly string[] }[];
}

function readConfig(file: string): WranglerConfig {
  return JSON.parse(readFileSync(file, "utf8").replace(/^\s*\/\/.*$/gm, "")) as WranglerConfig;
}

export const openDeno: Open = (folder) => {
  const permissions = ["--allow-env", "--allow-read", "--allow-write"];
  return openProcess(folder, (port) => [
    runtime("deno"),
    "serve",
    ...permissions,
    "--host=127.0.0.1",
    `--port=${port}`,
    "deno.ts",
  ]);
};

export const openBun: Open = (folder) => openProcess(folder, () => [runtime("bun"), "bun.ts"]);

async function openProcess(folder: string, commandFor: (port: number) => readonly string[]): Promise<Place> {
  const [port = 0] = await freePorts(1);
  const [command = "", ...parameters] = commandFor(port);
  const stored = mkdtempSync(join(tmpdir(), "mcp-longhaul-edge-database-"));
  const env = { ...process.env, PORT: String(port), AUTH_SECRET: SECRET, TASKS_DB: join(stored, "tasks.db") };
  const url = `http://127.0.0.1:${port}/mcp`;
  let child: ChildProcess | undefined;
  process.once("exit", () => child?.kill("SIGKILL"));
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  return {
    url,
    async start() {
      const started = (child = spawn(command, parameters, {
        cwd: folder,
        env,
        stdio: ["ignore", "ignore", "inherit"],
      }));
      for (const end = Date.now() + PATIENCE; ; await pause(50)) {
        if (started.exitCode !== null) throw new Error(`${command} has ended with the code ${started.exitCode}`);
        if (Date.now() > end) throw new Error(`${command} does not listen`);
        if (
          await fetch(url, { method: "DELETE" }).then(
            () => true,
            () => false,
          )
        )
          return;
      }
    },
    kill,
    remove: () => kill().then(() => rmSync(stored, { recursive: true })),
  };
}
