// A Redis or Valkey server for tests, alone or as a cluster of three: from the path, else Debian's redis-server.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { program } from "./packages.ts";
import { freePorts } from "./ports.ts";

/**
 * Whatever becomes of the tests: when nobody holds its input any more, it kills the server, and removes the directory
 * unless told to keep it.
 */
const KEEPER = '"$@" & exec >&-; read -r word; kill -KILL $!; wait; test "$word" = keep || rm -rf -- "$0"';

/** One server with its own directory. It acknowledges a write when it is on disk. */
export class RedisServer {
  /** How clients of this machine reach it. */
  readonly path: string;
  readonly #directory: string;
  readonly #settings: readonly string[];
  #keeper: ChildProcess | undefined;

  private constructor(directory: string, settings: readonly string[]) {
    this.#directory = directory;
    this.path = join(directory, "socket");
    this.#settings = settings;
  }

  /** With more settings, as the command line takes them: `"--maxmemory", "10mb"`. */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(mkdtempSync(join(tmpdir(), "mcp-longhaul-redis-")), settings);
    await server.#start();
    return server;
  }

  /** Kills the server, as a crash would, and starts it again on what is on its disk. */
  async restart(): Promise<void> {
    await this.down(() => {});
  }

  /** Kills the server and starts it again after `during`. */
  async down(during: () => unknown): Promise<void> {
    await this.#kill("keep");
    await during();
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#kill("remove");
  }

  async #start(): Promise<void> {
    const settings = [
      "--dir",
      this.#directory,
      "--unixsocket",
      this.path,
      "--appendonly",
      "yes",
      "--appendfsync",
      "always",
      "--save",
      "",
      ...this.#settings,
    ];
    // Without a port of its own, two test files never meet.
    if (!this.#settings.includes("--port")) settings.push("--port", "0");
    const server = program(["redis-server", "valkey-server"], "redis-server");
    const keeper = (this.#keeper = spawn("sh", ["-c", KEEPER, this.#directory, server, ...settings], {
      stdio: ["pipe", "pipe", "inherit"],
    }));
    const output: string[] = [];
    for await (const data of keeper.stdout!.iterator({ destroyOnReturn: false })) {
      output.push(String(data));
      if (/eady to accept connections/.test(output.join(""))) return void keeper.stdout!.resume();
    }
    await this.stop();
    throw new Error(`The Redis server did not start:\n${output.join("")}`);
  }

  async #kill(directory: "keep" | "remove"): Promise<void> {
    if (this.#keeper === undefined) return;
    const end = once(this.#keeper, "exit");
    this.#keeper.stdin!.end(`${directory}\n`);
    this.#keeper = undefined;
    await end;
  }
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
    servers.push(
      await RedisServer.start(
        "--bind",
        HOST,
        "--port",
        String(port),
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        String(bus),
        "--cluster-node-timeout",
        "2000",
      ),
    );
    return { host: HOST, port };
  };
  const ask = (...args: readonly string[]): void => {
    const { status, stdout, stderr } = spawnSync(
      program(["redis-cli", "valkey-cli"], "redis-tools"),
      ["--cluster", ...args],
      { encoding: "utf8", timeout: 60_000 },
    );
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
    while (!answer.test(String(await client.call(command, ...args))))
      await new Promise((resolve) => setTimeout(resolve, 20));
  });
}
