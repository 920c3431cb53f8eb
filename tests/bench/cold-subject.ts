/**
 * The first task of a process that already uses its SDK: `node cold-subject.ts <server|v1|client|ext-tasks>`. Writes
 * the time of the first task less that of a plain call on a connection just as new, of it what wasm took, and the time
 * of the import.
 */

import { Client } from "@modelcontextprotocol/client";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { RESULT, load } from "./ours.ts";
import { v1Server } from "./v1.ts";
import { Requester, taskIdOf } from "./wire.ts";

let wasm = 0;
const timed = <Made>(make: () => Made): Made => {
  const from = performance.now();
  try {
    return make();
  } finally {
    wasm += performance.now() - from;
  }
};
// Asynchronous compilation, where it is used, is counted as long as somebody waits for it.
const waited = async <Made>(making: Promise<Made>): Promise<Made> => {
  const from = performance.now();
  const made = await making;
  wasm += performance.now() - from;
  return made;
};
const { compile, instantiate } = WebAssembly;
WebAssembly.Module = new Proxy(WebAssembly.Module, {
  construct: (target, args: [BufferSource]) => timed(() => new target(...args)),
});
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct: (target, args: [WebAssembly.Module]) => timed(() => new target(...args)),
});
WebAssembly.compile = (...args) => waited(compile(...args));
WebAssembly.instantiate = ((...args: [WebAssembly.Module]) =>
  waited(instantiate(...args))) as typeof WebAssembly.instantiate;

/** A way to use a connection: how it is loaded, and what it does first. */
interface Subject {
  readonly role: "server" | "client";
  load(): Promise<(tools: { v1: Awaited<ReturnType<typeof v1Server>> }) => Promise<void>>;
}

const subjects: Record<string, Subject> = {
  server: {
    role: "server",
    async load() {
      const { TaskServer, memoryStore } = await load();
      return async () => {
        const tasks = new TaskServer({ store: memoryStore(), tools: { work: { task: "always" } } });
        const server = new McpServer({ name: "bench", version: "1" });
        server.registerTool("work", {}, async () => RESULT);
        const [end, transport] = InMemoryTransport.createLinkedPair();
        await tasks.attach(server).connect(transport);
        await firstTask(end, "work");
      };
    },
  },
  v1: {
    role: "server",
    load:
      async () =>
      async ({ v1 }) =>
        firstTask(v1.end, "instant"),
  },
  client: {
    role: "client",
    async load() {
      const { TaskClient } = await load();
      return async ({ v1 }) => {
        const client = new TaskClient().attach(new Client({ name: "bench", version: "1" }));
        await client.connect(v1.end);
        await client.listTools();
        await client.callTool({ name: "instant", arguments: {} });
      };
    },
  },
  "ext-tasks": {
    role: "client",
    async load() {
      const { createTaskSessionFromClient, resultFromTaskOutcome, toolDeclaration } = await import(
        "@modelcontextprotocol/ext-tasks/client"
      );
      return async ({ v1 }) => {
        const client = new Client({ name: "bench", version: "1" });
        await client.connect(v1.end);
        await client.listTools();
        const declaration = toolDeclaration({
          name: "instant",
          inputSchema: { type: "object" },
          taskSupport: "required",
        });
        const session = createTaskSessionFromClient(client, {
          endpointId: "bench",
          tools: { currentTool: () => declaration },
        });
        resultFromTaskOutcome((await (await session.callTool("instant", {})).settle()).outcome);
      };
    },
  },
};

async function firstTask(end: InMemoryTransport, tool: string): Promise<void> {
  const requester = new Requester(end);
  await requester.initialize();
  const taskId = taskIdOf(await requester.request("tools/call", { name: tool, arguments: {}, task: {} }));
  await requester.request("tasks/get", { taskId });
  await requester.request("tasks/result", { taskId });
}

/** What a subject's first task is compared with: a new connection and a plain call on it. */
async function plain(role: Subject["role"]): Promise<void> {
  const { end } = await v1Server();
  if (role === "server") {
    const requester = new Requester(end);
    await requester.initialize();
    await requester.request("tools/call", { name: "plain", arguments: {} });
    return;
  }
  const client = new Client({ name: "bench", version: "1" });
  await client.connect(end);
  await client.listTools();
  await client.callTool({ name: "plain", arguments: {} });
}

const subject = subjects[process.argv[2] ?? ""];
if (subject === undefined) throw new Error(`no subject ${process.argv[2]}`);
await plain(subject.role);
const start = performance.now();
await plain(subject.role);
const usual = performance.now() - start;
// SDK v1's own server is set up outside, and a client's subject does not pay for the first task of the server it calls.
if (subject.role === "client") await firstTask((await v1Server()).end, "instant");
const v1 = await v1Server();
const from = performance.now();
const first = await subject.load();
const loaded = performance.now();
await first({ v1 });
const done = performance.now();
console.log(JSON.stringify([done - loaded - usual, wasm, loaded - from]));
process.exit();
