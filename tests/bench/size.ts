import { bundle, SDK } from "./bundle.ts";
import type { Open, Row } from "./harness.ts";

const V2_CLIENT = `export { Client } from "@modelcontextprotocol/client";`;
const EXT_TASKS = `export * from "@modelcontextprotocol/ext-tasks/client";`;
const OURS = `export { TaskClient } from "mcp-longhaul";`;

const KB = 1024;

const fixed =
  (figures: () => Promise<readonly number[]>): Open =>
  async () => ({ measure: figures });

/** The SDK stays outside: it is the host's own. */
const installed = (entry: string, external: readonly string[] = SDK): Open =>
  fixed(async () => {
    const { gzip, brotli } = await bundle(entry, external);
    return [gzip / KB, brotli / KB];
  });

/** What is added to a bundle that has the SDK v2 client. */
const onTop = (entry: string): Open =>
  fixed(async () => {
    const [both, client] = await Promise.all([bundle(entry + V2_CLIENT, []), bundle(V2_CLIENT, [])]);
    return [(both.gzip - client.gzip) / KB, (both.brotli - client.brotli) / KB];
  });

export const rows: readonly Row[] = [
  {
    target: 13,
    lines: [
      { name: "client as installed, gzip", unit: "KB", goal: { most: 40 } },
      { name: "client as installed, brotli", unit: "KB", goal: undefined },
    ],
    ours: installed(OURS),
    peers: { "ext-tasks": installed(EXT_TASKS), "ext-tasks without its zod": installed(EXT_TASKS, [...SDK, "zod"]) },
    rounds: () => 1,
  },
  {
    target: 13,
    lines: [
      { name: "client on top of the SDK v2 client, gzip", unit: "KB", goal: { times: 1 } },
      { name: "client on top of the SDK v2 client, brotli", unit: "KB", goal: undefined },
    ],
    ours: onTop(OURS),
    peers: { "ext-tasks": onTop(EXT_TASKS) },
    rounds: () => 1,
  },
  {
    target: 13,
    lines: [
      { name: "server as installed, gzip", unit: "KB", goal: { most: 45 } },
      { name: "server as installed, brotli", unit: "KB", goal: undefined },
    ],
    ours: installed(`export { TaskServer } from "mcp-longhaul";`),
    peers: { "ext-tasks receiver": installed(`export * from "@modelcontextprotocol/ext-tasks/receiver";`) },
    rounds: () => 1,
  },
];
