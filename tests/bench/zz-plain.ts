import { Client as C1 } from "@modelcontextprotocol/sdk/client/index.js";
import { Client as C2, InMemoryTransport as P2 } from "@modelcontextprotocol/client";
import { InMemoryTransport as P1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as S1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { TaskClient } from "mcp-longhaul";
async function make(C: any, attached: boolean) {
  const server = new S1({ name: "b", version: "1" });
  (server as any).registerTool("plain", {}, async () => ({ content: [{ type: "text", text: "x" }] }));
  const [a, b] = P1.createLinkedPair();
  await server.connect(b);
  const client = new C({ name: "b", version: "1" });
  if (attached) new TaskClient().attach(client);
  await client.connect(a);
  await client.listTools();
  return client;
}
for (const [name, C] of [
  ["v1", C1],
  ["v2", C2],
] as const) {
  const bare = await make(C, false),
    ours = await make(C, true);
  const run = async (c: any, n: number) => {
    const t = performance.now();
    for (let i = 0; i < n; i++) await c.callTool({ name: "plain", arguments: {} });
    return ((performance.now() - t) * 1000) / n;
  };
  await run(bare, 3000);
  await run(ours, 3000);
  const d: number[] = [],
    b: number[] = [];
  for (let i = 0; i < 700; i++) {
    const x = await run(bare, 30),
      y = await run(ours, 30);
    d.push(y - x);
    b.push(x);
  }
  d.sort((x, y) => x - y);
  b.sort((x, y) => x - y);
  console.log(
    name,
    "bare",
    b[350]!.toFixed(2),
    "ours +",
    d[350]!.toFixed(2),
    "µs; quartiles",
    d[175]!.toFixed(2),
    d[525]!.toFixed(2),
  );
}
process.exit(0);
