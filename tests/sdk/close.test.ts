// The end of a server (X-STO-11): `close()` resolves within its time, whoever listens, whatever the store does.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { Client, InMemoryTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as InMemoryV1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  isTaskError,
  memoryStore,
  TaskClient,
  type TaskError,
  TaskServer,
  type TaskServerOptions,
  type TaskStore,
} from "mcp-longhaul";
import { until } from "./client-sdk.ts";

/** Longer than any wait here, so that it is seen. */
const NEVER = 60_000;

/** A store that answers until it is told to hang, or to fail. */
function moody(): { readonly store: TaskStore; mood: "well" | "hangs" | "fails" } {
  const memory = memoryStore();
  const moods = { store: {} as TaskStore, mood: "well" as "well" | "hangs" | "fails" };
  const ask = <T>(operation: () => T): T | Promise<T> => {
    if (moods.mood === "hangs") return new Promise<T>(() => {});
    if (moods.mood === "fails") return Promise.reject(new Error("out of reach"));
    return operation();
  };
  moods.store = {
    get: (...asked) => ask(() => memory.get(...asked)),
    put: (task) => ask(() => memory.put(task)),
    delete: (...asked) => ask(() => memory.delete(...asked)),
    list: (...asked) => ask(() => memory.list(...asked)),
    due: (...asked) => ask(() => memory.due(...asked)),
    watch: (listener) => memory.watch(listener),
    close: () => (moods.mood === "hangs" ? new Promise<void>(() => {}) : undefined),
  };
  return moods;
}

interface Running {
  readonly tasks: TaskServer;
  readonly errors: TaskError[];
  readonly reasons: TaskError[];
  begun: boolean;
}

type Connect = (t: TestContext, options: TaskServerOptions, host: TaskClient) => Promise<Running>;

function tool(
  running: Running,
): (context: { mcpReq?: { signal: AbortSignal }; signal?: AbortSignal }) => Promise<{ content: [] }> {
  return async (context) => {
    const signal = (context.mcpReq?.signal ?? context.signal) as AbortSignal;
    running.begun = true;
    signal.addEventListener("abort", () => running.reasons.push(signal.reason as TaskError));
    await new Promise(() => {});
    return { content: [] };
  };
}

function make(options: TaskServerOptions, build: (running: Running) => McpServer): Running {
  const errors: TaskError[] = [];
  const server = (): McpServer => build(running);
  const tasks: TaskServer = new TaskServer({
    lease: NEVER,
    server,
    onerror: (error) => errors.push(error),
    ...options,
  });
  const running: Running = { tasks, errors, reasons: [], begun: false };
  return running;
}

function modern(running: Running): McpServer {
  const server = new McpServer({ name: "s", version: "1" });
  server.registerTool("slow", {}, tool(running) as never);
  return server;
}

