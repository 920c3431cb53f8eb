// The server that frameworks call, over stdio or, with PORT, over HTTP. `render` takes WORK ms, `deploy` asks before it
// works. What becomes of tasks is written to the file EVENTS.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer } from "mcp-longhaul";
import * as z from "zod";

const { WORK = "4000", EVENTS = "", PORT } = process.env;

const tasks = new TaskServer({
  defaults: { task: "always", pollInterval: 200 },
  ...(EVENTS !== "" && { onevent: ({ type, name }) => appendFileSync(EVENTS, `${type} ${name}\n`) }),
});

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

function buildServer(): McpServer {
  const server = new McpServer({ name: "renderer", version: "1.0.0" });
  const render = { description: "Renders the scene", inputSchema: z.object({}) };
  server.registerTool("render", render, async (_input, context) => {
    await sleep(Number(WORK), undefined, { signal: tasks.current(context)?.signal ?? context.mcpReq.signal });
    return text("the teapot is rendered");
  });
  const deploy = { description: "Deploys the site", inputSchema: z.object({}) };
  server.registerTool("deploy", deploy, async (_input, context) => {
    const requestedSchema = { type: "object", properties: { sure: { type: "boolean" } }, required: ["sure"] };
    const params = { mode: "form", message: "Deploy to production?", requestedSchema };
    const answer = await tasks.current(context)?.requireInput({ method: "elicitation/create", params });
    return text(
      answer?.action === "accept" && answer.content?.["sure"] === true ? "it is deployed" : "it is not deployed",
    );
  });
  return server;
}

if (PORT === undefined) serveStdio(() => tasks.attach(buildServer()));
else {
  const fetch = tasks.fetch(createMcpHandler(() => tasks.attach(buildServer())));
  createServer(toNodeHandler({ fetch })).listen(Number(PORT), "127.0.0.1");
}
