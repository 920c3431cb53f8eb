// Our server for other people's clients: `node ours.ts stdio`, or `http` (without sessions, both generations) or
// `sessions` (2025-11-25), which print their URL.
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer } from "mcp-longhaul";
import { ClientTasks } from "mcp-longhaul/client-tasks";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { entryV2, statefulV2 } from "../sdk/harness/http.ts";

const always = { task: "always", pollInterval: 50 } as const;
// FastMCP 4 leaves the header `Mcp-Name` out of requests about tasks.
const tasks = new TaskServer({
  fillTaskName: true,
  tools: {
    render: always,
    confirm: always,
    fail: always,
    endless: always,
    brief: { ...always, ttl: 1_000 },
    confirm_delete: always,
    write_haiku: always,
  },
  prompts: { essay: always, broken: always, long: always, only: { ...always, support: "required" } },
  resources: { "data://report": always, "data://{name}": always },
});

/** What is asked of clients that run tasks becomes one. */
const asks = new ClientTasks();

/** How often `endless` was told to stop. */
let stopped = 0;

function build(): McpServer {
  const server = new McpServer({ name: "interop", version: "1.0.0" });
  const text = (value: string): { content: { type: "text"; text: string }[] } => ({
    content: [{ type: "text", text: value }],
  });
  server.registerTool("render", { inputSchema: z.object({ scene: z.string() }) }, async ({ scene }, ctx) => {
    await tasks.current(ctx)?.status("rendering");
    await sleep(300, undefined, { signal: ctx.mcpReq.signal });
    return text(`${scene} is rendered`);
  });
  server.registerTool("confirm", {}, async (ctx) => {
    const answer = await ctx.mcpReq.elicitInput({
      mode: "form",
      message: "Go on?",
      requestedSchema: { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] },
    });
    return text(`${answer.action} ${JSON.stringify(answer.content ?? null)}`);
  });
  server.registerTool("fail", {}, async () => {
    await sleep(50);
    throw new Error("the tool failed");
  });
  server.registerTool("endless", {}, async (ctx) => {
    ctx.mcpReq.signal.addEventListener("abort", () => (stopped += 1));
    await sleep(60_000, undefined, { signal: ctx.mcpReq.signal });
    return text("it ended");
  });
  server.registerTool("stopped", {}, async () => text(`${stopped} stopped`));
  server.registerTool("brief", {}, async () => text("brief"));
  const said = (value: string): { messages: { role: "user"; content: { type: "text"; text: string } }[] } => ({
    messages: [{ role: "user", content: { type: "text", text: value } }],
  });
  const read = (uri: URL, value: string) => ({ contents: [{ uri: uri.href, text: value }] });
  server.registerPrompt("essay", { argsSchema: z.object({ subject: z.string() }) }, async ({ subject }, ctx) => {
    await tasks.current(ctx)?.status("writing");
    await sleep(300);
    return said(`an essay on ${subject}`);
  });
  server.registerPrompt("broken", {}, async () => {
    await sleep(50);
    throw new Error("the prompt failed");
  });
  server.registerPrompt("long", {}, async (ctx) => {
    await sleep(60_000, undefined, { signal: tasks.current(ctx)?.signal });
    return said("it ended");
  });
  server.registerPrompt("only", {}, async () => said("only as a task"));
  server.registerPrompt("quick", {}, async () => said("no task"));
  server.registerResource("report", "data://report", {}, async (uri) => {
    await sleep(300);
    return read(uri, "the report");
  });
  const template = new ResourceTemplate("data://{name}", { list: undefined });
  server.registerResource("data", template, {}, async (uri, { name }) => {
    await sleep(300);
    return read(uri, `the data of ${name}`);
  });
  // What the SDK's example client calls.
  server.registerTool(
    "confirm_delete",
    { inputSchema: z.object({ filename: z.string() }) },
    async ({ filename }, ctx) => {
      const answer = await ctx.mcpReq.elicitInput({
        mode: "form",
        message: `Delete ${filename}?`,
        requestedSchema: { type: "object", properties: { confirm: { type: "boolean" } }, required: ["confirm"] },
      });
      return text(answer.content?.["confirm"] === true ? `${filename} is deleted` : "nothing is deleted");
    },
  );
  server.registerTool("write_haiku", { inputSchema: z.object({ topic: z.string() }) }, async ({ topic }, ctx) => {
    const messages = [{ role: "user" as const, content: { type: "text" as const, text: `A haiku about ${topic}` } }];
    const answer = await ctx.mcpReq.requestSampling({ messages, maxTokens: 50 });
    return text(`by ${answer.model}: ${JSON.stringify(answer.content)}`);
  });
  return asks.attach(tasks.attach(server));
}

const carrier = process.argv[2];
if (carrier === "stdio") serveStdio(build);
else {
  const server =
    carrier === "http" ? entryV2(build, { wrap: (handler) => ({ fetch: tasks.fetch(handler) }) }) : statefulV2(build);
  console.log((await server).url);
}
