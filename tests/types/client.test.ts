// What the compiler infers of a call and its result, held against what the call really brings.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, InMemoryTransport, type CallToolResult } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as InMemoryTransportV1 } from "@modelcontextprotocol/sdk/inMemory.js";
import type { CallToolResult as CallToolResultV1 } from "@modelcontextprotocol/sdk/types.js";
import { McpServer } from "@modelcontextprotocol/server";
import { TaskClient, TaskServer, type TaskHandle, type TaskReference, type ToolResult } from "mcp-longhaul";
import * as z from "zod";
import { type Same, same } from "./same.ts";

const INFO = { name: "host", version: "1" };

/** An interface, as people write it by hand: without an index signature. */
interface Tools {
  render: { arguments: { scene: string; size?: number }; structuredContent: { frames: number } };
  /** Arguments that can all be left out. */
  list: { arguments: { after?: string } };
  // biome-ignore lint/complexity/noBannedTypes: a tool that says nothing of its arguments.
  ping: {};
}

function serve(): { v1: InMemoryTransportV1; v2: InMemoryTransport; close(): Promise<void> } {
  const tasks = new TaskServer({ task: "always", prompts: { mood: {} }, resources: { "mood://now": {} } });
  const open = [InMemoryTransport.createLinkedPair(), InMemoryTransportV1.createLinkedPair()] as const;
  for (const [, transport] of open) {
    const server = new McpServer({ name: "typed", version: "1" });
    const schemas = { inputSchema: z.object({ scene: z.string() }), outputSchema: z.object({ frames: z.number() }) };
    server.registerTool("render", schemas, ({ scene }) => ({
      content: [{ type: "text", text: scene }],
      structuredContent: { frames: 24 },
    }));
    server.registerPrompt("mood", {}, () => ({
      messages: [{ role: "user", content: { type: "text", text: "calm" } }],
    }));
    server.registerResource("mood", "mood://now", {}, ({ href }) => ({ contents: [{ uri: href, text: "calm" }] }));
    void tasks.attach(server).connect(transport as InMemoryTransport);
  }
  return { v1: open[1][0], v2: open[0][0], close: () => tasks.close() };
}

test("a result has the type of the SDK client's own callTool (SDK v2)", async (t) => {
  const { v2, close } = serve();
  t.after(close);
  const host = new TaskClient();
  const client = host.attach(new Client({ name: "host", version: "1" }, { versionNegotiation: { mode: "auto" } }));
  same<Same<typeof client, Client>>();
  await client.connect(v2);
  const handle = await host.callTool(client, { name: "render", arguments: { scene: "teapot" } });
  same<Same<Awaited<ReturnType<typeof handle.result>>, CallToolResult>>();
  const { content } = await handle.result();
  // @ts-expect-error: the SDK's blocks are of several types
  content[0]?.text;
  assert.deepEqual(content, [{ type: "text", text: "teapot" }]);
  const again = await host.resume(client, handle.reference!);
  same<Same<typeof again, TaskHandle<CallToolResult, "render">>>();
  await client.close();
});

test("prompts and resources have the types of the SDK client's own members", async (t) => {
  const { v1, v2, close } = serve();
  t.after(close);
  const host = new TaskClient();
  const clients = [host.attach(new ClientV1({ name: "host", version: "1" })), host.attach(new Client(INFO))] as const;
  await clients[0].connect(v1);
  await clients[1].connect(v2);
  const [old, current] = clients;
  const prompts = [
    await host.getPrompt(old, { name: "mood" }),
    await host.getPrompt(current, { name: "mood" }),
  ] as const;
  same<Same<Awaited<ReturnType<(typeof prompts)[0]["result"]>>, Awaited<ReturnType<ClientV1["getPrompt"]>>>>();
  same<Same<Awaited<ReturnType<(typeof prompts)[1]["result"]>>, Awaited<ReturnType<Client["getPrompt"]>>>>();
  const resource = await host.readResource(current, { uri: "mood://now" });
  same<Same<Awaited<ReturnType<typeof resource.result>>, Awaited<ReturnType<Client["readResource"]>>>>();
  for (const prompt of prompts) assert.equal((await prompt.result()).messages[0]?.role, "user");
  assert.equal((await resource.result()).contents[0]?.uri, "mood://now");
  const request = await host.request(old, "prompts/get", { name: "mood" });
  same<Same<typeof request, TaskHandle<Readonly<Record<string, unknown>>>>>();
  // @ts-expect-error: nothing of this method can become a task
  await assert.rejects(host.request(old, "prompts/list", {}), { code: "invalid_argument" });
  // @ts-expect-error: a prompt has a name
  await assert.rejects(host.getPrompt(old, { uri: "mood://now" }));
  for (const client of clients) await client.close();
});

