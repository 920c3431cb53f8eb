import { Client as ClientV2 } from "@modelcontextprotocol/client";
import {
  createTaskSessionFromClient,
  resultFromTaskOutcome,
  toolDeclaration,
} from "@modelcontextprotocol/ext-tasks/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { type Open, type Row, repeated } from "./harness.ts";
import { load } from "./ours.ts";
import { type Ending, v1Server } from "./v1.ts";

/** Every subject calls the same SDK v1 server. */
type OpenEnding = (ending: Ending | "plain") => Open;

const ours =
  (Client: typeof ClientV1 | typeof ClientV2): OpenEnding =>
  (ending) =>
  async (scale) => {
    const { TaskClient } = await load();
    const { end, close } = await v1Server();
    const client = new TaskClient().attach(new Client({ name: "bench", version: "1" }) as ClientV2);
    await client.connect(end);
    await client.listTools();
    return repeated(
      async (times) => {
        for (let done = 0; done < times; done++) {
          const { content } = await client.callTool({ name: ending, arguments: {} });
          if ((content as unknown[]).length !== 1) throw new Error("a wrong result");
        }
      },
      scale,
      close,
    );
  };

const extTasks: OpenEnding = (ending) => async (scale) => {
  const { end, close } = await v1Server();
  const client = new ClientV2({ name: "bench", version: "1" });
  await client.connect(end);
  // Declared by the host: the session would reject the SDK v1 server's own list on a transport that does not serialise.
  const declaration = toolDeclaration({
    name: ending,
    inputSchema: { type: "object" },
    taskSupport: ending === "plain" ? "forbidden" : "required",
  });
  const session = createTaskSessionFromClient(client, {
    endpointId: "bench",
    tools: { currentTool: (name) => (name === ending ? declaration : undefined) },
  });
  return repeated(
    async (times) => {
      for (let done = 0; done < times; done++) {
        const execution = await session.callTool(ending, {});
        resultFromTaskOutcome((await execution.settle()).outcome);
      }
    },
    scale,
    async () => {
      await session.close();
      await close();
    },
  );
};

const v1Stream: OpenEnding = (ending) => async (scale) => {
  const { end, close } = await v1Server();
  const client = new ClientV1({ name: "bench", version: "1" });
  await client.connect(end);
  await client.listTools();
  return repeated(
    async (times) => {
      for (let done = 0; done < times; done++) {
        for await (const message of client.experimental.tasks.callToolStream(
          { name: ending, arguments: {} },
          CallToolResultSchema,
        )) {
          if (message.type === "error") throw message.error;
        }
      }
    },
    scale,
    close,
  );
};

export const rows: readonly Row[] = [
  {
    target: 6,
    lines: [
      {
        name: "client call to outcome, ends before the answer (SDK v2 client)",
        unit: "µs",
        goal: { times: 1.65, peer: "ext-tasks" },
      },
    ],
    ours: ours(ClientV2)("instant"),
    peers: { "ext-tasks": extTasks("instant"), "SDK v1 callToolStream": v1Stream("instant") },
  },
  {
    target: 6,
    lines: [
      {
        name: "client call to outcome, ends next turn, server notifies (SDK v2 client)",
        unit: "µs",
        goal: { times: 1.65, peer: "ext-tasks" },
      },
    ],
    ours: ours(ClientV2)("notified"),
    peers: { "ext-tasks": extTasks("notified") },
  },
  {
    target: 6,
    lines: [
      { name: "client call to outcome, ends next turn, server notifies (SDK v1 client)", unit: "µs", goal: undefined },
    ],
    ours: ours(ClientV1)("notified"),
    peers: { "ext-tasks on SDK v2": extTasks("notified") },
  },
  {
    target: 6,
    lines: [{ name: "client call of a plain tool (SDK v2 client)", unit: "µs", goal: { times: 1 } }],
    ours: ours(ClientV2)("plain"),
    peers: { "ext-tasks": extTasks("plain") },
  },
];
