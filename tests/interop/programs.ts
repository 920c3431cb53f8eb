// Runs a peer's program against ours, over one carrier.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../engines/ports.ts";
import { RedisServer } from "../engines/redis.ts";
import type { Finding } from "./findings.ts";
import type { Target } from "./our-client.ts";

export type Carrier = "stdio" | "HTTP" | "HTTP, sessions";
/** A program, and its first parameters. */
export type Program = readonly [string, ...string[]];
export type Variables = Readonly<Record<string, string>>;

/** So long may a peer take to start, or for all its checks, in ms. */
const START = 30_000;
const WHOLE = 180_000;

/** The command line of our server, but for its carrier. */
export const OUR_SERVER: Program = [process.execPath, join(import.meta.dirname, "ours.ts")];

/** Hands over where our server is: a URL, or a command line. */
export async function withOurServer<T>(carrier: Carrier, use: (target: Target) => Promise<T>): Promise<T> {
  if (carrier === "stdio") return use([...OUR_SERVER, "stdio"]);
  const server = start([...OUR_SERVER, carrier === "HTTP" ? "http" : "sessions"]);
  try {
    const [url] = (await once(createInterface(server.stdout!), "line")) as [string];
    return await use([url]);
  } finally {
    server.kill("SIGKILL");
  }
}

/** A client that prints what it found, given our server as its last parameters. */
export function clientAgainstOurs(program: Program, carrier: Carrier, variables: Variables): Promise<Finding[]> {
  return withOurServer(carrier, (target) => findingsOf(start([...program, ...target], variables)));
}

export interface ServerRun {
  /** It gets the URL of a Redis server in `FASTMCP_DOCKET_URL`. */
  readonly redis?: boolean | undefined;
  readonly check: (target: Target, variables: Variables) => Promise<Finding[]>;
}

/** A server that takes `stdio`, or `http` and a port. */
export async function serverForOurs(program: Program, carrier: Carrier, run: ServerRun): Promise<Finding[]> {
  const [port = 0, redisPort = 0] = await freePorts(2);
  const redis = run.redis ? await RedisServer.start("--bind", "127.0.0.1", "--port", String(redisPort)) : undefined;
  const variables: Variables = redis ? { FASTMCP_DOCKET_URL: `redis://127.0.0.1:${redisPort}/0` } : {};
  let server: ChildProcess | undefined;
  try {
    if (carrier === "stdio") return await run.check([...program, "stdio"], variables);
    server = start([...program, "http", String(port)], variables);
    const url = `http://127.0.0.1:${port}/mcp`;
    await answers(url);
    return await run.check([url], variables);
  } finally {
    server?.kill("SIGKILL");
    await redis?.stop();
  }
}

/** Starts a program, with nothing to read unless `stdin` says otherwise. */
export function start(
  [program, ...parameters]: Program,
  variables: Variables = {},
  stdin: "ignore" | "pipe" = "ignore",
): ChildProcess {
  const env = { ...process.env, PYTHONUNBUFFERED: "1", ...variables };
  return spawn(program, parameters, {
    env,
    stdio: [stdin, "pipe", process.env["INTEROP_VERBOSE"] ? "inherit" : "ignore"],
  });
}

/** What a peer's program prints, a finding a line. */
async function findingsOf(child: ChildProcess): Promise<Finding[]> {
  const findings: Finding[] = [];
  const timer = setTimeout(() => child.kill("SIGKILL"), WHOLE);
  const exit = once(child, "exit");
  for await (const line of createInterface(child.stdout!)) {
    if (line.startsWith('{"check"')) findings.push(JSON.parse(line) as Finding);
  }
  const [code, signal] = (await exit) as [number | null, string | null];
  clearTimeout(timer);
  if (code !== 0) findings.push({ check: "the program's end", ok: false, detail: `exit code ${code ?? signal}` });
  return findings;
}

/** Waits until something listens at a URL. */
export async function answers(url: string): Promise<void> {
  for (const end = performance.now() + START; ; await sleep(100)) {
    try {
      await (await fetch(url, { signal: AbortSignal.timeout(2_000) })).body?.cancel();
      return;
    } catch (error) {
      if (error instanceof Error && error.name === "TimeoutError") return; // it listens, and streams
      if (performance.now() > end) throw error;
    }
  }
}
