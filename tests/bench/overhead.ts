import { Client as ClientV2, InMemoryTransport as PairV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as PairV1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as ServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as ServerV2 } from "@modelcontextprotocol/server";
import { type Open, type Probe, type Row, type Scale, paired, repeated } from "./harness.ts";
import { RESULT, load } from "./ours.ts";

type Sdk = "v1" | "v2";
type Method = "ping" | "tools/call";

/** A server and a client that speak of no tasks. */
function pair(sdk: Sdk) {
  const info = { name: "bench", version: "1" };
  const server = sdk === "v1" ? new ServerV1(info) : new ServerV2(info);
  (server as ServerV1).registerTool("plain", {}, async () => RESULT);
  const client = sdk === "v1" ? new ClientV1(info) : new ClientV2(info);
  const [clientEnd, serverEnd] = sdk === "v1" ? PairV1.createLinkedPair() : PairV2.createLinkedPair();
  return {
    server: server as ServerV1,
    client: client as ClientV1,
    clientEnd: clientEnd as PairV1,
    serverEnd: serverEnd as PairV1,
  };
}

async function plain(sdk: Sdk, method: Method, scale: Scale): Promise<Probe> {
  const { server, client, clientEnd, serverEnd } = pair(sdk);
  await server.connect(serverEnd);
  await client.connect(clientEnd);
  return loop(client, method, scale);
}

/** Both sides attached, and the tool is none that runs as a task. */
async function attached(sdk: Sdk, method: Method, scale: Scale): Promise<Probe> {
  const { TaskServer, TaskClient, memoryStore } = await load();
  const { server, client, clientEnd, serverEnd } = pair(sdk);
  await new TaskServer({ store: memoryStore(), tools: { plain: { task: "never" } } }).attach(server).connect(serverEnd);
  await new TaskClient().attach(client).connect(clientEnd);
  await client.listTools();
  return loop(client, method, scale);
}

function loop(client: ClientV1, method: Method, scale: Scale): Probe {
  // Short rounds, and many: what is looked for is smaller than the drift of a machine within a second, and a round that
  // a neighbour interrupts must be one of many.
  return repeated(
    async (times) => {
      if (method === "ping") for (let done = 0; done < times; done++) await client.ping();
      else for (let done = 0; done < times; done++) await client.callTool({ name: "plain", arguments: {} });
    },
    { ...scale, roundMs: 5 },
    () => client.close(),
  );
}

const more = (before: number, after: number): readonly number[] => [(after / before - 1) * 100];

const ours =
  (sdk: Sdk, method: Method): Open =>
  async (scale) =>
    paired(await plain(sdk, method, scale), await attached(sdk, method, scale), more);

/** The same against itself: what is left is the noise of this measurement. */
const control =
  (sdk: Sdk, method: Method): Open =>
  async (scale) =>
    paired(await plain(sdk, method, scale), await plain(sdk, method, scale), more);

const row = (sdk: Sdk, method: Method): Row => ({
  target: 15,
  lines: [
    {
      name: `SDK ${sdk} ${method}: cost of being attached on both sides`,
      unit: "%",
      goal: { most: 2 },
      compare: false,
    },
  ],
  ours: ours(sdk, method),
  peers: { "control (nothing attached)": control(sdk, method) },
  rounds: ({ quick }) => (quick ? 75 : 401),
});

export const rows: readonly Row[] = [
  row("v1", "ping"),
  row("v1", "tools/call"),
  row("v2", "ping"),
  row("v2", "tools/call"),
];
