import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Open, Row } from "./harness.ts";

const SDK = ["@modelcontextprotocol/client", "@modelcontextprotocol/server", "@modelcontextprotocol/core", "@modelcontextprotocol/sdk"];
const V2_CLIENT = `export { Client } from "@modelcontextprotocol/client";`;
const EXT_TASKS = `export * from "@modelcontextprotocol/ext-tasks/client";`;
const OURS = `export { TaskClient } from "mcp-tasks";`;

/** What a browser downloads for some exports: bundled and minified, in KB of 1024 bytes, compressed. */
async function bundle(contents: string, external: readonly string[]): Promise<{ gzip: number; brotli: number }> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "js" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external: external.flatMap((name) => [name, `${name}/*`]),
    loader: { ".wasm": "file" },
    outdir: "out",
    write: false,
    logLevel: "silent",
  });
  const sum = (compress: (bytes: Uint8Array) => Uint8Array) => outputFiles.reduce((total, { contents }) => total + compress(contents).length, 0) / 1024;
  return { gzip: sum((bytes) => gzipSync(bytes, { level: 9 })), brotli: sum((bytes) => brotliCompressSync(bytes)) };
}

const fixed =
  (figures: () => Promise<readonly number[]>): Open =>
  async () => ({ measure: figures });

/** The SDK stays outside: it is the host's own. */
const installed = (entry: string, external: readonly string[] = SDK): Open =>
  fixed(async () => {
    const { gzip, brotli } = await bundle(entry, external);
    return [gzip, brotli];
  });

/** What is added to a bundle that has the SDK v2 client. */
const onTop = (entry: string): Open =>
  fixed(async () => {
    const [both, client] = await Promise.all([bundle(entry + V2_CLIENT, []), bundle(V2_CLIENT, [])]);
    return [both.gzip - client.gzip, both.brotli - client.brotli];
  });

export const rows: readonly Row[] = [
  {
    target: 13,
    lines: [
      { name: "client as installed, gzip", unit: "KB", goal: { most: 75 } },
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
      { name: "server as installed, gzip", unit: "KB", goal: undefined },
      { name: "server as installed, brotli", unit: "KB", goal: undefined },
    ],
    ours: installed(`export { TaskServer } from "mcp-tasks";`),
    peers: { "ext-tasks receiver": installed(`export * from "@modelcontextprotocol/ext-tasks/receiver";`) },
    rounds: () => 1,
  },
];
