// A server on a real pipe, started as a child process by g26-stdio.test.ts. Both generations.
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer } from "mcp-longhaul";
import * as z from "zod";

// The SDK waits for `drain` once for each message.
process.stdout.setMaxListeners(0);

const tasks = new TaskServer({ task: "always" });
const gates = new Map<string, PromiseWithResolvers<void>>();
const gate = (name: string): PromiseWithResolvers<void> => {
  let one = gates.get(name);
  if (one === undefined) gates.set(name, (one = Promise.withResolvers()));
  return one;
};

serveStdio(() => {
  const server = new McpServer({ name: "stdio", version: "1.0.0" }, { capabilities: { tools: {} } });
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  server.registerTool("big", { inputSchema: z.object({ size: z.number() }) }, ({ size }) =>
    text("é\n".repeat(size / 2)),
  );
  server.registerTool("hold", { inputSchema: z.object({ name: z.string() }) }, async ({ name }) => {
    await gate(name).promise;
    return text(`held ${name}`);
  });
  server.registerTool("open", { inputSchema: z.object({ name: z.string() }) }, ({ name }) => {
    gate(name).resolve();
    return text("opened");
  });
  server.registerTool("ask", { inputSchema: z.object({}) }, async (_, ctx) => {
    const answer = await tasks.current(ctx)?.requireInput({
      method: "elicitation/create",
      params: {
        message: "?",
        requestedSchema: { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
      },
    });
    return text(JSON.stringify(answer?.["content"]));
  });
  return tasks.attach(server);
});
