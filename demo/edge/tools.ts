// The tools. They know of tasks, and nothing of where they run.
import { acceptedContent, inputRequired, McpServer } from "@modelcontextprotocol/server";
import type { TaskServer } from "mcp-longhaul";
import * as z from "zod";

const Answer = z.object({ channel: z.enum(["latest", "next"]) });
const form = {
  type: "object" as const,
  properties: { channel: { type: "string" as const, enum: ["latest", "next"] } },
  required: ["channel"],
};
const text = (text: string) => ({ content: [{ type: "text" as const, text }] });

/** @param here names this life of the server, so that a client can see that another one finished its task */
export function buildServer(tasks: TaskServer, here: string): McpServer {
  const server = new McpServer({ name: "edge", version: "1.0.0" });

  // Works for a while. Lost in the middle, it begins again, as `onLost` in serve.ts says.
  server.registerTool(
    "count",
    { description: "Counts, ten a second.", inputSchema: z.object({ to: z.int().min(1).max(36_000) }) },
    async ({ to }, ctx) => {
      const task = tasks.current(ctx);
      const signal = task?.signal ?? ctx.mcpReq.signal;
      for (let at = 1; at <= to; at++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        signal.throwIfAborted();
        if (at % 5 === 0) await task?.status(`${at} of ${to}, in ${here}`);
      }
      return text(`counted to ${to}, in ${here}`);
    },
  );

  // Returns its question, and is called again with the answer. A client of 2026-07-28 may take its time: until it has
  // answered, nothing runs that could be lost. For one of 2025-11-25 the process waits; where that is lost, the
  // question is asked again.
  server.registerTool("publish", { description: "Publishes a release where you say." }, async (ctx) => {
    const { inputResponses } = ctx.mcpReq;
    if (inputResponses === undefined) {
      return inputRequired({
        inputRequests: {
          channel: inputRequired.elicit({ message: `To which channel? Asked in ${here}`, requestedSchema: form }),
        },
      });
    }
    const answer = acceptedContent(inputResponses, "channel", Answer);
    return text(answer === undefined ? "not published" : `published to ${answer.channel}, in ${here}`);
  });

  return server;
}
