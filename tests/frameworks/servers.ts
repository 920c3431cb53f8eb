// Published servers, unchanged, under `mcp-longhaul/register`: which of their calls become tasks.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { TaskClient } from "mcp-longhaul";
import { environment } from "./environments.ts";

const REGISTER = pathToFileURL(join(import.meta.dirname, "..", "..", "pkg", "dist", "register.js")).href;

interface Published {
  readonly title: string;
  readonly packages: readonly string[];
  /** How it is started, in the folder of its packages. */
  readonly args: readonly string[];
  /** A program of the folder, where the package is none. */
  readonly program?: readonly [name: string, text: string];
  readonly tool: string;
  readonly input: Record<string, unknown>;
  /** What the tool answers without a network or a browser. */
  readonly answer: RegExp;
  /** Whether calls become tasks: in 2025-11-25, and in 2026-07-28. */
  readonly tasks: readonly [boolean, boolean];
  readonly remark: string;
}

const MODULES = "node_modules";

export const SERVERS: readonly Published[] = [
  {
    title: "server-everything",
    packages: ["@modelcontextprotocol/server-everything@2026.8.31"],
    args: [`${MODULES}/@modelcontextprotocol/server-everything/dist/index.js`],
    tool: "trigger-long-running-operation",
    input: { duration: 1, steps: 2 },
    answer: /Long running operation completed/,
    tasks: [false, false],
    remark: "Has a `taskStore` of SDK v1, so it is left as it is: only one of two can answer `tasks/get`",
  },
  {
    title: "server-filesystem",
    packages: ["@modelcontextprotocol/server-filesystem@2026.8.31"],
    args: [`${MODULES}/@modelcontextprotocol/server-filesystem/dist/index.js`, "."],
    tool: "list_directory",
    input: { path: "." },
    answer: /package\.json/,
    tasks: [true, false],
    remark: "",
  },
  {
    title: "server-memory",
    packages: ["@modelcontextprotocol/server-memory@2026.8.31"],
    args: [`${MODULES}/@modelcontextprotocol/server-memory/dist/index.js`],
    tool: "search_nodes",
    input: { query: "teapot" },
    answer: /entities/,
    tasks: [true, false],
    remark: "",
  },
  {
    title: "Context7",
    packages: ["@upstash/context7-mcp@4.1.1"],
    args: [`${MODULES}/@upstash/context7-mcp/dist/index.js`],
    tool: "resolve-library-id",
    input: { query: "how to render", libraryName: "react" },
    answer: /libraries/i,
    tasks: [true, true],
    remark: "Starts without a network; its tools then say that they have none",
  },
  {
    title: "Playwright",
    packages: ["@playwright/mcp@0.0.83"],
    args: [`${MODULES}/@playwright/mcp/cli.js`, "--headless", "--executable-path", "/nonexistent"],
    tool: "browser_navigate",
    input: { url: "about:blank" },
    answer: /executable|nonexistent/i,
    tasks: [true, false],
    remark: "The SDK is in a bundle of its own; tried without a browser",
  },
  {
    title: "built with fastmcp",
    packages: ["fastmcp@4.20.16", "zod@4.6.7"],
    args: ["counter.js"],
    program: [
      "counter.js",
      `import { FastMCP } from "fastmcp";
const server = new FastMCP({ name: "counter", version: "1.0.0" });
server.addTool({
  name: "count",
  description: "Counts",
  execute: async (_input, { reportProgress }) => {
    await reportProgress({ progress: 1, total: 2 });
    return "counted";
  },
});
await server.start({ transportType: "stdio" });
`,
    ],
    tool: "count",
    input: {},
    answer: /counted/,
    tasks: [true, false],
    remark: "",
  },
];

/** What one server did: its version of the SDK, and for each generation whether the call was a task. */
export interface Finding {
  readonly ok: boolean;
  readonly row: string;
}

export async function tryServer(published: Published): Promise<Finding> {
  const { title, packages, args, program, tool, input, answer, tasks, remark } = published;
  const folder = await environment(title.toLowerCase().replaceAll(/\W+/g, "-"), packages);
  if (program !== undefined) writeFileSync(join(folder, program[0]), program[1]);
  const state = join(folder, "state");
  mkdirSync(state, { recursive: true });
  const call = async (mode: "legacy" | "auto", flags: readonly string[]): Promise<{ task: boolean; era: string }> => {
    const host = new TaskClient();
    const info = { name: "host", version: "1.0.0" };
    const client = host.attach(new Client(info, { versionNegotiation: { mode } }));
    const env = {
      ...process.env,
      HOME: state,
      MEMORY_FILE_PATH: join(state, "memory.json"),
      MCP_LONGHAUL_TASK: "always",
    };
    const options = {
      command: process.execPath,
      args: [...flags, ...args],
      cwd: folder,
      stderr: "ignore" as const,
      env,
    };
    await client.connect(new StdioClientTransport(options as never));
    try {
      const task = await host.callTool(client, { name: tool, arguments: input });
      const result = JSON.stringify(await task.result());
      if (!answer.test(result)) throw new Error(`${title} answers ${result.slice(0, 500)}`);
      return { task: task.taskId !== undefined, era: client.getProtocolEra() ?? "" };
    } finally {
      await client.close();
    }
  };
  const register = ["--import", REGISTER];
  const [legacy, modern, alone] = [
    await call("legacy", register),
    await call("auto", register),
    await call("auto", []),
  ];
  const isModern = modern.era === "modern";
  const seen = [legacy.task, isModern && modern.task];
  const word = (is: boolean | undefined): string => (is === true ? "yes" : "no");
  return {
    ok: String(seen) === String(tasks) && !alone.task,
    row:
      `| ${title} | ${packages[0]} | ${word(seen[0])} | ` +
      `${isModern ? word(seen[1]) : "does not speak it"} | ${remark} |`,
  };
}
