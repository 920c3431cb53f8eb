// Bundles a Worker as wrangler does.
import { build, type Plugin } from "esbuild";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type WorkerModule = {
  readonly type: "ESModule" | "CompiledWasm";
  readonly path: string;
  readonly contents: string | Uint8Array;
};

/** The modules of a Worker, for Miniflare: the bundle first, the wasm beside it, where workerd wants it. */
export async function bundleWorker(entry: string): Promise<WorkerModule[]> {
  const wasm = new Map<string, string>();
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    plugins: [besideBundle(wasm)],
    logLevel: "silent",
  });
  return [
    { type: "ESModule", path: "worker.mjs", contents: outputFiles[0]!.text },
    ...[...wasm].map(([path, file]) => ({ type: "CompiledWasm" as const, path, contents: readFileSync(file) })),
  ];
}

const besideBundle = (found: Map<string, string>): Plugin => ({
  name: "wasm beside the bundle",
  setup({ onResolve }) {
    onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
      const name = path.slice(path.lastIndexOf("/") + 1);
      found.set(name, join(resolveDir, path));
      return { path: `./${name}`, external: true };
    });
  },
});
