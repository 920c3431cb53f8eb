// Every pair of peers that is tried.
import { createRequire } from "node:module";
import { join } from "node:path";
import { checkExampleServer, exampleClient } from "./examples.ts";
import { type Environment, npm, python, rust } from "./environments.ts";
import type { Finding } from "./findings.ts";
import { openCode } from "./hosts/opencode.ts";
import { inspectorCli } from "./hosts/inspector.ts";
import { type Check, checkServer } from "./our-client.ts";
import { checkAsking } from "./other-direction.ts";
import { checkPrompts } from "./prompts.ts";
import { type Carrier, type Program, clientAgainstOurs, serverForOurs } from "./programs.ts";

/** A check that a peer cannot pass, or not over one carrier. The run fails where it passes all the same. */
export interface Quirk {
  readonly check: string;
  readonly carrier?: Carrier;
  readonly reason: string;
}

/** One pair: a peer against ours, over each carrier. */
export interface Row {
  /** Its name and version, as the table has them. */
  readonly peer: string;
  /** What the peer is; we are the other side. */
  readonly side: "client" | "server";
  readonly generation: "2025-11-25" | "2026-07-28";
  readonly carriers: readonly Carrier[];
  /** Needs no more than the packages of this project, so that it is a part of `npm test`. */
  readonly quick?: boolean;
  readonly quirks?: readonly Quirk[];
  /** Tries it over one carrier. `folder`: where peers are installed. */
  run(carrier: Carrier, folder: string): Promise<Finding[]>;
}

type Generation = Row["generation"];
type Install = (folder: string) => Promise<Program>;
type More = Pick<Row, "quick" | "quirks"> & { carriers?: readonly Carrier[]; redis?: boolean; check?: Check };

const here = import.meta.dirname;
const modules = createRequire(import.meta.url);
const peer = (script: string): string => join(here, "peers", script);
const inPython =
  (environment: Environment, script: string): Install =>
  async (folder) => [await python(folder, environment), peer(script)];
const inNode =
  (script: string): Install =>
  async () => [process.execPath, peer(script)];

const inRust =
  (binary: string): Install =>
  async (folder) => [await rust(folder, peer("rust"), binary)];

function client(name: string, install: Install, generation: Generation, { carriers, ...more }: More = {}): Row {
  return {
    peer: name,
    side: "client",
    generation,
    // In 2026-07-28 there are no sessions.
    carriers: carriers ?? (generation === "2025-11-25" ? ["stdio", "HTTP", "HTTP, sessions"] : ["stdio", "HTTP"]),
    ...more,
    run: async (carrier, folder) => clientAgainstOurs(await install(folder), carrier, { GENERATION: generation }),
  };
}

function server(name: string, install: Install, generation: Generation, options: More = {}): Row {
  const { carriers, redis, check = checkServer, ...more } = options;
  return {
    peer: name,
    side: "server",
    generation,
    carriers: carriers ?? ["stdio", "HTTP"],
    ...more,
    run: async (carrier, folder) => {
      const program = await install(folder);
      return serverForOurs(program, carrier, {
        redis,
        check: (target, variables) => check(target, generation, variables),
      });
    },
  };
}

const NOT_CANCELLED = ["tasks preferred", "tasks not preferred"].map((kind) => ({
  check: `cancel, ${kind}`,
  reason: "an agent that is cancelled tells the server nothing",
}));

