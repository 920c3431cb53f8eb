// The demo's server: one MCP endpoint over HTTP with three tools that take their time. It serves both generations of
// tasks, and its tasks survive it, in a SQLite file.
//
//   node demo/server.ts --root <what the tools may read> --data <where they write> [--port <port>]
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
  type NodeIncomingMessageLike,
} from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  inputRequired,
  inputResponse,
  McpServer,
  type CallToolResult,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { TaskServer } from "mcp-longhaul";
import { sqliteStore } from "mcp-longhaul/stores/sqlite";
import * as z from "zod";
import { checksum } from "./tools/checksum.ts";
import { inside, type Report } from "./tools/files.ts";
import { fractal } from "./tools/fractal.ts";
import { collectRelease, writeManifest } from "./tools/publish.ts";

const { values } = parseArgs({
  options: { root: { type: "string" }, data: { type: "string" }, port: { type: "string", default: "0" } },
});
if (values.root === undefined || values.data === undefined) throw new Error("--root and --data are needed.");
const root = resolve(values.root);
const data = resolve(values.data);
mkdirSync(data, { recursive: true });

const db = new DatabaseSync(join(data, "tasks.sqlite"));
const tasks = new TaskServer({
  store: sqliteStore(db, { wal: true, busyTimeout: 5_000 }),
  defaults: { pollInterval: 250, onLost: "restart" },
  tools: { checksum: { task: "always" }, fractal: { task: "always" }, publish: { task: "always" } },
  // Short, so that nobody waits for long when the demo kills this process.
  lease: 2_000,
  server: buildServer,
  onerror: (error) => console.error(error),
});

/** How often a status message is stored, in ms. */
const REPORT_INTERVAL = 100;

/**
 * What the work needs of its call: the signal to stop, and somebody to tell how far it is. Without a task, nobody
 * listens.
 */
function callOf(ctx: ServerContext): { signal: AbortSignal; report: Report } {
  const task = tasks.current(ctx);
  let reported = 0;
  return {
    signal: task?.signal ?? ctx.mcpReq.signal,
    async report(message) {
      const now = performance.now();
      if (task === undefined || now - reported < REPORT_INTERVAL) return;
      reported = now;
      await task.status(message);
    },
  };
}

/** Says on standard output what became of a handler, so that a spectator sees when it really stopped. */
async function logged(what: string, signal: AbortSignal, work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  try {
    return await work();
  } catch (error) {
    console.log(signal.aborted ? `${what}: the handler has stopped` : `${what}: ${String(error)}`);
    throw error;
  }
}

function text(message: string, structuredContent: object): CallToolResult {
  return { content: [{ type: "text", text: message }], structuredContent: { ...structuredContent } };
}

function buildServer(): McpServer {
  const server = new McpServer({ name: "mcp-longhaul-demo", version: "1.0.0" });

  server.registerTool(
    "checksum",
    {
      description: "Computes the SHA-256 of every file under a directory and writes them to a list.",
      inputSchema: z.object({
        path: z.string().default(".").describe("The directory, relative to the served one."),
        skip: z.array(z.string()).default([".git"]).describe("Names of directories to leave out."),
        list: z
          .string()
          .regex(/^[\w-]+$/)
          .describe("What to call the list."),
      }),
    },
    async ({ path, skip, list }, ctx) => {
      const call = callOf(ctx);
      return await logged(`checksum ${list}`, call.signal, async () => {
        const result = await checksum(inside(root, path), join(data, `${list}.sha256`), {
          ...call,
          skip,
          without: data,
        });
        return text(`${result.files} files, ${result.bytes} bytes`, result);
      });
    },
  );

  server.registerTool(
    "fractal",
    {
      description: "Renders a part of the Mandelbrot set to a PNG file.",
      inputSchema: z.object({
        name: z
          .string()
          .regex(/^[\w-]+$/)
          .describe("What to call the picture."),
        width: z.int().min(1).max(16384),
        height: z.int().min(1).max(16384),
        x: z.number(),
        y: z.number(),
        span: z.number().positive(),
        steps: z.int().min(1).max(100_000),
      }),
    },
    async ({ name, ...view }, ctx) => {
      const call = callOf(ctx);
      return await logged(`fractal ${name}`, call.signal, async () => {
        const picture = await fractal(join(data, `${name}.png`), view, call);
        return text(`${picture.width} × ${picture.height} pixels in ${picture.path}`, picture);
      });
    },
  );

  server.registerTool(
    "publish",
    {
      description: "Writes the manifest of a release, after somebody has confirmed it. Nothing is uploaded.",
      inputSchema: z.object({
        path: z.string().default(".").describe("The directory, relative to the served one."),
        manifest: z
          .string()
          .regex(/^[\w-]+$/)
          .describe("What to call the manifest."),
        ask: z
          .enum(["wait", "return"])
          .default("wait")
          .describe("Whether the handler waits for the answer, or returns the question and is called again."),
      }),
    },
    async ({ path, manifest, ask }, ctx) => {
      const call = callOf(ctx);
      const release = await collectRelease(inside(root, path), { signal: call.signal, without: data });
      const question = {
        message: `Publish ${release.name}: ${release.paths.length} files, ${release.bytes} bytes?`,
        requestedSchema: {
          type: "object" as const,
          properties: {
            channel: { type: "string" as const, title: "Channel", enum: ["latest", "next"], default: "latest" },
          },
          required: ["channel"],
        },
      };
      // The answer is there already if the handler asked by returning the question.
      let answer: unknown = ctx.mcpReq.inputResponses?.["release"];
      if (inputResponse({ release: answer }, "release").kind === "missing") {
        const task = tasks.current(ctx);
        if (task === undefined || ask === "return")
          return inputRequired({ inputRequests: { release: inputRequired.elicit(question) } });
        answer = await task.requireInput({ method: "elicitation/create", params: question }, "release");
      }
      const confirmed = z
        .object({ action: z.literal("accept"), content: z.object({ channel: z.enum(["latest", "next"]) }) })
        .safeParse(answer);
      if (!confirmed.success) return text("Nothing was published.", { published: false });
      const { channel } = confirmed.data.content;
      return await logged(`publish ${manifest}`, call.signal, async () => {
        const file = join(data, `${manifest}.json`);
        await writeManifest(file, release, channel, call);
        return text(`${release.name} is ready for ${channel}.`, {
          published: true,
          channel,
          files: release.paths.length,
          manifest: file,
        });
      });
    },
  );

  return server;
}

const handler = createMcpHandler(() => tasks.attach(buildServer()), { onerror: (error) => console.error(error) });
const serve = toNodeHandler({ fetch: tasks.fetch(handler) });
// A browser may be made to send requests to this port: neither a strange host nor a strange origin gets an answer.
const hostIsLocal = localhostHostValidation();
const originIsLocal = localhostOriginValidation();
const http = createServer((request, response) => {
  if (hostIsLocal(request, response) && originIsLocal(request, response))
    void serve(request as NodeIncomingMessageLike, response);
});

http.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
});

process.once("SIGTERM", () => {
  http.close(async () => {
    await tasks.close();
    db.close();
    process.exit(0);
  });
  void handler.close();
  http.closeAllConnections();
});
