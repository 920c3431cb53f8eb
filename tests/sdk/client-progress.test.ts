import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { TaskClient, TaskServer } from "mcp-longhaul";

// G25-PRG-04: tokens differ among all requests of a session, those of running and of ended tasks included.
test("no progress token is used twice in a session", async () => {
  const server = new McpServer({ name: "server", version: "1" });
  let finish: (() => void)[] = [];
  server.registerTool("work", {}, async (extra) => {
    const progressToken = extra._meta?.progressToken;
    assert.ok(progressToken !== undefined);
    await extra.sendNotification({ method: "notifications/progress", params: { progressToken, progress: 1 } });
    await new Promise<void>((resolve) => finish.push(resolve));
    return { content: [] };
  });
  const client = new TaskClient().attach(new Client({ name: "client", version: "1" }));
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const tokens: unknown[] = [];
  const send = clientSide.send.bind(clientSide);
  clientSide.send = (message, options) => {
    const meta = "params" in message ? message.params?._meta : undefined;
    if (meta?.progressToken !== undefined) tokens.push(meta.progressToken);
    return send(message, options);
  };
  await new TaskServer({ tools: { work: { task: "always" } } }).attach(server).connect(serverSide);
  await client.connect(clientSide);

  for (let round = 0; round < 3; round++) {
    // In each round one task starts while another still runs.
    const heard = [0, 0];
    const calls = heard.map((_, index) =>
      client.callTool({ name: "work", arguments: {} }, undefined, { onprogress: () => heard[index]!++ }),
    );
    while (finish.length < 2) await new Promise((resolve) => setImmediate(resolve));
    for (const resolve of finish) resolve();
    finish = [];
    await Promise.all(calls);
    assert.deepEqual(heard, [1, 1]);
  }
  assert.equal(tokens.length, 6);
  assert.equal(new Set(tokens.map(String)).size, 6);
  await client.close();
});
