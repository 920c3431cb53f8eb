// One tiny app (apps/job.js) with the packed tarball, against each SDK, in every runtime and through every bundler.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import type { Browser } from "playwright-core";
import { launchChromium } from "../engines/chromium.ts";
import { prove } from "../engines/matrix.ts";
import { COLUMNS, EXPECTED, HALVES, Project } from "./project.ts";
import { installTools, named, node, platformProgram } from "./tools.ts";
import { printedBy, serveFolder, type FileServer } from "./web.ts";

type Bundler = (root: string, entry: string, outDir: string) => Promise<void>;

installTools();
const bundlers = (await import(pathToFileURL(join(import.meta.dirname, "apps", "bundlers.js")).href)) as Record<"esbuild" | "vite" | "webpack" | "rollup", Bundler>;
const BUNDLERS = [
  { title: "esbuild", bundle: bundlers.esbuild, page: '<!doctype html><script src="app.js"></script>' },
  { title: named("Vite", "vite"), bundle: bundlers.vite },
  { title: named("webpack", "webpack"), bundle: bundlers.webpack, page: '<!doctype html><script src="app.js"></script>' },
  { title: named("Rollup", "@rollup/wasm-node"), bundle: bundlers.rollup, page: '<!doctype html><script type="module" src="app.js"></script>' },
];

let browser: Browser;
before(async () => void (browser = await launchChromium()));
after(() => browser?.close());

for (const sdk of ["v1", "v2"] as const) {
  describe(`the packed package with SDK ${sdk}`, () => {
    let project: Project;
    let files: FileServer;
    const runs = async (row: string, work: () => Promise<string>) => prove(row, COLUMNS[sdk], async () => assert.equal(await work(), EXPECTED[sdk]));

    before(async () => {
      project = await Project.make(sdk);
      files = await serveFolder(project.folder);
    });
    after(async () => {
      await files?.close();
      await project?.[Symbol.asyncDispose]();
    });

    for (const major of [20, 22, 24] as const) {
      test(`runs in Node ${major} as an ES module and as CommonJS`, () =>
        runs(`Node ${major}`, async () => {
          assert.equal(await project.run(node(major), "app.js"), EXPECTED[sdk]);
          return project.run(node(major), await project.commonJs());
        }));
    }
    test("runs in Deno, without a permission", () => runs(named("Deno", "deno"), () => project.run(platformProgram("@deno", "deno"), "run", "--no-lock", "--cached-only", "app.js")));
    test("runs in Bun", () => runs(named("Bun", "bun"), () => project.run(platformProgram("@oven", "bin", "bun"), "app.js")));

    test("runs in workerd, its wasm a module of its own", () =>
      runs("workerd", async () => {
        const out = join(project.folder, "out", "workerd");
        await build({
          absWorkingDir: project.folder,
          entryPoints: ["worker.js"],
          outdir: out,
          bundle: true,
          format: "esm",
          conditions: ["workerd", "worker"],
          external: ["node:*"],
          loader: { ".wasm": "copy" },
          assetNames: "[name]",
        });
        for (const half of HALVES) assert.equal(await project.copies(half, out), 1, half);
        const modules = HALVES.map((half) => ({ type: "CompiledWasm" as const, path: join(out, `${half}.wasm`) }));
        const worker = new Miniflare({ modulesRoot: out, modules: [{ type: "ESModule", path: join(out, "worker.js") }, ...modules], compatibilityDate: "2026-04-01" });
        try {
          return await (await worker.dispatchFetch("http://worker/")).text();
        } finally {
          await worker.dispose();
        }
      }));

    for (const { title, bundle, page } of BUNDLERS) {
      test(`runs in a page that ${title} made, with each half of the core once`, () =>
        runs(title, async () => {
          const out = join(project.folder, "out", title);
          await bundle(project.folder, "app.js", out);
          for (const half of HALVES) assert.equal(await project.copies(half, out), 1, half);
          if (page !== undefined) await writeFile(join(out, "app.html"), page);
          const served = await serveFolder(out);
          try {
            return await printedBy(browser, `${served.url}app.html`, EXPECTED[sdk].split("\n").length - 1);
          } finally {
            await served.close();
          }
        }));
    }

    for (const { title, bundle } of BUNDLERS) {
      test(`brings one half alone to a bundle of ${title} that uses no other`, { skip: sdk !== "v2" && "the SDK is not in it" }, async () => {
        for (const half of HALVES) {
          const out = join(project.folder, "out", `${title} ${half}`);
          await bundle(project.folder, `only-${half}.js`, out);
          for (const other of HALVES) assert.equal(await project.copies(other, out), other === half ? 1 : 0, `${other} in ${half}`);
        }
      });
    }

    test("runs in one file that esbuild made for Node", async () => {
      const out = join(project.folder, "out", "node");
      await build({ absWorkingDir: project.folder, entryPoints: ["app.js"], outdir: out, bundle: true, platform: "node", format: "cjs", outExtension: { ".js": ".cjs" } });
      for (const half of HALVES) assert.equal(await project.copies(half, out), 1, half);
      assert.equal(await project.run(node(20), join(out, "app.cjs")), EXPECTED[sdk]);
    });
  });
}