test("a result has the type of the SDK client's own callTool, or of the schema (SDK v1)", async (t) => {
  const { v1, close } = serve();
  t.after(close);
  const host = new TaskClient();
  const client = host.attach(new ClientV1({ name: "host", version: "1" }));
  await client.connect(v1);
  const plain = await host.callTool(client, { name: "render", arguments: { scene: "teapot" } });
  const { content } = await plain.result();
  same<Same<typeof content, CallToolResultV1["content"]>>();
  assert.equal(content[0]?.type, "text");

  const Frames = z.object({ structuredContent: z.object({ frames: z.number() }) });
  const checked = await host.callTool(
    client,
    { name: "render", arguments: { scene: "teapot" } },
    { resultSchema: Frames },
  );
  same<Same<typeof checked, TaskHandle<z.infer<typeof Frames>, "render">>>();
  assert.equal((await checked.result()).structuredContent.frames, 24);
  await client.close();
});

test("a map of tools checks names and arguments, and types structuredContent", async (t) => {
  const { v1, v2, close } = serve();
  t.after(close);
  const host = new TaskClient<Tools>();
  const client = host.attach(new Client({ name: "host", version: "1" }, { versionNegotiation: { mode: "auto" } }));
  const older = host.attach(new ClientV1({ name: "host", version: "1" }));
  await Promise.all([client.connect(v2), older.connect(v1)]);

  for (const handle of [
    await host.callTool(client, { name: "render", arguments: { scene: "teapot" } }),
    await host.callTool(older, { name: "render", arguments: { scene: "teapot", size: 1 } }),
  ]) {
    const { structuredContent, isError } = await handle.result();
    same<Same<typeof structuredContent, { frames: number } | undefined>>();
    same<Same<typeof isError, boolean | undefined>>();
    assert.equal(structuredContent?.frames, 24);
    // @ts-expect-error: not in the tool's result
    assert.equal(structuredContent?.pixels, undefined);

    same<Same<typeof handle.reference, TaskReference<"render"> | undefined>>();
    const again = await host.resume(client, handle.reference!);
    same<Same<Awaited<ReturnType<typeof again.result>>["structuredContent"], { frames: number } | undefined>>();
    again.detach();
  }
  await Promise.all([client.close(), older.close()]);
});

/** Never run: what must not compile, and what must. */
export function compiled(client: Client, older: ClientV1): void {
  const host = new TaskClient<Tools>();
  // @ts-expect-error: no such tool
  void host.callTool(client, { name: "paint", arguments: {} });
  // @ts-expect-error: an argument is missing
  void host.callTool(client, { name: "render", arguments: {} });
  // @ts-expect-error: all arguments are missing
  void host.callTool(client, { name: "render" });
  // @ts-expect-error: an argument of the wrong type
  void host.callTool(client, { name: "render", arguments: { scene: 1 } });
  // @ts-expect-error: no such argument
  void host.callTool(client, { name: "render", arguments: { scene: "teapot", colour: "red" } });
  // @ts-expect-error: the arguments of another tool
  void host.callTool(client, { name: "list", arguments: { scene: "teapot" } });
  // @ts-expect-error: not a member of a call
  void host.callTool(client, { name: "ping", argumens: {} });
  void host.callTool(client, { name: "list" });
  void host.callTool(client, { name: "list", arguments: { after: "a" }, _meta: { progressToken: 1 } });
  void host.callTool(client, { name: "ping" });
  void host.callTool(client, { name: "ping", arguments: { anything: true } });
  // @ts-expect-error: a tool's type has an object for arguments
  new TaskClient<{ render: { arguments: string } }>();

  const reference: TaskReference<"render"> = JSON.parse("{}");
  void host
    .resume(client, reference)
    .then((handle) => same<Same<typeof handle.reference, TaskReference<"render"> | undefined>>());
  // @ts-expect-error: the reference of another server's tool
  void host.resume(client, { ...reference, tool: "paint" });

  // A name that is known only when it runs, and a host that takes any tools: as in SDK v1 and v2.
  const any = new TaskClient();
  const name = String(Date.now());
  void any.callTool(client, { name, arguments: { a: 1 } });
  void any.callTool(
    client,
    { name, arguments: { a: 1 } },
    { toolDefinition: { name, inputSchema: { type: "object" } }, onAbort: "detach" },
  );
  // @ts-expect-error: no name
  void any.callTool(client, { arguments: {} });
  // @ts-expect-error: not an SDK client
  void any.callTool({}, { name });
  // A wrapper without a type of its own gets the package's.
  const wrapper = client as unknown as { connect(): Promise<void>; callTool(): Promise<unknown> };
  void any.callTool(wrapper, { name }).then((handle) => same<Same<typeof handle, TaskHandle<ToolResult>>>());
  // A schema is SDK v1's: the other SDK's client does not read it.
  const resultSchema = z.object({ a: z.string() });
  void any
    .callTool(client, { name }, { resultSchema })
    .then((handle) => same<Same<typeof handle, TaskHandle<CallToolResult>>>());
  void any
    .callTool(older, { name }, { resultSchema })
    .then((handle) => same<Same<typeof handle, TaskHandle<{ a: string }>>>());

  // For whoever needs a host and not its tools.
  const takesAny = (_: TaskClient<any>): void => {};
  takesAny(host);
  takesAny(any);
}
