// What following costs: requests for a task, and many tasks at once.
import { setTimeout as pause } from "node:timers/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import type { TaskClient } from "mcp-longhaul";
import type { Open, Row } from "./harness.ts";
import { load } from "./ours.ts";

interface Followed {
  readonly client: Client;
  readonly host: TaskClient;
  /** Requests of the client's since the last look. */
  requests(): number;
  end(): void;
  close(): Promise<void>;
}

/** A server whose tasks work until they are ended, and a client of it, over HTTP without a network. */
async function followed(listen: boolean): Promise<Followed> {
  const { TaskClient, TaskServer } = await load();
  const open = new Set<() => void>();
  const tasks = new TaskServer({ task: "always", limits: { runningPerOwner: 10_000, rate: false } });
  const handler = tasks.fetch(
    createMcpHandler(() => {
      const server = new McpServer({ name: "bench", version: "1" });
      server.registerTool("work", {}, async () => {
        await new Promise<void>((resolve) => open.add(resolve));
        return { content: [{ type: "text", text: "done" }] };
      });
      return tasks.attach(server);
    }),
  );
  let requests = 0;
  const host = new TaskClient({ listen });
  const client = host.attach(
    new Client({ name: "bench", version: "1" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } }),
  );
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => {
    requests++;
    return handler(new Request(url, init));
  };
  await client.connect(new StreamableHTTPClientTransport(new URL("http://bench/mcp"), { fetch: fetch as never }));
  return {
    client,
    host,
    requests: () => {
      const seen = requests;
      requests = 0;
      return seen;
    },
    end: () => {
      for (const resolve of open) resolve();
      open.clear();
    },
    close: async () => {
      host.close();
      await client.close();
      await tasks.close();
    },
  };
}

/** Requests from a call until its result, for a task that works for so long. */
const requestsOf =
  (listen: boolean): Open =>
  async ({ quick }) => {
    const { client, requests, end, close } = await followed(listen);
    return {
      async measure() {
        requests();
        const call = client.callTool({ name: "work", arguments: {} });
        await pause(quick ? 1_500 : 10_000);
        end();
        await call;
        return [requests()];
      },
      close,
    };
  };

const crowd: Open = async ({ quick }) => {
  const count = quick ? 100 : 1_000;
  const { client, host, end, close } = await followed(true);
  return {
    async measure() {
      globalThis.gc?.();
      const before = process.memoryUsage().heapUsed;
      const handles = [];
      for (let made = 0; made < count; made++)
        handles.push(await host.callTool(client, { name: "work", arguments: {} } as never));
      // Until all are listened to.
      await pause(3_000);
      globalThis.gc?.();
      const bytes = (process.memoryUsage().heapUsed - before) / count;
      const cpu = process.cpuUsage();
      const span = quick ? 1_000 : 5_000;
      await pause(span);
      const { user, system } = process.cpuUsage(cpu);
      end();
      await Promise.all(handles.map(async (handle) => handle.result()));
      return [(user + system) / 1_000 / (span / 1_000), bytes / 1_024];
    },
    close,
  };
};

const once = { peers: {}, rounds: () => 1 };
export const rows: readonly Row[] = [
  {
    target: 20,
    lines: [{ name: "requests for a followed task of 10 s, pushed (2026-07-28)", unit: "requests", goal: { most: 3 } }],
    ours: requestsOf(true),
    ...once,
  },
  {
    target: 20,
    lines: [{ name: "the same, polled", unit: "requests", goal: undefined }],
    ours: requestsOf(false),
    ...once,
  },
  {
    target: 21,
    lines: [
      { name: "1,000 tasks followed at once, client and server: CPU a second", unit: "ms", goal: undefined },
      { name: "the same: memory for a task", unit: "KB", goal: undefined },
    ],
    ours: crowd,
    ...once,
  },
];
