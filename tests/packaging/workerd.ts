// A Worker, bundled as wrangler bundles it, in workerd.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { HALVES, type Project } from "./project.ts";

/** The folder with the bundle of `entry` and the wasm that it imports, which stays beside it. */
export async function bundleWorker(project: Project, entry: string, conditions: string[]): Promise<string> {
  const outdir = join(project.folder, "out", [entry, ...conditions].join(" ").replaceAll(":", "-"));
  await build({
    absWorkingDir: project.folder,
    entryPoints: [entry],
    outdir,
    bundle: true,
    format: "esm",
    conditions,
    external: ["node:*"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
  });
  return outdir;
}

/** What the Worker answers. */
export async function askWorker(folder: string, entry: string): Promise<string> {
  const wasm = HALVES.map((half) => join(folder, `${half}.wasm`)).filter(existsSync);
  const modules = [
    { type: "ESModule" as const, path: join(folder, entry) },
    ...wasm.map((path) => ({ type: "CompiledWasm" as const, path })),
  ];
  const worker = new Miniflare({ modulesRoot: folder, modules, compatibilityDate: "2026-04-01" });
  try {
    return await (await worker.dispatchFetch("http://worker/")).text();
  } finally {
    await worker.dispose();
  }
}
