// `node worker.ts FILE`: bundles a Worker as wrangler does, runs it in workerd with its Durable Object `Renderer`, and
// prints what it answers.
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { Miniflare } from "miniflare";

const BUILT_IN = builtinModules.filter((name) => /^[a-z]/.test(name) && !name.includes(":"));

/** Node's modules, which workerd has as ES modules alone; packages that `require` them get one around each. */
const node: Plugin = {
  name: "node",
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(?:node:)?(?:${BUILT_IN.join("|")})$`) }, ({ path, kind }) => {
      const name = path.startsWith("node:") ? path : `node:${path}`;
      return kind === "require-call" ? { path: name, namespace: "required" } : { path: name, external: true };
    });
    build.onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({
      contents: `import all from ${JSON.stringify(path)};\nmodule.exports = all;`,
    }));
  },
};

const [file = ""] = process.argv.slice(2);
const outdir = join(process.cwd(), "out");
await build({
  entryPoints: [file],
  outdir,
  bundle: true,
  format: "esm",
  conditions: ["workerd", "worker", "browser"],
  external: ["cloudflare:*"],
  plugins: [node],
  loader: { ".wasm": "copy" },
  assetNames: "[name]",
  logLevel: "error",
});
const wasm = ["client", "server"].map((half) => join(outdir, `${half}.wasm`)).filter(existsSync);
const worker = new Miniflare({
  modulesRoot: outdir,
  modules: [
    { type: "ESModule", path: join(outdir, basename(file).replace(/ts$/, "js")) },
    ...wasm.map((path) => ({ type: "CompiledWasm" as const, path })),
  ],
  compatibilityDate: "2026-04-01",
  compatibilityFlags: ["nodejs_compat"],
  durableObjects: { Renderer: { className: "Renderer", useSQLite: true } },
  bindings: { MCP_URL: process.env["MCP_URL"] ?? "" },
});
try {
  console.log(await (await worker.dispatchFetch("http://worker/")).text());
} finally {
  await worker.dispose();
}
