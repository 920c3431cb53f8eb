// Both halves together: every client of both SDKs, over every transport, against TaskServer on both SDKs. The same
// tools, the same calls, the same outcomes (X-GEN-06).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { isTaskError, TaskClient, TaskServer } from "mcp-longhaul";
import { type AnyClient, callOptions, type Kind, later, makeClient, until } from "./client-sdk.ts";
import { entryV2, statefulV1 } from "./harness/http.ts";
import { attached, type Kind as ServerKind } from "./harness/servers.ts";
import { stopped, tools } from "./client-tools.ts";

interface Way {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** A transport for the client, and what ends the server. */
  open(kind: Kind): Promise<{ transport: unknown; end(): Promise<void> }>;
  /** Whether the tools run in this process. */
  readonly here: boolean;
}

const serve = () => new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });

function inMemory(server: ServerKind): Way {
  return {
    name: `in memory, server on ${server}`,
    kinds: ["SDK v1", "SDK v2, 2025"],
    here: true,
    async open() {
      const tasks = serve();
      const [ours, theirs] = InMemoryTransport.createLinkedPair();
      await attached(server, tasks, tools).connect(theirs as never);
      return { transport: ours, end: () => tasks.close() };
    },
  };
}

const WAYS: readonly Way[] = [
  inMemory("v1"),
  inMemory("v2"),
  {
    name: "Streamable HTTP, SDK v1 with sessions",
    kinds: ["SDK v1", "SDK v2, 2025"],
    here: true,
    async open(kind) {
      const tasks = serve();
      const http = await statefulV1(() => attached("v1", tasks, tools));
      const transport = kind === "SDK v1" ? new HttpV1(new URL(http.url)) : new HttpV2(new URL(http.url));
      return { transport, end: async () => (await http.close(), await tasks.close()) };
    },
  },
  {
    name: "Streamable HTTP, SDK v2's entry",
    kinds: ["SDK v2, 2026"],
    here: true,
    async open() {
      const tasks = serve();
      const http = await entryV2(() => attached("v2", tasks, tools));
      return { transport: new HttpV2(new URL(http.url)), end: async () => (await http.close(), await tasks.close()) };
    },
  },
  {
    name: "stdio",
    kinds: ["SDK v1", "SDK v2, 2025", "SDK v2, 2026"],
    here: false,
    async open(kind) {
      const server = {
        command: process.execPath,
        args: [fileURLToPath(new URL("client-stdio-server.ts", import.meta.url))],
      };
      return { transport: kind === "SDK v1" ? new StdioV1(server) : new StdioV2(server), end: async () => {} };
    },
  },
];

for (const way of WAYS) {
  for (const kind of way.kinds) {
    describe(`${kind}, ${way.name}`, () => {
      const asked: any[] = [];
      const run = async (work: (client: AnyClient, host: TaskClient) => Promise<void>) => {
        asked.length = 0;
        const errors: Error[] = [];
        const host = new TaskClient({ poll: { min: 5 }, onerror: (error) => errors.push(error) });
        const client = host.attach(
          makeClient(kind, {
            "elicitation/create": (params) => (
              asked.push(params.message), { action: "accept", content: { name: "Ada" } }
            ),
          }),
        );
        const { transport, end } = await way.open(kind);
        try {
          await client.connect(transport);
          await work(client, host);
          assert.deepEqual(errors, []);
        } finally {
          await client.close();
          await end();
        }
      };

      test("results, errors and questions reach a plain callTool (X-GEN-06, G25-INP-06, G26-INP-08)", () =>
        run(async (client) => {
          assert.deepEqual((await client.callTool({ name: "add", arguments: { a: 1, b: 2 } })).content, [
            { type: "text", text: "3" },
          ]);
          assert.deepEqual((await client.callTool({ name: "slow", arguments: {} })).content, [
            { type: "text", text: "slow" },
          ]);
          assert.equal((await client.callTool({ name: "wrong", arguments: {} })).isError, true);
          assert.deepEqual((await client.callTool({ name: "ask", arguments: {} })).content, [
            { type: "text", text: "hello Ada" },
          ]);
          assert.deepEqual(asked, ["who?"]);
          const many = await Promise.all(
            [1, 2, 3, 4, 5].map((a) => client.callTool({ name: "add", arguments: { a, b: a } })),
          );
          assert.deepEqual(
            many.map((result) => result.content[0].text),
            ["2", "4", "6", "8", "10"],
          );
        }));

      test("a handle shows how the task goes, and finds it again (X-GEN-07)", () =>
        run(async (client, host) => {
          const handle = await host.callTool(client, { name: "slow", arguments: {} });
          assert.match(handle.taskId ?? "", /^[\w-]+$/);
          const statuses: string[] = [];
          for await (const { status } of handle.updates()) statuses.push(status);
          assert.equal(statuses.at(-1), "completed");
          assert.deepEqual((await handle.result()).content, [{ type: "text", text: "slow" }]);
          assert.ok(handle.reference);
          const again = await host.resume(client, JSON.parse(JSON.stringify(handle.reference)));
          assert.deepEqual((await again.result()).content, [{ type: "text", text: "slow" }]);
          await assert.rejects(
            host.resume(client, { ...handle.reference, taskId: "AAAAAAAAAAAAAAAAAAAAAAAA" }),
            (error: any) => isTaskError(error) && error.code === "not_found",
          );
        }));

      test("cancelling reaches the handler (G25-CAN-01, G26-CAN-01)", () =>
        run(async (client, host) => {
          const handle = await host.callTool(client, { name: "endless", arguments: {} });
          const result = assert.rejects(
            handle.result(),
            (error: any) => isTaskError(error) && error.code === "cancelled",
          );
          // The handler has begun.
          await later(50);
          await handle.cancel();
          await result;
          if (way.here) await until(() => stopped.delete(handle.taskId ?? ""), "the handler's signal fires");
        }));

      test("a caller that gives up cancels its task", () =>
        run(async (client) => {
          const stop = new AbortController();
          const before = stopped.size;
          const call = assert.rejects(
            client.callTool({ name: "endless", arguments: {} }, ...callOptions(kind, { signal: stop.signal })),
          );
          await later(100);
          stop.abort("enough");
          await call;
          if (way.here) await until(() => stopped.size > before, "the handler's signal fires");
          stopped.clear();
        }));
    });
  }
}
