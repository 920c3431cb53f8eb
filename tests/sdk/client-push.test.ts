// Both halves together on revision 2026-07-28: what a server pushes reaches the caller without another poll.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { TaskClient, TaskServer } from "mcp-longhaul";
import { later, makeClient, until } from "./client-sdk.ts";
import { tools } from "./client-tools.ts";
import type { Message } from "./client-types.ts";
import { entryV2 } from "./harness/http.ts";
import { attached } from "./harness/servers.ts";

type Recorded = Message & { readonly signal?: AbortSignal };

interface Way {
  readonly name: string;
  open(frames: Recorded[]): Promise<{ transport: any; end(): Promise<void> }>;
}

/** Records what is sent, below the tap. */
function recorded<Transport extends { send(message: any, options?: any): Promise<void> }>(
  transport: Transport,
  frames: Recorded[],
): Transport {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    frames.push({ ...message, signal: options?.requestSignal });
    return send(message, options);
  };
  return transport;
}

const WAYS: readonly Way[] = [
  {
    name: "Streamable HTTP, createMcpHandler in TaskServer.fetch",
    async open(frames) {
      const tasks = new TaskServer({ defaults: { task: "always", pollInterval: 20 } });
      const http = await entryV2(() => attached("v2", tasks, tools), {
        wrap: (handler) => ({ fetch: tasks.fetch(handler as never) }),
      });
      const transport = new HttpV2(new URL(http.url));
      return { transport: recorded(transport, frames), end: async () => (await http.close(), await tasks.close()) };
    },
  },
  {
    name: "stdio",
    async open(frames) {
      const transport = new StdioV2({
        command: process.execPath,
        args: [fileURLToPath(new URL("client-stdio-server.ts", import.meta.url))],
      });
      return { transport: recorded(transport, frames), end: async () => {} };
    },
  },
];

for (const way of WAYS) {
  test(`a result is pushed: ${way.name} (G26-SUB-01, G26-SUB-06, G26-NTF-01)`, async () => {
    const frames: Recorded[] = [];
    const sent = (method: string) => frames.filter((frame) => frame.method === method);
    const listened = () => {
      const at = frames.findIndex(({ method }) => method === "subscriptions/listen");
      return at >= 0 && frames.slice(at).some(({ method }) => method === "tasks/get");
    };
    const errors: Error[] = [];
    const host = new TaskClient({ poll: { min: 5 }, onerror: (error) => errors.push(error) });
    // A task whose pushes are awaited is not polled: otherwise each 20 ms have a poll.
    const quiet = async () => {
      await until(listened, "the task is listened to");
      for (let ticks = 0, before = 0; ticks < 15; ticks++, await later(20)) {
        if (sent("tasks/get").length > before) ticks = 0;
        before = sent("tasks/get").length;
      }
    };
    const answer = async () => (await quiet(), { action: "accept", content: { name: "Ada" } });
    const client = host.attach(makeClient("SDK v2, 2026", { "elicitation/create": answer }));
    client.onerror = (error) => errors.push(error);
    const { transport, end } = await way.open(frames);
    try {
      await client.connect(transport);
      assert.deepEqual((await client.callTool({ name: "ask", arguments: {} })).content, [
        { type: "text", text: "hello Ada" },
      ]);
      const [listen, ...others] = sent("subscriptions/listen");
      assert.deepEqual(others, []);
      const update = frames.findIndex(({ method }) => method === "tasks/update");
      assert.ok(update > 0);
      assert.deepEqual(
        frames.slice(update).filter(({ method }) => method === "tasks/get"),
        [],
        "no poll was needed",
      );
      // The stream is closed as its transport wants it.
      assert.equal(listen?.signal?.aborted, true);
      assert.deepEqual(
        sent("notifications/cancelled").map(({ params }) => params.requestId),
        way.name === "stdio" ? [listen?.id] : [],
      );

      // A second task has a stream of its own.
      const handle = await host.callTool(client, { name: "endless", arguments: {} });
      await until(() => sent("subscriptions/listen").length === 2, "it is listened to");
      assert.deepEqual(sent("subscriptions/listen")[1]?.params.notifications, { taskIds: [handle.taskId] });
      await quiet();
      const before = sent("tasks/get").length;
      assert.equal(await handle.cancel({ awaitTerminal: true }), "cancelled");
      assert.ok(sent("tasks/get").length <= before + 1, "one read after the cancellation, and no polls");
      await assert.rejects(handle.result());
      assert.deepEqual(errors, []);
    } finally {
      await client.close();
      await end();
    }
  });
}
