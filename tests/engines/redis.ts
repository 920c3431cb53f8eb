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
  /** Starts a replica of the first primary. */
  addReplica(): Promise<{ readonly host: string; readonly port: number }>;
  stop(): Promise<void>;
}

/** Three primaries, each with a third of the slots. */
export async function startCluster(): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(servers.map((server) => server.stop())));
  const start = async () => {
    const [port = 0, bus] = await freePorts(2);
    servers.push(await RedisServer.start("--bind", HOST, "--port", String(port), "--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "2000"));
    return { host: HOST, port };
  };
  const ask = (...args: readonly string[]): void => {
    const { status, stdout, stderr } = spawnSync(program(["redis-cli", "valkey-cli"], "redis-tools"), ["--cluster", ...args], { encoding: "utf8", timeout: 60_000 });
    if (status !== 0) throw new Error(`redis-cli --cluster ${args.join(" ")}\n${stdout}\n${stderr}`);
  };
  try {
    const nodes = [await start(), await start(), await start()];
    ask("create", ...nodes.map(address), "--cluster-yes");
    for (const node of nodes) await told(node, "cluster info", /cluster_state:ok/);
    const first = nodes[0]!;
    const addReplica = async () => {
      const replica = await start();
      const id = await asked(first, (client) => client.cluster("MYID"));
      ask("add-node", address(replica), address(first), "--cluster-slave", "--cluster-master-id", id);
      await told(replica, "info replication", /master_link_status:up/);
      for (const node of nodes) await told(node, "cluster slots", new RegExp(`\\b${replica.port}\\b`));
      return replica;
    };
    return { nodes, addReplica, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Node {
  readonly host: string;
  readonly port: number;
}
const HOST = "127.0.0.1";

function address({ host, port }: Node): string {
  return `${host}:${port}`;
}

async function asked<T>(node: Node, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(node);
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}

/** Nodes learn of each other by themselves; this waits until one has. */
async function told(node: Node, question: string, answer: RegExp): Promise<void> {
  const [command = "", ...args] = question.split(" ");
  await asked(node, async (client) => {
    while (!answer.test(String(await client.call(command, ...args)))) await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
