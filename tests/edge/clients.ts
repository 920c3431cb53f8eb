// Clients of both eras, each on its SDK, over HTTP.
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { SignJWT } from "jose";
import { TaskClient, type TaskHandle, type TaskReference, type TaskSnapshot, type ToolResult } from "mcp-longhaul";
import { SECRET } from "./places.ts";

export const ERAS = ["2025-11-25", "2026-07-28"] as const;
export type Era = (typeof ERAS)[number];

/** What a user answers to a question. */
export type Ask = (message: string) => Promise<{ action: "accept"; content: Record<string, string> }>;

export interface EraClient {
  call(tool: string, args?: Record<string, unknown>): Promise<TaskHandle>;
  resume(reference: TaskReference): Promise<TaskHandle>;
  /** The ids of the caller's tasks, where the era can tell. */
  list: (() => Promise<string[]>) | undefined;
  /** Leaves the server; tasks go on. */
  close(): Promise<void>;
}

/** A token of `subject`'s, as the identity provider of the example makes it. */
export function tokenOf(subject: string, secret: string = SECRET): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setAudience("edge")
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));
}

const connected = new Set<EraClient>();

/** Closes what a test that has failed has left open. */
export async function closeClients(): Promise<void> {
  await Promise.allSettled([...connected].map((client) => client.close()));
}

export async function connect(
  era: Era,
  url: string,
  { ask, token }: { ask?: Ask; token?: string | undefined } = {},
): Promise<EraClient> {
  const info = { name: "edge-test", version: "1.0.0" };
  const capabilities = { elicitation: { form: {} } };
  const options = token === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${token}` } } };
  const answer: Ask = ask ?? (() => new Promise(() => {}));
  const host = new TaskClient({ onAbort: "detach" });
  let client: ClientV1 | ClientV2;
  let list: EraClient["list"];
  if (era === "2025-11-25") {
    const v1 = host.attach(new ClientV1(info, { capabilities }));
    v1.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params.message));
    await v1.connect(new HttpV1(new URL(url), options));
    list = async () => (await v1.experimental.tasks.listTasks()).tasks.map(({ taskId }) => taskId);
    client = v1;
  } else {
    const v2 = host.attach(new ClientV2(info, { capabilities, versionNegotiation: { mode: { pin: era } } }));
    v2.setRequestHandler("elicitation/create", ({ params }) => answer(params.message));
    await v2.connect(new HttpV2(new URL(url), options));
    client = v2;
  }
  const connection: EraClient = {
    call: (name, args = {}) => host.callTool(client, { name, arguments: args }),
    resume: (reference) => host.resume(client, reference),
    list,
    close: () => (connected.delete(connection), client.close()),
  };
  connected.add(connection);
  return connection;
}

/** Answers each question, and remembers it. */
export function answering(): { readonly asked: string[]; readonly ask: Ask } {
  const asked: string[] = [];
  return { asked, ask: async (message) => (asked.push(message), { action: "accept", content: { channel: "latest" } }) };
}

export async function untilStatus(
  task: TaskHandle,
  wanted: (snapshot: TaskSnapshot) => boolean,
): Promise<TaskSnapshot> {
  if (wanted(task.snapshot)) return task.snapshot;
  for await (const snapshot of task.updates()) if (wanted(snapshot)) return snapshot;
  throw new Error(`The task has ended: ${JSON.stringify(task.snapshot)}`);
}

export const textOf = ({ content }: ToolResult): string => (content![0] as { text: string }).text;

/** Which life of the server says so: another process, or another instance of an object. */
export const instanceIn = (text: string | undefined): string => /in (\w{8})$/.exec(text ?? "")![1]!;

/** What a single look says of a task. */
export async function statusOf(era: Era, url: string, token: string, taskId: string): Promise<string> {
  const modern = {
    "io.modelcontextprotocol/protocolVersion": era,
    "io.modelcontextprotocol/clientCapabilities": { extensions: { "io.modelcontextprotocol/tasks": {} } },
  };
  const params = { taskId, ...(era === "2026-07-28" && { _meta: modern }) };
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tasks/get", params }),
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": era,
      ...(era === "2026-07-28" && { "mcp-method": "tasks/get", "mcp-name": taskId }),
    },
  });
  return /"status":"(\w+)"/.exec(await response.text())![1]!;
}
