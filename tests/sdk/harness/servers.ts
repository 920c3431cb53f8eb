// One description of tools, served by each SDK's two server classes, so that a test runs against all of them.
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, ListToolsRequestSchema, ResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2, Server as ServerV2 } from "@modelcontextprotocol/server";
import type { RunningTask, TaskServer } from "mcp-longhaul";
import * as z from "zod";

export type Kind = "v1" | "v1-low" | "v2" | "v2-low";
export const KINDS: readonly Kind[] = ["v1", "v1-low", "v2", "v2-low"];
/** The classes that check a call's arguments before its handler begins. */
export const GATED: readonly Kind[] = ["v1", "v2"];

/** What a tool can do while it runs, whichever SDK runs it. */
export interface Around {
  readonly task: RunningTask | undefined;
  readonly signal: AbortSignal;
  /** The SDK's own second argument. */
  readonly context: any;
  /** The SDK's server. */
  readonly server: any;
  /** Sends a request as the SDK offers it to handlers. */
  ask(
    method: "elicitation/create" | "sampling/createMessage" | "roots/list",
    params?: Record<string, unknown>,
  ): Promise<any>;
  progress(progress: number, more?: Record<string, unknown>): Promise<void>;
  log(data: unknown): Promise<void>;
}

export type Work = (args: any, around: Around) => unknown;
export interface Tool {
  readonly work: Work;
  readonly input?: z.ZodObject;
  readonly output?: z.ZodObject;
}
export type Tools = Readonly<Record<string, Work | Tool>>;

export interface SdkServer {
  connect(transport: never): Promise<void>;
  close(): Promise<void>;
}

export const text = (value: string) => ({ content: [{ type: "text", text: value }] });

const INFO = { name: "tests", version: "1.0.0" };
const OPTIONS = { capabilities: { logging: {} } };
const ANYTHING = z.looseObject({});

/** A new server, not attached. */
export function makeServer(kind: Kind, tasks: TaskServer, tools: Tools, configure?: (server: any) => void): SdkServer {
  const server = build(kind, tasks, tools);
  configure?.(server);
  return server;
}

/** A new server with tasks. */
export function attached(kind: Kind, tasks: TaskServer, tools: Tools, configure?: (server: any) => void): SdkServer {
  return tasks.attach(makeServer(kind, tasks, tools, configure));
}

function build(kind: Kind, tasks: TaskServer, tools: Tools): SdkServer {
  const all = Object.entries(tools).map(
    ([name, tool]) => [name, typeof tool === "function" ? { work: tool } : tool] as const,
  );
  switch (kind) {
    case "v1": {
      const server = new McpServerV1(INFO, OPTIONS);
      for (const [name, { work, input = ANYTHING, output }] of all) {
        server.registerTool(
          name,
          { inputSchema: input as never, ...(output && { outputSchema: output as never }) },
          (async (args: unknown, extra: any) => work(args, aroundV1(tasks, server, extra))) as never,
        );
      }
      return server as unknown as SdkServer;
    }
    case "v2": {
      const server = new McpServerV2(INFO, OPTIONS);
      for (const [name, { work, input = ANYTHING, output }] of all) {
        server.registerTool(name, { inputSchema: input, ...(output && { outputSchema: output }) }, (async (
          args: unknown,
          ctx: any,
        ) => work(args, aroundV2(tasks, server, ctx))) as never);
      }
      return server as unknown as SdkServer;
    }
    case "v1-low": {
      const server = new ServerV1(INFO, { capabilities: { tools: {}, ...OPTIONS.capabilities } });
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: listed(all.map(([name]) => name)) }));
      server.setRequestHandler(CallToolRequestSchema, (async (request: any, extra: any) =>
        workOf(tools, request.params.name)(request.params.arguments ?? {}, aroundV1(tasks, server, extra))) as never);
      return server as unknown as SdkServer;
    }
    case "v2-low": {
      const server = new ServerV2(INFO, { capabilities: { tools: {}, ...OPTIONS.capabilities } });
      server.setRequestHandler("tools/list", () => ({ tools: listed(all.map(([name]) => name)) }) as never);
      server.setRequestHandler("tools/call", (async (request: any, ctx: any) =>
        workOf(tools, request.params.name)(request.params.arguments ?? {}, aroundV2(tasks, server, ctx))) as never);
      return server as unknown as SdkServer;
    }
  }
}

const listed = (names: string[]) => names.map((name) => ({ name, inputSchema: { type: "object" as const } }));

function workOf(tools: Tools, name: string): Work {
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (tool === undefined) throw Object.assign(new Error(`No tool ${name}`), { code: -32602 });
  return typeof tool === "function" ? tool : tool.work;
}

function aroundV1(tasks: TaskServer, server: any, extra: any): Around {
  return {
    get task() {
      return tasks.current(extra);
    },
    signal: extra.signal,
    context: extra,
    server,
    ask: (method, params) => extra.sendRequest({ method, ...(params && { params }) }, ResultSchema),
    progress: (progress, more) =>
      extra.sendNotification({
        method: "notifications/progress",
        params: { progressToken: extra._meta?.progressToken, progress, ...more },
      }),
    log: (data) => extra.sendNotification({ method: "notifications/message", params: { level: "info", data } }),
  };
}

function aroundV2(tasks: TaskServer, server: any, ctx: any): Around {
  return {
    get task() {
      return tasks.current(ctx);
    },
    signal: ctx.mcpReq.signal,
    context: ctx,
    server,
    ask: (method, params) => {
      if (method === "elicitation/create") return ctx.mcpReq.elicitInput(params);
      if (method === "sampling/createMessage") return ctx.mcpReq.requestSampling(params);
      return ctx.mcpReq.send({ method, ...(params && { params }) });
    },
    progress: (progress, more) =>
      ctx.mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken: ctx.mcpReq._meta?.progressToken, progress, ...more },
      }),
    log: (data) => ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data } }),
  };
}
