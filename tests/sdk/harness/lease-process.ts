// A server in a process of its own, on a SQLite file: its argument is a `ProcessOptions`. It prints what happens, a
// line each.
import { toNodeHandler } from "@modelcontextprotocol/node";
import { acceptedContent, createMcpHandler, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { TaskServer } from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod";

export interface ProcessOptions {
  readonly file: string;
  readonly lease: number;
  readonly onLost: "fail" | "restart";
  /** Handlers of `hold` end at once. */
  readonly quick: boolean;
  /** Makes servers for tasks without a connection. */
  readonly alone: boolean;
  /** What SIGTERM lets handlers finish in, in ms. */
  readonly drain: number;
}

const options = JSON.parse(process.argv[2] ?? "") as ProcessOptions;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
const held: (() => void)[] = [];

function make(): McpServer {
  const server = new McpServer({ name: "leases", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.registerTool("hold", { inputSchema: z.object({ name: z.string() }) }, async ({ name }, ctx) => {
    say(`begun ${name}`);
    ctx.mcpReq.signal.addEventListener("abort", () => say(`aborted ${name}`));
    if (!options.quick) await new Promise<void>((resolve) => held.push(resolve));
    return text(`${name} by ${process.pid}`);
  });
  server.registerTool("confirm", { inputSchema: z.object({ what: z.string() }) }, ({ what }, ctx) => {
    const answer = acceptedContent<{ sure: boolean }>(ctx.mcpReq.inputResponses, "sure");
    if (answer !== undefined) return text(`${what}: ${answer.sure} ${ctx.mcpReq.requestState()} by ${process.pid}`);
    const requestedSchema = {
      type: "object" as const,
      properties: { sure: { type: "boolean" as const } },
      required: ["sure"],
    };
    return inputRequired({
      inputRequests: {
        sure: { method: "elicitation/create", params: { mode: "form", message: `${what}?`, requestedSchema } },
      },
      requestState: "asked",
    });
  });
  return tasks.attach(server);
}

const tasks = new TaskServer({
  task: "always",
  defaults: { onLost: options.onLost, ttl: null },
  store: sqliteStore(new DatabaseSync(options.file), { wal: true, busyTimeout: 5_000 }),
  lease: options.lease,
  ...(options.alone ? { server: make } : {}),
  onevent: ({ type }) => say(`event ${type}`),
  onerror: (error) => say(`error ${error.message} ${String(error.cause)}`),
});

tasks.start();
const http = createServer(toNodeHandler({ fetch: tasks.fetch(createMcpHandler(make) as never) as never }) as never);
http.listen(0, "127.0.0.1", () => say(`port ${(http.address() as AddressInfo).port}`));
process.on("SIGUSR2", () => {
  for (const finish of held.splice(0)) finish();
});
process.on("SIGTERM", () => {
  say("closing");
  void tasks.close({ drain: options.drain }).then(() => {
    say("closed");
    process.exit(0);
  });
});