export const ROWS: readonly Row[] = [
  client("TypeScript SDK 1.32, its own tasks", inNode("sdk_1_client.ts"), "2025-11-25", { quick: true }),
  server("TypeScript SDK 1.32, its own tasks", inNode("sdk_1_server.ts"), "2025-11-25", { quick: true }),
  {
    peer: "TypeScript SDK 1.32, its example simpleTaskInteractiveClient",
    side: "client",
    generation: "2025-11-25",
    carriers: ["HTTP, sessions"],
    run: () =>
      exampleClient(modules.resolve("@modelcontextprotocol/sdk/examples/client/simpleTaskInteractiveClient.js")),
  },
  {
    peer: "TypeScript SDK 1.32, its example simpleTaskInteractive",
    side: "server",
    generation: "2025-11-25",
    carriers: ["HTTP, sessions"],
    run: () =>
      checkExampleServer(modules.resolve("@modelcontextprotocol/sdk/examples/server/simpleTaskInteractive.js")),
  },
  client("ext-tasks 0.2", inNode("ext_tasks_client.ts"), "2025-11-25", {
    quirks: [
      {
        check: "ask as a task, of its receiver",
        carrier: "HTTP",
        reason: "without sessions nothing says that the client runs tasks",
      },
    ],
  }),
  client("ext-tasks 0.2", inNode("ext_tasks_client.ts"), "2026-07-28", {
    quirks: [{ check: "plain call", reason: "callTool() of the SDK's client refuses a task" }],
  }),
  client("Python SDK 1.30", inPython("python-sdk-1", "python_sdk_1_client.py"), "2025-11-25"),
  server("Python SDK 1.30", inPython("python-sdk-1", "python_sdk_1_server.py"), "2025-11-25"),
  client("Python SDK 1.30, running tasks", inPython("python-sdk-1", "python_sdk_1_hosting_client.py"), "2025-11-25", {
    carriers: ["stdio", "HTTP, sessions"],
  }),
  server("Python SDK 1.30, asking for tasks", inPython("python-sdk-1", "python_sdk_1_asking_server.py"), "2025-11-25", {
    check: checkAsking,
  }),
  client("FastMCP 3.4", inPython("fastmcp-3", "fastmcp_client.py"), "2025-11-25"),
  server("FastMCP 3.4, memory", inPython("fastmcp-3", "fastmcp_server.py"), "2025-11-25"),
  server("FastMCP 3.4, Redis", inPython("fastmcp-3", "fastmcp_server.py"), "2025-11-25", { redis: true }),
  client("FastMCP 3.4, prompts", inPython("fastmcp-3", "fastmcp_prompts_client.py"), "2025-11-25"),
  server("FastMCP 3.4, prompts", inPython("fastmcp-3", "fastmcp_prompts_server.py"), "2025-11-25", {
    check: checkPrompts,
  }),
  client("FastMCP 4.1", inPython("fastmcp-4", "fastmcp_client.py"), "2026-07-28"),
  server("FastMCP 4.1, memory", inPython("fastmcp-4", "fastmcp_server.py"), "2026-07-28"),
  server("FastMCP 4.1, Redis", inPython("fastmcp-4", "fastmcp_server.py"), "2026-07-28", { redis: true }),
  client("pydantic-ai 2.68 on FastMCP 3", inPython("pydantic-ai-on-fastmcp-3", "pydantic_ai_client.py"), "2025-11-25", {
    quirks: [
      ...NOT_CANCELLED,
      {
        check: "ask, tasks not preferred",
        carrier: "HTTP",
        reason: "no plain call asks where the SDK keeps no session",
      },
    ],
  }),
  client("pydantic-ai 2.68 on FastMCP 4", inPython("pydantic-ai-on-fastmcp-4", "pydantic_ai_client.py"), "2026-07-28", {
    quirks: NOT_CANCELLED,
  }),
  client("rmcp 3.11", inRust("rmcp_client"), "2026-07-28", {
    quirks: [{ check: "plain call", reason: "call_tool() of a client that declares tasks refuses a task" }],
  }),
  server("rmcp 3.11", inRust("rmcp_server"), "2026-07-28"),
  client("tower-mcp 0.25", inRust("tower_client"), "2025-11-25", {
    quirks: [
      ...["create", "poll", "error", "cancel", "expiry"].map((check) => ({
        check,
        carrier: "HTTP" as const,
        reason: "names its protocol version to no server without sessions, which then knows of no tasks",
      })),
      ...["result", "ask"].map((check) => ({ check, reason: "has no `tasks/result` in 2025-11-25" })),
    ],
  }),
  client("tower-mcp 0.25", inRust("tower_client"), "2026-07-28"),
  server("tower-mcp 0.25", inRust("tower_server"), "2025-11-25", {
    quirks: ["result", "ask", "error", "expiry", "plain call"].map((check) => ({
      check,
      reason: "has no `tasks/result` in 2025-11-25",
    })),
  }),
  server("tower-mcp 0.25", inRust("tower_server"), "2026-07-28"),
  {
    peer: "Inspector 2.12, --cli, which has no tasks",
    side: "client",
    generation: "2025-11-25",
    carriers: ["stdio", "HTTP", "HTTP, sessions"],
    run: async (carrier, folder) => inspectorCli(await npm(folder, "inspector"), carrier, "legacy"),
  },
  {
    peer: "Inspector 2.12, --cli, which has no tasks",
    side: "client",
    generation: "2026-07-28",
    carriers: ["stdio", "HTTP"],
    run: async (carrier, folder) => inspectorCli(await npm(folder, "inspector"), carrier, "modern"),
  },
  {
    peer: "OpenCode 1.18, which has no tasks",
    side: "client",
    generation: "2025-11-25",
    carriers: ["HTTP"],
    run: (_carrier, folder) => openCode(folder),
  },
];
