// What the compiler infers of an answer to `requireInput`, held against what the client sends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, InMemoryTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { StreamableHTTPClientTransport as StreamableHTTPClientTransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport as StdioServerTransportV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { McpServer, Server } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import {
  type ElicitationAnswer,
  type InputRequest,
  type RootsAnswer,
  type RunningTask,
  type SamplingAnswer,
  TaskClient,
  type TaskPolicy,
  TaskServer,
} from "mcp-longhaul";
import { type Same, same } from "./same.ts";

test("an answer has the type of what was asked", async (t) => {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const tasks = new TaskServer({ task: "always" });
  t.after(() => tasks.close());
  const server = new McpServer({ name: "asks", version: "1" });
  const answers: unknown[] = [];
  server.registerTool("ask", {}, async (context) => {
    const task = tasks.current(context);
    assert.ok(task !== undefined);
    const form = { message: "Sure?", requestedSchema: { type: "object", properties: { sure: { type: "boolean" } } } };
    const user = await task.requireInput({ method: "elicitation/create", params: form });
    same<Same<typeof user, ElicitationAnswer>>();
    if (user.action === "accept") answers.push(user.content?.["sure"]);

    const model = await task.requireInput({ method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } });
    same<Same<typeof model, SamplingAnswer>>();
    for (const block of [model.content].flat()) if (block.type === "text") answers.push(block.text);

    const { roots } = await task.requireInput({ method: "roots/list" });
    same<Same<typeof roots, RootsAnswer["roots"]>>();
    answers.push(roots[0]?.uri);
    return { content: [] };
  });
  await tasks.attach(server).connect(far as never);

  const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} };
  const client = new TaskClient().attach(new Client({ name: "answers", version: "1" }, { capabilities }));
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { sure: true } }));
  client.setRequestHandler("sampling/createMessage", () => ({
    role: "assistant",
    model: "m",
    content: { type: "text", text: "yes" },
  }));
  client.setRequestHandler("roots/list", () => ({ roots: [{ uri: "file:///a" }] }));
  await client.connect(near);
  await client.callTool({ name: "ask" });
  assert.deepEqual(answers, [true, "yes", "file:///a"]);
  await client.close();
});

/** Never run: what must not compile, and what must. */
export async function compiled(task: RunningTask, either: InputRequest): Promise<void> {
  // @ts-expect-error: not an input request
  await task.requireInput({ method: "tools/call" });
  const user = await task.requireInput({ method: "elicitation/create" });
  // @ts-expect-error: not one of the three
  user.action === "accepted";
  // @ts-expect-error: what the user fills in is checked before it is used
  user.content?.["name"].length;
  // @ts-expect-error: a member of another answer
  user.roots;
  const any = await task.requireInput(either);
  same<Same<typeof any, ElicitationAnswer | SamplingAnswer | RootsAnswer>>();
  // Answers can be put where the protocol wants an object.
  const json: Record<string, unknown> = user;

  // What can be attached, and comes back with its type.
  const tasks = new TaskServer();
  same<Same<ReturnType<typeof tasks.attach<McpServer>>, McpServer>>();
  for (const server of [
    new McpServer({ name: "", version: "" }),
    new Server({ name: "", version: "" }),
    new McpServerV1({ name: "", version: "" }),
    new ServerV1({ name: "", version: "" }),
  ])
    tasks.attach(server);
  for (const transport of [new StdioServerTransport(), new StdioServerTransportV1()]) tasks.attach(transport);
  const url = new URL("http://localhost/");
  for (const transport of [
    new StdioClientTransport({ command: "node" }),
    new StreamableHTTPClientTransport(url),
    new StreamableHTTPClientTransportV1(url),
  ])
    new TaskClient().attach(transport);
  // @ts-expect-error: neither a server nor a transport
  tasks.attach({ json });
  // @ts-expect-error: neither a client nor a transport
  new TaskClient().attach({ json });

  // One policy for each tool, where that is wanted.
  type Names = "render" | "list";
  const tools = { render: { task: "always" }, list: { task: "never" } } satisfies Record<Names, TaskPolicy>;
  new TaskServer({ tools });
  // @ts-expect-error: one is missing
  ({ render: {} }) satisfies Record<Names, TaskPolicy>;
  // @ts-expect-error: no such policy
  new TaskServer({ tools: { render: { task: "sometimes" } } });
}
