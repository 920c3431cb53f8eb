// A Redis or Valkey server for tests, alone or as a cluster of three: from the path, else Debian's redis-server.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { program } from "./packages.ts";

/** One server with its own directory. It acknowledges a write when it is on disk. */
export class RedisServer {
  readonly directory: string;
  /** How clients reach it, in the same machine. */
  readonly path: string;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(directory: string, settings: readonly string[]) {
    this.directory = directory;
    this.path = join(directory, "socket");
    this.#settings = settings;
  }

  /** With more settings, as the command line takes them: `"--maxmemory", "10mb"`. */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(mkdtempSync(join(tmpdir(), "mcp-tasks-redis-")), settings);
    await server.#start();
    return server;
  }

  /** Kills the server, as a crash would, and starts it again on what is on its disk. */
  async restart(): Promise<void> {
    await this.#kill();
    await this.#start();
  }

  /** Kills the server and starts it again after `during`. */
  async down(during: () => unknown): Promise<void> {
    await this.#kill();
    await during();
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const settings = ["--dir", this.directory, "--unixsocket", this.path, "--appendonly", "yes", "--appendfsync", "always", "--save", "", ...this.#settings];
    // Without a port of its own, two test files never meet.
    if (!this.#settings.includes("--port")) settings.push("--port", "0");
    this.#process = spawn(program(["redis-server", "valkey-server"], "redis-server"), settings, { stdio: ["ignore", "pipe", "inherit"] });
    process.once("exit", this.#killAtOnce);
    const output: string[] = [];
    for await (const data of this.#process.stdout!.iterator({ destroyOnReturn: false })) {
      output.push(String(data));
      if (/eady to accept connections/.test(output.join(""))) break;
    }
    if (!/eady to accept connections/.test(output.join(""))) throw new Error(`The Redis server did not start:\n${output.join("")}`);
    this.#process.stdout!.resume();
  }

  async #kill(): Promise<void> {
    process.off("exit", this.#killAtOnce);
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const end = once(child, "exit");
    child.kill("SIGKILL");
    await end;
  }

  readonly #killAtOnce = (): void => void this.#process?.kill("SIGKILL");
}

export interface RedisCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Three primaries, each with a third of the slots. */
export async function startCluster(): Promise<RedisCluster> {
  const host = "127.0.0.1";
  const ports = await freePorts(6);
  const nodes = ports.slice(0, 3).map((port) => ({ host, port }));
  const servers = await Promise.all(
    nodes.map(({ port }, n) =>
      RedisServer.start("--bind", host, "--port", String(port), "--cluster-enabled", "yes", "--cluster-port", String(ports[3 + n]), "--cluster-node-timeout", "2000"),
    ),
  );
  const stop = async (): Promise<void> => void (await Promise.all(servers.map((server) => server.stop())));
  const addresses = nodes.map(({ port }) => `${host}:${port}`);
  const made = spawnSync(program(["redis-cli", "valkey-cli"], "redis-tools"), ["--cluster", "create", ...addresses, "--cluster-yes"], { encoding: "utf8", timeout: 60_000 });
  if (made.status !== 0) {
    await stop();
    throw new Error(`The Redis cluster was not made:\n${made.stdout}\n${made.stderr}`);
  }
  // Each node hears by itself that all slots are served.
  for (const node of nodes) {
    const client = new Redis(node);
    while (!/cluster_state:ok/.test(await client.cluster("INFO"))) await new Promise((resolve) => setTimeout(resolve, 20));
    client.disconnect();
  }
  return { nodes, servers, stop };
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
