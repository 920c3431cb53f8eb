import { Client as ClientV2, InMemoryTransport as PairV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as PairV1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as ServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as ServerV2 } from "@modelcontextprotocol/server";
import { type Probe, type Row, type Scale, paired, repeated } from "./harness.ts";
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

/** Which sides are attached. */
interface Sides {
  readonly server: boolean;
  readonly client: boolean;
}

/** The tool is none that runs as a task. */
async function attached(sdk: Sdk, method: Method, sides: Sides, scale: Scale): Promise<Probe> {
  const { TaskServer, TaskClient, memoryStore } = await load();
  const { server, client, clientEnd, serverEnd } = pair(sdk);
  if (sides.server) new TaskServer({ store: memoryStore(), tools: { plain: { task: "never" } } }).attach(server);
  if (sides.client) new TaskClient().attach(client);
  await server.connect(serverEnd);
  await client.connect(clientEnd);
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

/** By how much one is more than the other: a share of it, in %, or a time, in µs. */
const UNITS = {
  "%": (before: number, after: number): readonly number[] => [(after / before - 1) * 100],
  µs: (before: number, after: number): readonly number[] => [after - before],
};

function row(sdk: Sdk, method: Method, unit: keyof typeof UNITS, most: number, where: string, sides: Sides): Row {
  const more = UNITS[unit];
  return {
    target: 15,
    lines: [{ name: `SDK ${sdk} ${method}: cost of being attached ${where}`, unit, goal: { most }, compare: false }],
    ours: async (scale) => paired(await plain(sdk, method, scale), await attached(sdk, method, sides, scale), more),
    // The same against itself: what is left is the noise of this measurement.
    peers: {
      "control (nothing attached)": async (scale) =>
        paired(await plain(sdk, method, scale), await plain(sdk, method, scale), more),
    },
    rounds: ({ quick }) => (quick ? 75 : 401),
  };
}

const SERVER: Sides = { server: true, client: false };
const CLIENT: Sides = { server: false, client: true };
const BOTH: Sides = { server: true, client: true };

export const rows: readonly Row[] = (["v1", "v2"] as const).flatMap((sdk) => [
  row(sdk, "ping", "%", 2, "on both sides", BOTH),
  row(sdk, "tools/call", "µs", 0.5, "to the server", SERVER),
  row(sdk, "tools/call", "µs", 1, "to the client", CLIENT),
]);
