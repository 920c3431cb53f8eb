// Runs in a page. What it offers to story.ts is `globalThis.tellStory`.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, InMemoryTransport, type McpServer } from "@modelcontextprotocol/server";
import { isTaskError, TaskClient, TaskServer } from "mcp-longhaul";
import { stopped, tools } from "../sdk/client-tools.ts";
import { until } from "../sdk/client-sdk.ts";
import { attached, type SdkServer, type Work } from "../sdk/harness/servers.ts";

type Generation = "2025-11-25" | "2026-07-28";

/** A transport to a server in this page. Revision 2026-07-28 takes HTTP's way, without a network. */
async function reach(generation: Generation, tasks: TaskServer, serve: () => SdkServer) {
  if (generation === "2025-11-25") {
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    await serve().connect(theirs as never);
    return ours;
  }
  const handler = tasks.fetch(createMcpHandler(() => serve() as unknown as McpServer));
  return new StreamableHTTPClientTransport(new URL("/mcp", location.href), {
    // The SDK's entry reads `Request.body`, which Firefox has not.
    fetch: async (url, init) =>
      handler(new Request(url, init), typeof init?.body === "string" ? { parsedBody: JSON.parse(init.body) } : {}),
  });
}

async function tellStory(generation: Generation) {
  const tasks = new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });
  const errors: string[] = [];
  const questions: string[] = [];
  const host = new TaskClient({ poll: { min: 5 }, onerror: (error) => errors.push(String(error)) });
  const client = host.attach(
    new Client(
      { name: "in the page", version: "1" },
      {
        capabilities: { elicitation: { form: {} } },
        ...(generation === "2026-07-28" && { versionNegotiation: { mode: { pin: generation } } }),
      },
    ),
  );
  client.setRequestHandler(
    "elicitation/create",
    ({ params }) => (questions.push(params.message), { action: "accept", content: { name: "Ada" } }),
  );
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const endlessly: Work = (...values) => (begin(), (tools["endless"] as Work)(...values));
  await client.connect(await reach(generation, tasks, () => attached("v2", tasks, { ...tools, endless: endlessly })));

  const slow = await host.callTool(client, { name: "slow", arguments: {} });
  const statuses: string[] = [];
  for await (const { status } of slow.updates()) statuses.push(status);
  const again = await host.resume(client, slow.reference!);

  const asked = await client.callTool({ name: "ask", arguments: {} });

  const endless = await host.callTool(client, { name: "endless", arguments: {} });
  const outcome = endless.result().then(textOf, (error) => (isTaskError(error) ? error.code : String(error)));
  await begun;
  await endless.cancel();
  await until(() => stopped.has(endless.taskId!), "the handler's signal fires");

  const told = {
    protocol: client.getNegotiatedProtocolVersion(),
    slow: { taskId: slow.taskId, statuses, text: textOf(await slow.result()), readAgain: textOf(await again.result()) },
    ask: { questions, text: textOf(asked) },
    endless: { outcome: await outcome, handlerStopped: stopped.delete(endless.taskId!) },
    errors,
  };
  await client.close();
  await tasks.close();
  return told;
}

const textOf = (result: unknown): string => (result as { content: { text: string }[] }).content[0]!.text;

export type PageStory = typeof tellStory;

Object.assign(globalThis, { tellStory });
