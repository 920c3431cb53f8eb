// The lowest version of each SDK that the package's peer ranges allow, beside the newest, in each generation that both
// speak.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  Client as ClientNew,
  InMemoryTransport,
  StreamableHTTPClientTransport as HttpNew,
} from "@modelcontextprotocol/client";
import { Client as V1New } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as V1HttpNew } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport as V1MemoryNew } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as V1ServerNew } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ElicitRequestSchema as ElicitNew } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler as handlerNew, McpServer as ServerNew } from "@modelcontextprotocol/server";
import { serveStdio as serveNew } from "@modelcontextprotocol/server/stdio";
import { Client as ClientLow, StreamableHTTPClientTransport as HttpLow } from "client-2.0.0";
import { isTaskError, TaskClient, TaskServer } from "mcp-longhaul";
import { Client as V1Lowest } from "sdk-1.20.0/client/index.js";
import { StreamableHTTPClientTransport as V1HttpLowest } from "sdk-1.20.0/client/streamableHttp.js";
import { McpServer as V1ServerLowest } from "sdk-1.20.0/server/mcp.js";
import { Client as V1Low } from "sdk-1.24.1/client/index.js";
import { StreamableHTTPClientTransport as V1HttpLow } from "sdk-1.24.1/client/streamableHttp.js";
import { McpServer as V1ServerLow } from "sdk-1.24.1/server/mcp.js";
import { StreamableHTTPServerTransport as V1TransportLow } from "sdk-1.24.1/server/streamableHttp.js";
import { ElicitRequestSchema as ElicitLow } from "sdk-1.24.1/types.js";
import { createMcpHandler as handlerLow, McpServer as ServerLow } from "server-2.0.0";
import { serveStdio as serveLow } from "server-2.0.0/stdio";
import { G25, G26, text } from "./client-peer.ts";
import { type AnyClient, later } from "./client-sdk.ts";
import { statefulV1 } from "./harness/http.ts";

const peers: Record<string, string> = JSON.parse(
  readFileSync(new URL("../../pkg-template/package.json", import.meta.url), "utf8"),
).peerDependencies;
const installed: Record<string, string> = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
).devDependencies;

test("the lowest version of each SDK is the one that is tested here", () => {
  for (const peer of ["client", "sdk", "server"]) {
    const lowest = (peers[`@modelcontextprotocol/${peer}`] ?? "").replace("^", "");
    assert.equal(installed[`${peer}-${lowest}`], `npm:@modelcontextprotocol/${peer}@${lowest}`);
  }
});

const elicitation = { elicitation: { form: {} } };
const info = { name: "lowest", version: "1" };
const v2 = (Client: any, version: string) =>
  new Client(info, {
    capabilities: elicitation,
    versionNegotiation: { mode: version === G26 ? { pin: G26 } : "legacy" },
  });
const question = {
  method: "elicitation/create",
  params: { message: "who?", requestedSchema: { type: "object", properties: { name: { type: "string" } } } },
} as const;
const stopped: string[] = [];

/** Two tools, on a server of any version: one works, asks and answers, the other goes on until it is stopped. */
function withTools(server: any, tasks: TaskServer): any {
  server.registerTool("greet", {}, async (context: any) => {
    const answer: any = await tasks.current(context)?.requireInput(question);
    return text(`hello ${answer?.content?.name}`);
  });
  server.registerTool("endless", {}, async (context: any) => {
    const task = tasks.current(context);
    await new Promise<void>((resolve) => task?.signal.addEventListener("abort", () => resolve()));
    stopped.push(task?.taskId ?? "");
    return text("stopped");
  });
  return tasks.attach(server);
}

/** What each pair must be able to do: follow a task, answer its question, find it again, cancel it. */
async function works(
  client: AnyClient,
  handle: (handler: (request: any) => unknown) => void,
  connect: () => Promise<unknown>,
): Promise<void> {
  const errors: Error[] = [];
  const host = new TaskClient({ poll: { min: 5, initial: 5 }, onerror: (error) => errors.push(error) });
  handle(() => ({ action: "accept", content: { name: "Ada" } }));
  host.attach(client);
  await connect();
  assert.deepEqual((await client.callTool({ name: "greet", arguments: {} })).content, text("hello Ada").content);
  const task = await host.callTool(client, { name: "endless", arguments: {} });
  assert.ok(task.taskId !== undefined && task.reference !== undefined);
  const again = await host.resume(client, task.reference);
  assert.equal(again.snapshot.status, "working");
  const ended = assert.rejects(task.result(), (error: unknown) => isTaskError(error) && error.code === "cancelled");
  await task.cancel();
  await ended;
  for (let waited = 0; !stopped.includes(task.taskId) && waited < 3000; waited += 10) await later(10);
  assert.ok(stopped.includes(task.taskId));
  assert.deepEqual(errors, []);
  await client.close();
}

