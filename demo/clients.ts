import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { TaskClient, type TaskHandle, type TaskReference } from "mcp-longhaul";

/** What a user answers to a question. */
export type Answer = { action: "accept"; content: Record<string, string> } | { action: "decline" };

/** Answers a question of the server's; `properties` are those of its schema. */
export type Ask = (message: string, properties: Readonly<Record<string, object>>) => Promise<Answer>;

/** What the demo does with a client, whichever SDK it is made with. */
export interface DemoClient {
  /** A word for file names. */
  readonly name: string;
  readonly title: string;
  call(tool: string, args: Record<string, unknown>): Promise<TaskHandle>;
  resume(reference: TaskReference): Promise<TaskHandle>;
  close(): Promise<void>;
}

const info = { name: "mcp-longhaul-demo-client", version: "1.0.0" };

/** A client of the 2026-07-28 generation, on SDK v2. */
export async function connectModern(url: string, ask: Ask): Promise<DemoClient> {
  const host = new TaskClient();
  const client = host.attach(
    new ClientV2(info, { versionNegotiation: { mode: "auto" }, capabilities: { elicitation: { form: {} } } }),
  );
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    return await ask(params.message, "requestedSchema" in params ? params.requestedSchema.properties : {});
  });
  await client.connect(new HttpV2(new URL(url)));
  return {
    name: "modern",
    title: `${client.getNegotiatedProtocolVersion()}, SDK v2`,
    call: async (tool, args) => await host.callTool(client, { name: tool, arguments: args }),
    resume: async (reference) => await host.resume(client, reference),
    close: async () => await client.close(),
  };
}

/** A client of the 2025-11-25 generation, on SDK v1. */
export async function connectLegacy(url: string, ask: Ask): Promise<DemoClient> {
  const host = new TaskClient();
  const transport = new HttpV1(new URL(url));
  const client = host.attach(new ClientV1(info, { capabilities: { elicitation: { form: {} } } }));
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    return await ask(params.message, "requestedSchema" in params ? params.requestedSchema.properties : {});
  });
  await client.connect(transport);
  return {
    name: "legacy",
    title: `${transport.protocolVersion}, SDK v1`,
    call: async (tool, args) => await host.callTool(client, { name: tool, arguments: args }),
    resume: async (reference) => await host.resume(client, reference),
    close: async () => await client.close(),
  };
}
