// Tools that ask their client, by each way there is; the last asks without a task of its own.
import { ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import type { TaskServer } from "mcp-longhaul";
import { FORM } from "./harness/g25.ts";

export function addTools(sdk: "v1" | "v2", server: any, tasks?: TaskServer): any {
  const text = (said: string) => ({ content: [{ type: "text" as const, text: said }] });
  const ask = async (context: any) => {
    const answer =
      sdk === "v1"
        ? await context.sendRequest({ method: "elicitation/create", params: FORM }, ElicitResultSchema)
        : await context.mcpReq.elicitInput(FORM);
    return text(answer.action);
  };
  server.registerTool("ask", {}, ask);
  server.registerTool("require", {}, async (context: any) => {
    const answer = await tasks!.current(context)!.requireInput({ method: "elicitation/create", params: FORM });
    return text(answer.action);
  });
  server.registerTool("plain", {}, ask);
  return server;
}
