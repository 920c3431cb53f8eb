// Every pair of peers that is tried, and how one is run.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../engines/ports.ts";
import type { Environment } from "./environments.ts";
import type { Finding } from "./findings.ts";
import { checkServer } from "./our-client.ts";

export type Carrier = "stdio" | "HTTP" | "HTTP, sessions";

/** One pair: a peer's program against ours, over each carrier. */
export interface Row {
  readonly peer: string;
  /** The Python environment that the script needs; none where it is a program for Node. */
  readonly environment?: Environment;
  /** What the peer is; we are the other side. */
  readonly side: "client" | "server";
  readonly script: string;
  readonly generation: "2025-11-25" | "2026-07-28";
  readonly carriers: readonly Carrier[];
  /** Checks that cannot pass over a carrier, by carrier and name, with the reason. */
  readonly limits?: Readonly<Partial<Record<Carrier, Readonly<Record<string, string>>>>>;
  readonly variables?: Readonly<Record<string, string>>;
}

const client = (
  peer: string,
  environment: Environment | undefined,
  script: string,
  generation: Row["generation"],
): Row => ({
  peer,
  ...(environment && { environment }),
  side: "client",
  script,
  generation,
  // In 2026-07-28 there are no sessions.
  carriers: generation === "2025-11-25" ? ["stdio", "HTTP", "HTTP, sessions"] : ["stdio", "HTTP"],
});
const server = (
  peer: string,
  environment: Environment | undefined,
  script: string,
  generation: Row["generation"],
): Row => ({
  ...client(peer, environment, script, generation),
  side: "server",
  carriers: ["stdio", "HTTP"],
});
/** A plain call cannot ask over HTTP without sessions in 2025-11-25: the SDK has no connection to ask on. */
const NO_SESSION = { HTTP: { "ask, tasks not preferred": "no plain call asks where the SDK keeps no session" } };

export const ROWS: readonly Row[] = [
  client("SDK v1, its own tasks", undefined, "sdk_1_client.ts", "2025-11-25"),
  server("SDK v1, its own tasks", undefined, "sdk_1_server.ts", "2025-11-25"),
  client("Python SDK 1.30", "python-sdk-1", "python_sdk_1_client.py", "2025-11-25"),
  server("Python SDK 1.30", "python-sdk-1", "python_sdk_1_server.py", "2025-11-25"),
  client("FastMCP 3.4", "fastmcp-3", "fastmcp_client.py", "2025-11-25"),
  server("FastMCP 3.4, memory", "fastmcp-3", "fastmcp_server.py", "2025-11-25"),
  client("FastMCP 4.1", "fastmcp-4", "fastmcp_client.py", "2026-07-28"),
  server("FastMCP 4.1, memory", "fastmcp-4", "fastmcp_server.py", "2026-07-28"),
  {
    ...client("pydantic-ai on FastMCP 3", "pydantic-ai-on-fastmcp-3", "pydantic_ai_client.py", "2025-11-25"),
    limits: NO_SESSION,
  },
  client("pydantic-ai on FastMCP 4", "pydantic-ai-on-fastmcp-4", "pydantic_ai_client.py", "2026-07-28"),
];

const here = import.meta.dirname;
/** So long may a peer take to start, or for all its checks, in ms. */
const START = 30_000;
const WHOLE = 180_000;

/** Runs one row over one carrier. `program` runs the peer's script. */
export async function runRow(row: Row, carrier: Carrier, program: string): Promise<Finding[]> {
  const script = join(here, "peers", row.script);
  return row.side === "client" ? clientOf(row, carrier, program, script) : serverOf(row, carrier, program, script);
}

async function clientOf(row: Row, carrier: Carrier, program: string, script: string): Promise<Finding[]> {
  const ours = [process.execPath, join(here, "ours.ts")];
  if (carrier === "stdio") return findingsOf(start(row, program, [script, ...ours, "stdio"]));
  const server = start(row, process.execPath, [ours[1]!, carrier === "HTTP" ? "http" : "sessions"]);
  try {
    const [url] = (await once(createInterface(server.stdout!), "line")) as [string];
    return await findingsOf(start(row, program, [script, url]));
  } finally {
    server.kill("SIGKILL");
  }
}

async function serverOf(row: Row, carrier: Carrier, program: string, script: string): Promise<Finding[]> {
  if (carrier === "stdio") return checkServer([program, script, "stdio"]);
  const [port] = await freePorts(1);
  const server = start(row, program, [script, "http", String(port)]);
  try {
    const url = `http://127.0.0.1:${port}/mcp`;
    await answers(url);
    return await checkServer([url]);
  } finally {
    server.kill("SIGKILL");
  }
}

function start({ variables }: Row, program: string, parameters: readonly string[]): ChildProcess {
  const env = { ...process.env, PYTHONUNBUFFERED: "1", ...variables };
  return spawn(program, parameters, {
    env,
    stdio: ["ignore", "pipe", process.env["INTEROP_VERBOSE"] ? "inherit" : "ignore"],
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
async function answers(url: string): Promise<void> {
  for (const end = performance.now() + START; ; await sleep(100)) {
    try {
      await (await fetch(url)).body?.cancel();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}
