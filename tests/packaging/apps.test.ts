// One tiny app (apps/job.js) with the packed tarball, against each SDK, in every runtime and through every bundler.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import type { Browser } from "puppeteer-core";
import { launchChromium } from "../engines/chromium.ts";
import { prove } from "../engines/matrix.ts";
import { bundlers, serveWithVite } from "./bundlers.ts";
import { COLUMNS, EXPECTED, HALVES, Project } from "./project.ts";
import { installTools, named, node, platformProgram } from "./tools.ts";
import { printedBy, serveFolder, type FileServer } from "./web.ts";
import { askWorker, bundleWorker } from "./workerd.ts";

const LINES = { v1: 1, v2: 2 } as const;
const SDK_MODULES = {
  v1: ["client/index.js", "inMemory.js", "server/mcp.js"].map((name) => `@modelcontextprotocol/sdk/${name}`),
  v2: ["@modelcontextprotocol/client", "@modelcontextprotocol/server"],
} as const;

installTools();
const BUNDLERS = [
  { title: "esbuild", bundle: bundlers.esbuild, page: '<!doctype html><script src="app.js"></script>' },
  { title: named("Vite", "vite"), bundle: bundlers.vite },
  {
    title: named("webpack", "webpack"),
    bundle: bundlers.webpack,
    page: '<!doctype html><script src="app.js"></script>',
  },
  {
    title: named("Rollup", "@rollup/wasm-node"),
    bundle: bundlers.rollup,
    page: '<!doctype html><script type="module" src="app.js"></script>',
  },
];

let browser: Browser;
before(async () => void (browser = await launchChromium()));
after(() => browser?.close());

for (const sdk of ["v1", "v2"] as const) {
  describe(`the packed package with SDK ${sdk}`, () => {
    let project: Project;
    let files: FileServer;
    const runs = async (row: string, work: () => Promise<string>) =>
      prove(row, COLUMNS[sdk], async () => assert.equal(await work(), EXPECTED[sdk]));

    before(async () => {
      project = await Project.make(sdk);
      files = await serveFolder(project.folder);
    });
    after(async () => {
      await files?.close();
      await project?.[Symbol.asyncDispose]();
    });

    for (const major of [20, 22, 24, 26] as const) {
      test(`runs in Node ${major} as an ES module and as CommonJS`, () =>
        runs(`Node ${major}`, async () => {
          assert.equal(await project.run(node(major), "app.js"), EXPECTED[sdk]);
          return project.run(node(major), await project.commonJs());
        }));
    }
    test("runs in Deno, without a permission", () =>
      runs(named("Deno", "deno"), () =>
        project.run(platformProgram("@deno", "deno"), "run", "--no-lock", "--cached-only", "app.js"),
      ));
    test("runs in Bun", () =>
      runs(named("Bun", "bun"), () => project.run(platformProgram("@oven", "bin", "bun"), "app.js")));

    test("runs in workerd, its wasm a module of its own", () =>
      runs("workerd", async () => {
        const out = await bundleWorker(project, "worker.js", ["workerd", "worker"]);
        for (const half of HALVES) assert.equal(await project.copies(half, out), 1, half);
        return askWorker(out, "worker.js");
      }));

    for (const { title, bundle, page } of BUNDLERS) {
      test(`runs in a page that ${title} made, with each half of the core once`, () =>
        runs(`page, ${title}`, async () => {
          const out = join(project.folder, "out", title);
          await bundle(project.folder, "app.js", out);
          for (const half of HALVES) assert.equal(await project.copies(half, out), 1, half);
          if (page !== undefined) await writeFile(join(out, "app.html"), page);
          const served = await serveFolder(out);
          try {
            return await printedBy(browser, `${served.url}app.html`, LINES[sdk]);
          } finally {
            await served.close();
          }
        }));
    }

    test("runs in a page of Vite's development server", () =>
      runs(`page, ${named("Vite", "vite")}, development`, async () => {
        const served = await serveWithVite(project.folder);
        try {
          return await printedBy(browser, served.url, LINES[sdk]);
        } finally {
          await served.close();
        }
      }));

    test("runs in a page without a bundler, from a file server", () =>
      runs("page, ES modules of a file server", async () => {
        // The SDK has no files for pages, so these are made.
        const names: readonly string[] = SDK_MODULES[sdk];
        const entryPoints = names.map((name, index) => ({ in: name, out: `sdk-${index}` }));
        await build({
          absWorkingDir: project.folder,
          entryPoints,
          outdir: join(project.folder, "vendor"),
          bundle: true,
          splitting: true,
          format: "esm",
        });
        const imports = {
          "mcp-longhaul": "/node_modules/mcp-longhaul/dist/browser/index.js",
          ...Object.fromEntries(names.map((name, index) => [name, `/vendor/sdk-${index}.js`])),
        };
        const page = `<!doctype html>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module" src="app.js"></script>`;
        await writeFile(join(project.folder, "plain.html"), page);
        return printedBy(browser, `${files.url}plain.html`, LINES[sdk]);
      }));

    test("runs in one file that esbuild made for Node", async () => {
      const out = join(project.folder, "out", "node");
      await build({
        absWorkingDir: project.folder,
        entryPoints: ["app.js"],
        outdir: out,
        bundle: true,
        platform: "node",
        format: "cjs",
        outExtension: { ".js": ".cjs" },
      });
      for (const half of HALVES) assert.equal(await project.copies(half, out), 1, half);
      assert.equal(await project.run(node(20), join(out, "app.cjs")), EXPECTED[sdk]);
    });
  });
}
