// The SDK clients that the client's tests run on.
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { TaskClient, type TaskClientOptions } from "mcp-longhaul";
import { G26, type Peer } from "./client-peer.ts";

export type Kind = "SDK v1" | "SDK v2, 2025" | "SDK v2, 2026";
export const LEGACY: readonly Kind[] = ["SDK v1", "SDK v2, 2025"];

/** Handlers of a client, by method. */
export type Handlers = Record<string, (params: any, signal: AbortSignal) => unknown>;

const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} };
const schemas: Record<string, unknown> = {
  "elicitation/create": ElicitRequestSchema,
  "sampling/createMessage": CreateMessageRequestSchema,
  "roots/list": ListRootsRequestSchema,
};

/** What both SDKs' clients have in common, as far as the tests go. */
export interface AnyClient {
  connect(transport: any): Promise<void>;
  close(): Promise<void>;
  callTool(params: any, ...rest: any[]): Promise<any>;
  listTools(params?: any): Promise<any>;
  readonly transport?: unknown;
  onerror?: ((error: Error) => void) | undefined;
  setNotificationHandler(method: any, ...rest: any[]): void;
}

export function makeClient(kind: Kind, handlers: Handlers = {}, options: object = {}): AnyClient {
  const info = { name: "client", version: "1" };
  if (kind === "SDK v1") {
    const client = new ClientV1(info, { capabilities, ...options });
    for (const [method, handle] of Object.entries(handlers)) {
      client.setRequestHandler(
        schemas[method] as typeof ElicitRequestSchema,
        async (request, extra) => (await handle(request.params, extra.signal)) as any,
      );
    }
    return client as unknown as AnyClient;
  }
  const client = new ClientV2(info, {
    capabilities,
    ...(kind === "SDK v2, 2026" && { versionNegotiation: { mode: { pin: G26 } } }),
    ...options,
  } as any);
  for (const [method, handle] of Object.entries(handlers)) {
    client.setRequestHandler(
      method as any,
      async (request: any, context: any) => (await handle(request.params, context.mcpReq.signal)) as any,
    );
  }
  return client as unknown as AnyClient;
}

/** Calls of SDK v1 take a schema before their options. */
export function callOptions(kind: Kind, options: object): any[] {
  return kind === "SDK v1" ? [undefined, options] : [options];
}

export interface Connected {
  readonly host: TaskClient;
  readonly client: AnyClient;
  readonly errors: Error[];
}

/** A client of this kind, attached and connected. */
export async function connect(
  peer: Peer,
  kind: Kind,
  {
    attach = "client",
    handlers = {},
    sdk = {},
    ...options
  }: TaskClientOptions & { attach?: "client" | "transport"; handlers?: Handlers; sdk?: object } = {},
): Promise<Connected> {
  const errors: Error[] = [];
  const host = new TaskClient({ onerror: (error) => errors.push(error), poll: { min: 5, initial: 5 }, ...options });
  const client = makeClient(kind, handlers, sdk);
  client.onerror = (error) => errors.push(error);
  if (attach === "client") {
    host.attach(client);
    await client.connect(peer.transport);
  } else {
    await client.connect(host.attach(peer.transport));
  }
  return { host, client, errors };
}

export const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until `ready` says so. */
export async function until(ready: () => unknown, what = "it happens"): Promise<void> {
  for (let waited = 0; waited < 3000; waited += 5) {
    if (ready()) return;
    await later(5);
  }
  throw new Error(`waited in vain until ${what}`);
}
