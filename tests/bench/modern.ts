import { InMemoryTransport, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { TaskServer } from "mcp-longhaul";
import type { Handler } from "./ours.ts";
import { type End, type Json, Requester } from "./wire.ts";

/** What each request of 2026-07-28 says of its client. */
const ENVELOPE: Json = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
};

/** An SDK v2 server of 2026-07-28 on a pipe, and a raw requester; `heard` gets each notification. */
export async function modernRequester(
  tasks: TaskServer,
  tools: Readonly<Record<string, Handler>>,
  heard: (method: string, params: Json) => void,
) {
  const [end, transport] = InMemoryTransport.createLinkedPair();
  const make = (): McpServer => {
    const server = new McpServer({ name: "bench", version: "1" });
    for (const [name, handler] of Object.entries(tools)) server.registerTool(name, {}, handler);
    return tasks.attach(server);
  };
  const entry = serveStdio(make, { transport });
  const requester = new Requester(end as End);
  const answered = end.onmessage;
  end.onmessage = (message, extra) => {
    if ("method" in message) heard(message.method, (message.params ?? {}) as Json);
    else answered?.(message, extra);
  };
  const request = (method: string, params: Json): Promise<Json> =>
    requester.request(method, { ...params, _meta: ENVELOPE });
  // The entry makes its server for the first message.
  await request("server/discover", {});
  return { request, close: () => entry.close() };
}