const overHttp: Connect = async (t, options, host) => {
  const running = make(options, modern);
  const handler = createMcpHandler(() => running.tasks.attach(modern(running)));
  const http = createServer(toNodeHandler({ fetch: running.tasks.fetch(handler as never) } as never) as never).listen(
    0,
    "127.0.0.1",
  );
  await new Promise((resolve) => http.once("listening", resolve));
  t.after(() => (http.closeAllConnections(), http.close()));
  const client = host.attach(new Client({ name: "c", version: "1" }, { versionNegotiation: { mode: "auto" } }));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`)),
  );
  t.after(() => client.close());
  void host
    .callTool(client, { name: "slow" })
    .then((task) => task.result())
    .catch(() => {});
  return running;
};

const inMemory: Connect = async (t, options, host) => {
  const running = make(options, modern);
  const [a, b] = InMemoryTransport.createLinkedPair();
  await running.tasks.attach(modern(running)).connect(b);
  const client = host.attach(new Client({ name: "c", version: "1" }, { versionNegotiation: { mode: "auto" } }));
  await client.connect(a);
  t.after(() => client.close());
  void host
    .callTool(client, { name: "slow" })
    .then((task) => task.result())
    .catch(() => {});
  return running;
};

const legacy: Connect = async (t, options, host) => {
  const build = (running: Running): McpServer => {
    const server = new McpServerV1({ name: "s", version: "1" });
    server.registerTool("slow", {}, tool(running) as never);
    return server as never;
  };
  const running = make(options, build);
  const [a, b] = InMemoryV1.createLinkedPair();
  await running.tasks.attach(build(running)).connect(b as never);
  const client = host.attach(new ClientV1({ name: "c", version: "1" }));
  await client.connect(a as never);
  t.after(() => client.close());
  void host
    .callTool(client, { name: "slow" })
    .then((task) => task.result())
    .catch(() => {});
  return running;
};

const ways: Record<string, Connect> = {
  "2026-07-28 over HTTP": overHttp,
  "2026-07-28 on one stream": inMemory,
  "2025-11-25 on one stream": legacy,
};

describe("X-STO-11: close() resolves", { concurrency: true }, () => {
  for (const [way, connect] of Object.entries(ways)) {
    for (const onLost of ["fail", "restart"] as const) {
      for (const listen of [false, true]) {
        for (const mood of ["well", "hangs", "fails"] as const) {
          const store = `the store ${mood === "well" ? "is well" : mood}`;
          const how = `${way}, ${onLost}, ${listen ? "listening" : "polling"}, ${store}`;
          test(how, { timeout: NEVER }, async (t) => {
            const moods = moody();
            const host = new TaskClient({ listen });
            const running = await connect(
              t,
              { store: moods.store, tools: { slow: { task: "always", onLost, pollInterval: 20 } } },
              host,
            );
            await until(() => running.begun);
            // The first poll is over, and a listening client listens.
            await new Promise((resolve) => setTimeout(resolve, 400));
            moods.mood = mood;
            const begun = performance.now();
            const twice = await Promise.all([
              running.tasks.close({ timeout: 500 }),
              running.tasks.close({ timeout: 500 }),
            ]);
            assert.equal(twice.length, 2);
            // Far less than a lease or a time limit of the store.
            assert.ok(performance.now() - begun < 10_000);
            assert.equal(running.reasons[0]?.code, onLost === "fail" ? "lost" : "handed_over");
            const told = running.errors.some(
              ({ code, message }) => code === "storage" && message.includes("did not settle in time"),
            );
            assert.equal(told, mood === "hangs");
            if (mood !== "well") return;
            const [task] = await moods.store.due(Number.MAX_SAFE_INTEGER, 1);
            assert.ok(task !== undefined && task.version > 1, "it is handed over");
          });
        }
      }
    }
  }
});

for (const [code, ttl] of [
  ["cancelled", undefined],
  ["expired", 600],
] as const) {
  test(`a handler learns that its task is ${code} from the signals that it has`, async (t) => {
    const reasons: TaskError[] = [];
    let begun = false;
    const tasks = new TaskServer({ tools: { slow: { task: "always", ttl: ttl ?? NEVER, pollInterval: 20 } } });
    t.after(() => tasks.close());
    const server = new McpServer({ name: "s", version: "1" });
    server.registerTool("slow", {}, async (ctx) => {
      begun = true;
      for (const signal of [ctx.mcpReq.signal, tasks.current(ctx)!.signal])
        signal.addEventListener("abort", () => reasons.push(signal.reason as TaskError));
      await new Promise(() => {});
      return { content: [] };
    });
    const [a, b] = InMemoryTransport.createLinkedPair();
    await tasks.attach(server).connect(b);
    const host = new TaskClient();
    const client = host.attach(new Client({ name: "c", version: "1" }, { versionNegotiation: { mode: "auto" } }));
    await client.connect(a);
    t.after(() => client.close());
    const task = await host.callTool(client, { name: "slow" });
    task.result().catch(() => {});
    await until(() => begun);
    if (code === "cancelled") await task.cancel();
    await until(() => reasons.length === 2);
    for (const reason of reasons)
      assert.ok(isTaskError(reason) && reason.code === code && reason.taskId === task.taskId);
  });
}

for (const [how, close] of [
  [
    "throws",
    () => {
      throw new Error("stuck");
    },
  ],
  ["rejects", () => Promise.reject(new Error("stuck"))],
] as const) {
  test(`a store whose close() ${how} is told of as an error of this package's`, async () => {
    const tasks = new TaskServer({ store: { ...moody().store, close } });
    await assert.rejects(
      tasks.close(),
      (error: unknown) => isTaskError(error) && error.code === "storage" && (error.cause as Error).message === "stuck",
    );
  });
}