const CLIENTS = { "client 2.0.0": [ClientLow, HttpLow], "the newest client": [ClientNew, HttpNew] } as const;
const SERVERS = {
  "server 2.0.0": [ServerLow, handlerLow, serveLow],
  "the newest server": [ServerNew, handlerNew, serveNew],
} as const;

for (const [theirs, [Client, Http]] of Object.entries(CLIENTS)) {
  for (const [ours, [Server, entry, serve]] of Object.entries(SERVERS)) {
    if (theirs.startsWith("the newest") && ours.startsWith("the newest")) continue;
    describe(`${theirs}, ${ours}`, () => {
      for (const version of [G25, G26]) {
        test(`${version}, Streamable HTTP (G26-HTT-01)`, async () => {
          const tasks = new TaskServer({ defaults: { task: "always", pollInterval: 20 } });
          const handler = tasks.fetch((entry as any)(() => withTools(new (Server as any)(info), tasks)));
          const client: any = v2(Client, version);
          const transport = new (Http as any)(new URL("http://x.local/mcp"), {
            fetch: async (url: URL, init: RequestInit) => handler(new Request(url, init)),
          });
          await works(
            client,
            (answer) => client.setRequestHandler("elicitation/create", async (request: any) => answer(request)),
            () => client.connect(transport),
          );
          await tasks.close();
        });

        test(`${version}, one stream`, async () => {
          const tasks = new TaskServer({ defaults: { task: "always", pollInterval: 20 } });
          const client: any = v2(Client, version);
          const [near, far] = InMemoryTransport.createLinkedPair();
          const served = (serve as any)(() => withTools(new (Server as any)(info), tasks), { transport: far });
          await works(
            client,
            (answer) => client.setRequestHandler("elicitation/create", async (request: any) => answer(request)),
            () => client.connect(near),
          );
          await served;
          await tasks.close();
        });
      }
    });
  }
}

// SDK v1 speaks 2025-11-25 from 1.24.1 on. Before, attaching changes nothing.
const V1_CLIENTS = {
  "1.20.0": [V1Lowest, V1HttpLowest, undefined],
  "1.24.1": [V1Low, V1HttpLow, ElicitLow],
  newest: [V1New, V1HttpNew, ElicitNew],
} as const;
const V1_SERVERS = { "1.20.0": V1ServerLowest, "1.24.1": V1ServerLow, newest: V1ServerNew } as const;

for (const [theirs, [Client, Http, schema]] of Object.entries(V1_CLIENTS)) {
  for (const [ours, Server] of Object.entries(V1_SERVERS)) {
    if (theirs === "newest" && ours === "newest") continue;
    const ways = {
      "Streamable HTTP": async (make: () => any) => {
        // Before 1.25 the transport keeps its streams in another way.
        const http = await statefulV1(make, ours === "1.24.1" ? { Transport: V1TransportLow as never } : {});
        return { transport: new (Http as any)(new URL(http.url)), close: () => http.close() };
      },
      "one stream": async (make: () => any) => {
        const [near, far] = V1MemoryNew.createLinkedPair();
        const server = make();
        await server.connect(far);
        return { transport: near, close: async () => server.close() };
      },
    };
    for (const [way, open] of Object.entries(ways)) {
      test(`SDK v1: client ${theirs}, server ${ours}, ${way}`, async () => {
        const tasks = new TaskServer({ defaults: { task: "always", pollInterval: 20 } });
        const { transport, close } = await open(() => withTools(new (Server as any)(info), tasks));
        const client: any = new (Client as any)(info, { capabilities: { elicitation: {} } });
        if (theirs !== "1.20.0" && ours !== "1.20.0") {
          await works(
            client,
            (answer) => client.setRequestHandler(schema, async (request: any) => answer(request)),
            () => client.connect(transport),
          );
        } else {
          const host = new TaskClient();
          await host.attach(client).connect(transport);
          assert.deepEqual(
            (await client.callTool({ name: "greet", arguments: {} })).content,
            text("hello undefined").content,
          );
          await assert.rejects(
            host.callTool(client, { name: "greet", arguments: {} }, { preference: "require" }),
            (error: unknown) => isTaskError(error) && error.code === "unsupported",
          );
          await client.close();
        }
        await close();
        await tasks.close();
      });
    }
  }
}
