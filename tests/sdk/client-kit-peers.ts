// Runs the client kit on the clients of others, and prints what they pass.
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import {
  createTaskSessionFromClient,
  resultFromTaskOutcome,
  toolDeclaration,
} from "@modelcontextprotocol/ext-tasks/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { clientCases, type OpenClient } from "mcp-longhaul/client-kit";

/** SDK v1's own experimental tasks. */
const experimental: OpenClient = async (transport, { user }) => {
  const capabilities = { elicitation: { form: {} }, tasks: { list: {}, cancel: {} } };
  const client = new ClientV1({ name: "kit", version: "1" }, { capabilities });
  client.setRequestHandler(
    ElicitRequestSchema,
    async ({ params }) => (await user("elicitation/create", params)) as never,
  );
  await client.connect(transport as never);
  await client.listTools();
  let last: string | undefined;
  return {
    async callTool(name, args) {
      const stream = client.experimental.tasks.callToolStream({ name, arguments: args }, CallToolResultSchema);
      for await (const message of stream) {
        if (message.type === "taskCreated") last = message.task.taskId;
        if (message.type === "result") return message.result;
        if (message.type === "error") throw message.error;
      }
      throw new Error("The stream has ended without a result");
    },
    cancel: async () => client.experimental.tasks.cancelTask(last as string),
    close: () => client.close(),
  };
};

/** ext-tasks' client, on an SDK v2 client. In 2026-07-28 it needs a dispatcher of the host's own, which is left out. */
const extTasks: OpenClient = async (transport, { user }) => {
  const client = new ClientV2({ name: "kit", version: "1" }, { capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler(
    "elicitation/create",
    async ({ params }) => (await user("elicitation/create", params)) as never,
  );
  await client.connect(transport as never);
  const { tools } = await client.listTools();
  const declarations = new Map(
    tools.map((tool) => {
      const { execution } = tool as { execution?: { taskSupport?: "forbidden" | "optional" | "required" } };
      const { name, inputSchema } = tool;
      // It calls plainly where it may; this host wants tasks.
      const support = execution?.taskSupport ?? "forbidden";
      const taskSupport = support === "optional" ? "required" : support;
      return [name, toolDeclaration({ name, inputSchema, taskSupport } as never)];
    }),
  );
  const session = createTaskSessionFromClient(client, {
    endpointId: "kit",
    tools: { currentTool: (name) => declarations.get(name) },
  });
  return {
    async callTool(name, args) {
      const execution = await session.callTool(name, args as never);
      return resultFromTaskOutcome((await execution.settle()).outcome);
    },
    close: async () => {
      await session.close();
      await client.close();
    },
  };
};

process.on("unhandledRejection", () => {});
for (const [peer, generation, open] of [
  ["SDK v1, experimental tasks", "2025-11-25", experimental],
  ["ext-tasks 0.2 on SDK v2", "2025-11-25", extTasks],
] as const) {
  const cases = clientCases.filter((one) => one.generation === generation);
  const failed: string[] = [];
  let skipped = 0;
  await Promise.all(
    cases.map(async ({ requirement, name, run }) => {
      try {
        await run(open, () => skipped++);
      } catch (error) {
        failed.push(`  not ${requirement}: ${name} (${String((error as Error).message).slice(0, 120)})`);
      }
    }),
  );
  console.log(
    `${peer}, ${generation}: ${cases.length - failed.length - skipped} of ${cases.length}, ${skipped} left out`,
  );
  for (const line of failed.sort()) console.log(line);
}
process.exit(0);
