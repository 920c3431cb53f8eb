// The server that the official conformance suite is run against: `npm run fixture-server -- --port 3000`, then
// `npx conformance server --url http://127.0.0.1:3000/mcp --scenario tasks-lifecycle`. Both eras, at `/mcp`.
import {
  acceptedContent,
  createMcpHandler,
  hostHeaderValidationResponse,
  inputRequired,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
  type CallToolResult,
  type InputRequiredResult,
} from "@modelcontextprotocol/server";
import { TaskServer } from "mcp-longhaul";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import * as z from "zod";
import { addCoreFeatures, ask, requestState, text } from "./core-features.ts";

const tasks = new TaskServer({
  tools: {
    slow_compute: { task: "always" },
    failing_job: { task: "always", support: "required" },
    protocol_error_job: { task: "always" },
    confirm_delete: { task: "always" },
    multi_input: { task: "always" },
    // Its first answer is quick and asks for input, so it stays a plain exchange; the second is slow and becomes a
    // task.
    test_tool_with_task: { task: { after: 200 }, support: "required" },
  },
});

function addTaskTools(server: McpServer): void {
  const greeting = { description: "Greets at once, never as a task", inputSchema: z.object({ name: z.string() }) };
  server.registerTool("greet", greeting, ({ name }) => text(`Hello, ${name}!`));

  const computation = {
    description: "Takes its time",
    inputSchema: z.object({ seconds: z.number().nonnegative(), label: z.string().optional() }),
  };
  server.registerTool("slow_compute", computation, async ({ seconds, label = "" }, ctx) => {
    const task = tasks.current(ctx);
    await task?.status(`computing ${label}`);
    await sleep(seconds * 1000, undefined, { signal: task?.signal ?? ctx.mcpReq.signal });
    return text(`computed ${label} in ${seconds} s`);
  });

  server.registerTool("failing_job", { description: "Fails as a tool fails" }, async () => {
    await sleep(1000);
    throw new Error("the job failed");
  });

  // `McpServer` turns whatever a tool throws into a result with `isError`. A result of the wrong shape is what it
  // refuses itself, with a JSON-RPC error.
  server.registerTool("protocol_error_job", { description: "Fails with a JSON-RPC error" }, async () => {
    await sleep(100);
    return { content: "not a list" } as unknown as CallToolResult;
  });

  // Input the way the SDK writes it: the handler ends with the request and runs again with the answer.
  const deletion = { description: "Asks before it deletes", inputSchema: z.object({ filename: z.string() }) };
  server.registerTool("confirm_delete", deletion, ({ filename }, ctx): CallToolResult | InputRequiredResult => {
    const answer = acceptedContent<{ confirm: unknown }>(ctx.mcpReq.inputResponses, "confirmation");
    if (!answer)
      return inputRequired({ inputRequests: { confirmation: ask(`Delete ${filename}?`, "confirm", "boolean") } });
    return text(answer.confirm === true ? `deleted ${filename}` : `kept ${filename}`);
  });

  // Input the way a running task asks for it: the handler waits, here for two answers at once.
  server.registerTool(
    "multi_input",
    { description: "Asks two things at once" },
    async (ctx): Promise<CallToolResult | InputRequiredResult> => {
      const task = tasks.current(ctx);
      const inputRequests = {
        name: ask("What is your name?", "name"),
        confirm: ask("Shall we go on?", "confirm", "boolean"),
      };
      if (!task) return ctx.mcpReq.inputResponses ? text("answered") : inputRequired({ inputRequests });
      const answers = await Promise.all(
        Object.entries(inputRequests).map(([key, request]) => task.requireInput(request, key)),
      );
      return text(answers.map((answer) => String("action" in answer && answer.action)).join(", "));
    },
  );

  server.registerTool(
    "test_tool_with_task",
    { description: "Asks, then becomes a task" },
    async (ctx): Promise<CallToolResult | InputRequiredResult> => {
      const name = acceptedContent<{ name: unknown }>(ctx.mcpReq.inputResponses, "user_name")?.name;
      if (typeof name !== "string")
        return inputRequired({ inputRequests: { user_name: ask("What is your name?", "name") } });
      await sleep(700);
      return text(`Hello, ${name}!`);
    },
  );
}

function buildServer(): McpServer {
  const server = new McpServer(
    { name: "mcp-longhaul-fixture", version: "1.0.0" },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
      },
      requestState: { verify: requestState.verify },
    },
  );
  addTaskTools(server);
  addCoreFeatures(server, () => handler.notify);
  return server;
}

const handler = createMcpHandler(() => tasks.attach(buildServer()));
const serve = tasks.fetch(handler);

async function answer(request: Request): Promise<Response> {
  if (new URL(request.url).pathname !== "/mcp") return new Response(null, { status: 404 });
  const refused =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins());
  return refused ?? (await serve(request));
}

async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const { method = "GET" } = incoming;
  const init: RequestInit & { duplex: "half" } = {
    method,
    headers: Object.entries(incoming.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one): [string, string] => [name, one]),
    ),
    body: method === "GET" || method === "HEAD" ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>),
    duplex: "half",
    signal: gone.signal,
  };
  const response = await answer(new Request(new URL(incoming.url ?? "/", `http://${incoming.headers.host}`), init));
  outgoing.writeHead(response.status, [...response.headers].flat());
  outgoing.flushHeaders();
  if (response.body) await pipeline(Readable.fromWeb(response.body as NodeReadableStream), outgoing);
  else outgoing.end();
}

const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
const http = createServer((incoming, outgoing) => {
  handle(incoming, outgoing).catch((error: unknown) => {
    if (outgoing.destroyed) return;
    console.error(error);
    if (!outgoing.headersSent) outgoing.writeHead(500);
    outgoing.end();
  });
});
http.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    http.close();
    http.closeAllConnections();
    void handler.close().finally(() => process.exit(0));
  });
}
