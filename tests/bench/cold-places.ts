/** What it costs to load the core where nothing is warm: compile, instantiate and the first call into it. */

import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { launch } from "../engines/browser.ts";
import { node } from "../packaging/tools.ts";
import type { Open } from "./harness.ts";

export type Half = "server" | "client";
const dist = join(import.meta.dirname, "..", "..", "pkg", "dist");

/** In a new process of Node 20, in ms. */
export const inNode20 =
  (half: Half): Open =>
  async () => {
    const program = node(20);
    const script = `
      import { ${half}Core as core } from ${JSON.stringify(join(dist, half, "core.js"))};
      const from = performance.now();
      core.load();
      console.log(performance.now() - from);`;
    const { NODE_COMPILE_CACHE: _, ...env } = process.env;
    return {
      async measure() {
        const { stdout } = await promisify(execFile)(program, ["--input-type=module", "-e", script], { env });
        return [Number(stdout)];
      },
    };
  };

/** In a new Chromium: pages of one process share what they have compiled. */
export const inChromium =
  (half: Half): Open =>
  async () => {
    const page = `<!doctype html><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "#wasm/${half}": "/wasm/${half}/inline.js" } }</script>`;
    const files = createServer(({ url = "" }, response) => {
      if (url === "/") return void response.writeHead(200, { "content-type": "text/html" }).end(page);
      createReadStream(join(dist, normalize(url)))
        .on("error", () => response.writeHead(404).end())
        .pipe(response.writeHead(200, { "content-type": "text/javascript" }));
    });
    await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
    return {
      async measure() {
        const browser = await launch("Chromium");
        try {
          const opened = await browser.open(`http://127.0.0.1:${(files.address() as AddressInfo).port}/`);
          const took = await opened.evaluate(async (half: string) => {
            const { [`${half}Core`]: core } = (await import(`/${half}/core.js`)) as Record<string, { load(): unknown }>;
            // A browser that has just been started is busy with itself.
            await new Promise((resolve) => setTimeout(resolve, 500));
            const from = performance.now();
            core!.load();
            return performance.now() - from;
          }, half);
          return [took];
        } finally {
          await browser.close();
        }
      },
      close: () => void files.close(),
    };
  };

const EMPTY = `export default { fetch: () => new Response("hello") };`;
/** A server whose first connection is open, without the SDK, whose start is the host's own. */
const OURS = `
  import { TaskServer } from "mcp-longhaul";
  const transport = { start: async () => {}, send: async () => {}, close: async () => {} };
  export default {
    fetch() {
      new TaskServer().attach(transport);
      return new Response("hello");
    },
  };`;

/** From the start of workerd to a Worker's first answer, less the same of an empty Worker, in ms. */
export const inWorkerd: Open = async () => {
  const folder = await mkdtemp(join(tmpdir(), "mcp-longhaul-cold-"));
  await build({
    stdin: { contents: OURS, resolveDir: import.meta.dirname },
    outfile: join(folder, "ours.js"),
    bundle: true,
    format: "esm",
    conditions: ["workerd"],
    external: ["node:*"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    logLevel: "silent",
  });
  await writeFile(join(folder, "empty.js"), EMPTY);
  const start = async (name: string, wasm: string[]): Promise<number> => {
    const from = performance.now();
    const modules = [
      { type: "ESModule" as const, path: join(folder, `${name}.js`) },
      ...wasm.map((path) => ({ type: "CompiledWasm" as const, path: join(folder, path) })),
    ];
    const worker = new Miniflare({ modulesRoot: folder, modules, compatibilityDate: "2026-04-01" });
    try {
      await (await worker.dispatchFetch("http://worker/")).text();
      return performance.now() - from;
    } finally {
      await worker.dispose();
    }
  };
  return {
    async measure() {
      // A start varies by more than what it is asked for here, and never gets faster than it is.
      const [empty, ours]: number[][] = [[], []];
      for (let time = 0; time < 3; time++) {
        empty!.push(await start("empty", []));
        ours!.push(await start("ours", ["server.wasm"]));
      }
      return [Math.min(...ours!) - Math.min(...empty!)];
    },
    close: () => rm(folder, { recursive: true }),
  };
};
