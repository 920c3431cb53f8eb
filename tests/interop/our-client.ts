// Our client's checks against somebody else's server.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { isTaskError, TaskClient, type TaskHandle } from "mcp-longhaul";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { check, type Finding } from "./findings.ts";

/** Where a peer's server is: at a URL, or behind a command line. */
export type Target = readonly [urlOrProgram: string, ...parameters: string[]];

/** The text of a result's first block. */
function textOf(result: unknown): string {
  return (result as { content: { text: string }[] }).content[0]!.text;
}

/** So long may a server keep a task beyond its time to live, in ms. */
const GRACE = 12_000;

type Generation = "2025-11-25" | "2026-07-28";
export type Check = (
  target: Target,
  generation: Generation,
  variables?: Readonly<Record<string, string>>,
) => Promise<Finding[]>;

/** Connects our client to a server while it is used. */
export async function withClient<T>(
  [urlOrProgram, ...parameters]: Target,
  generation: Generation,
  variables: Readonly<Record<string, string>>,
  use: (tasks: TaskClient, client: Client) => Promise<T>,
): Promise<T> {
  const tasks = new TaskClient({ onerror: () => {} });
  const client = tasks.attach(
    new Client(
      { name: "interop", version: "1.0.0" },
      {
        capabilities: { elicitation: {} },
        versionNegotiation: { mode: generation === "2025-11-25" ? "legacy" : { pin: generation } },
      },
    ),
  );
  client.setRequestHandler("elicitation/create", (request) => {
    // Servers name the one member of their form as they like.
    const { requestedSchema } = request.params as { requestedSchema?: { properties?: object } };
    const [name = "ok"] = Object.keys(requestedSchema?.properties ?? {});
    return { action: "accept", content: { [name]: true } };
  });
  await client.connect(
    urlOrProgram.startsWith("http")
      ? new StreamableHTTPClientTransport(new URL(urlOrProgram))
      : new StdioClientTransport({
          command: urlOrProgram,
          args: parameters,
          env: { ...getDefaultEnvironment(), ...variables },
          stderr: "ignore",
        }),
  );
  try {
    return await use(tasks, client);
  } finally {
    await client.close();
    tasks.close();
  }
}

export const checkServer: Check = (target, generation, variables = {}) =>
  withClient(target, generation, variables, checkTools);

async function checkTools(tasks: TaskClient, client: Client): Promise<Finding[]> {
  const begin = async (name: string, values: Record<string, unknown> = {}, ttl = 60_000): Promise<TaskHandle> => {
    const handle = await tasks.callTool(client, { name, arguments: values }, { ttl });
    assert(handle.taskId !== undefined, "the server answered at once, without a task");
    return handle;
  };
  return [
    await check("create", async () => (await begin("render", { scene: "teapot" })).snapshot.status),
    await check("poll", async () => {
      const handle = await begin("render", { scene: "teapot" });
      const seen: string[] = [];
      for await (const { status } of handle.updates()) seen.push(status);
      assert.equal(seen.at(-1), "completed");
      return seen.join(" ");
    }),
    await check("result", async () => {
      const text = textOf(await (await begin("render", { scene: "teapot" })).result());
      assert.equal(text, "teapot is rendered");
      return text;
    }),
    await check("ask", async () => {
      const text = textOf(await (await begin("confirm")).result());
      assert.match(text, /accept/);
      return text;
    }),
    await check("error", async () => {
      const handle = await begin("fail");
      const result = await handle.result().catch((error: Error) => ({ content: [{ text: error.message }] }));
      assert.match(textOf(result), /fail/);
      return `${handle.snapshot.status}: ${textOf(result)}`;
    }),
    await check("cancel", async () => {
      const status = await (await begin("endless")).cancel({ awaitTerminal: true });
      assert.equal(status, "cancelled");
      return status;
    }),
    await check("expiry", async () => {
      const handle = await begin("brief", {}, 500);
      await handle.result();
      for (const end = performance.now() + GRACE; performance.now() < end; await sleep(250)) {
        const gone = await tasks.resume(client, handle.reference!).then(
          () => false,
          (error: unknown) => isTaskError(error) && error.code === "not_found",
        );
        if (gone) return "not found";
      }
      throw new Error(`it is still there, with a ttl of ${handle.snapshot.ttl}`);
    }),
    await check("plain call", async () => {
      const text = textOf(await client.callTool({ name: "render", arguments: { scene: "teapot" } }));
      assert.equal(text, "teapot is rendered");
      return text;
    }),
  ];
}
