// Runs the client kit on the clients of others, and prints what they pass.
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

process.on("unhandledRejection", () => {});
for (const [peer, generation, open] of [["SDK v1, experimental tasks", "2025-11-25", experimental]] as const) {
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
  console.log(`${peer}: ${cases.length - failed.length - skipped} of ${cases.length}, ${skipped} left out`);
  for (const line of failed.sort()) console.log(line);
}
process.exit(0);
