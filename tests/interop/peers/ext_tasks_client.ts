// The client of @modelcontextprotocol/ext-tasks on SDK v2, against our server. In 2025-11-25 its receiver is bound too.
// Arguments: a URL, or a command line.
import {
  Client,
  type JSONRPCMessage,
  StreamableHTTPClientTransport,
  type Transport,
} from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { createTaskSessionFromClient, resultFromTaskOutcome } from "@modelcontextprotocol/ext-tasks/client";
import { bindTaskReceiver } from "@modelcontextprotocol/ext-tasks/receiver";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "./report.ts";

const [target = "", ...parameters] = process.argv.slice(2);
const modern = process.env["GENERATION"] === "2026-07-28";
const TASKS = "io.modelcontextprotocol/tasks";
const info = { name: "ext-tasks", version: "1.0.0" };
const capabilities = { elicitation: {}, ...(modern && { extensions: { [TASKS]: {} } }) };
const client = new Client(info, {
  capabilities,
  versionNegotiation: { mode: modern ? { pin: "2026-07-28" } : "legacy" },
});
/** How many questions came as tasks. */
let received = 0;
const answer = { action: "accept", content: { ok: true } } as const;
if (!modern) {
  // The receiver leaves plain questions to the handler that was there before it.
  client.setRequestHandler("elicitation/create", () => answer);
  client.registerCapabilities({ tasks: bindReceiver().capabilities } as never);
}

function bindReceiver() {
  const elicitation = async () => {
    received += 1;
    return answer;
  };
  const options = { methods: { "elicitation/create": true }, elicitation };
  return bindTaskReceiver(client, options as never);
}

const transport: Transport = target.startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(target))
  : new StdioClientTransport({ command: target, args: parameters, stderr: "ignore" });
await client.connect(transport);

/** The raw path that the host of a session in 2026-07-28 has to bring: the SDK's client refuses what tasks answer. */
const waiting = new Map<unknown, (response: any) => void>();
const deliver = transport.onmessage!;
transport.onmessage = (message: JSONRPCMessage, extra?: any) => {
  const done = "id" in message && !("method" in message) ? waiting.get(message.id) : undefined;
  if (done === undefined) return deliver(message, extra);
  waiting.delete((message as { id: unknown }).id);
  done(message);
};
let calls = 0;
const rawDispatch = async (request: any): Promise<any> => {
  const id = `raw-${(calls += 1)}`;
  const response = new Promise<any>((resolve) => waiting.set(id, resolve));
  await transport.send({ ...request, jsonrpc: "2.0", id });
  const { result, error } = await response;
  return error === undefined ? { kind: "result", result } : { kind: "error", error };
};

const session = createTaskSessionFromClient(client, {
  endpointId: "interop",
  onInputRequest: async () => answer,
  ...(modern && {
    rawDispatch,
    v2RequestFraming: { protocolVersion: "2026-07-28", clientInfo: info, clientCapabilities: capabilities },
  }),
} as never);
const declaration = (name: string): any => ({ name, inputSchema: { type: "object" }, taskSupport: "optional" });

async function begin(name: string, values = {}, retentionMs?: number) {
  const execution = await session.callTool(name, values, {
    declaration: declaration(name),
    task: { preference: "prefer", ...(retentionMs !== undefined && { retentionMs }) },
  });
  assert(execution.kind === "task", "the server answered at once, without a task");
  return execution;
}
async function resultOf(name: string, values = {}): Promise<string> {
  const { outcome } = await (await begin(name, values)).settle();
  return (resultFromTaskOutcome(outcome) as { content: { text: string }[] }).content[0]!.text;
}

await check("create", async () => {
  const execution = await begin("render", { scene: "teapot" });
  return execution.handle.taskId === "" ? "" : execution.kind;
});
await check("poll", async () => {
  const seen: string[] = [];
  for await (const event of (await begin("render", { scene: "teapot" })).updates())
    seen.push(event.type === "task" ? event.task.status : event.outcome.status);
  assert.equal(seen.at(-1), "completed");
  return seen.join(" ");
});
await check("result", async () => {
  const text = await resultOf("render", { scene: "teapot" });
  assert.equal(text, "teapot is rendered");
  return text;
});
await check("ask", async () => {
  const text = await resultOf("confirm");
  assert.match(text, /accept/);
  return text;
});
await check("error", async () => {
  const told = await resultOf("fail").catch((error: Error) => error.message);
  assert.match(told, /fail/);
  return told;
});
await check("cancel", async () => {
  const execution = await begin("endless");
  const end = execution.result();
  await execution.cancel();
  const { status } = await end;
  assert.equal(status, "cancelled");
  return status;
});
await check("expiry", async () => {
  const execution = await begin("brief", {}, modern ? undefined : 500);
  const { taskId } = execution.handle;
  await execution.settle();
  await sleep(2_000);
  await assert.rejects(session.task(taskId).snapshot(), /not found/i);
  return "not found";
});
await check("plain call", async () => {
  const { content } = await client.callTool({ name: "render", arguments: { scene: "teapot" } });
  const { text } = content[0] as { text: string };
  assert.equal(text, "teapot is rendered");
  return text;
});
if (!modern) {
  await check("ask as a task, of its receiver", async () => {
    const before = received;
    const text = await resultOf("confirm");
    assert.match(text, /accept/);
    assert.equal(received, before + 1, "asked without a task");
    return text;
  });
}
await session.close();
await client.close();
