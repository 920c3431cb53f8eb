// A PostgreSQL server of the tests' own, which has nothing but its programs in common with any other.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Pool, type PoolConfig } from "pg";
import { program } from "./packages.ts";
import { freePorts } from "./ports.ts";

export interface Postgres {
  readonly connection: PoolConfig;
  /** A pool that ends with the server, if it has not ended before. */
  pool(more?: PoolConfig): Pool;
  /** Ends the pools and the server, and removes its data. */
  stop(): Promise<void>;
}

/**
 * Ends the server when its standard input ends, which it does whatever becomes of the process that started it: at once,
 * without the last writes to a disk that nobody will read.
 */
const KEEPER = '"$@" & read -r _; kill -QUIT $!; wait; rm -rf -- "$0"';

/** Starts a server that writes as it would in production: `fsync` is on. */
export async function startPostgres(): Promise<Postgres> {
  const programs = dirname(program(["initdb"], "postgresql", debianFolders));
  const directory = mkdtempSync(join(tmpdir(), "mcp-longhaul-pg-"));
  const data = join(directory, "data");
  const user = ordinaryUser();
  if (user) chownSync(directory, user.uid, user.gid);
  const { status, stderr, error } = spawnSync(
    join(programs, "initdb"),
    ["-D", data, "-A", "trust", "-U", "tests", "-E", "UTF8", "--no-locale", "--no-sync"],
    { ...user, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`initdb failed: ${stderr}${error?.message ?? ""}`);

  const [port] = await freePorts(1);
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 60,
    shared_buffers: "16MB",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn("sh", ["-c", KEEPER, directory, join(programs, "postgres"), "-D", data, ...flags], {
    ...user,
    stdio: ["pipe", "ignore", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (text) => (log += text));

  const connection = { host: "127.0.0.1", port, user: "tests", database: "postgres" };
  const pools: Pool[] = [];
  const pool = (more?: PoolConfig): Pool => {
    const made = new Pool({ ...connection, ...more });
    made.on("error", () => {}); // some tests end connections on purpose
    pools.push(made);
    return made;
  };
  const stop = async (): Promise<void> => {
    // A client that a failed test has not given back would keep its pool from ending; the server's end ends both.
    await Promise.race([
      Promise.all(pools.filter(({ ending }) => !ending).map((each) => each.end())),
      pause(2_000, undefined, { ref: false }),
    ]);
    const closed = once(server, "close");
    server.stdin.end();
    await closed;
  };
  for (const start = Date.now(); ; await pause(20)) {
    const probe = new Pool({ ...connection, max: 1 });
    try {
      await probe.query("SELECT 1");
      return { connection, pool, stop };
    } catch {
      if (Date.now() - start < 20_000) continue;
    } finally {
      await probe.end();
    }
    await stop();
    throw new Error(`PostgreSQL does not start:\n${log}`);
  }
}

/** Debian keeps the server's programs away from the path. */
function debianFolders(): string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(root, version, "bin"));
}

/** The server refuses to be root's: then it runs as another user. */
function ordinaryUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) => Number(spawnSync("id", [flag, name], { encoding: "utf8" }).stdout));
    if (uid && gid) return { uid, gid };
  }
  throw new Error("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`.");
}
