// What bundles hold and what they leave out, and what is said where the wasm cannot be had.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import type { Browser } from "puppeteer-core";
import { launchChromium } from "../engines/chromium.ts";
import { bundlers } from "./bundlers.ts";
import { EXPECTED, HALVES, Project } from "./project.ts";
import { node } from "./tools.ts";
import { printedBy, serveFolder } from "./web.ts";
import { askWorker, bundleWorker } from "./workerd.ts";

let project: Project;
let browser: Browser;
before(async () => void ([project, browser] = await Promise.all([Project.make("v2"), launchChromium()])));
after(async () => {
  await browser?.close();
  await project?.[Symbol.asyncDispose]();
});

describe("one half of the core alone is in a bundle that uses no other", () => {
  for (const [name, bundle] of Object.entries(bundlers)) {
    test(name, async () => {
      for (const half of HALVES) {
        const out = join(project.folder, "out", `${name} ${half}`);
        await bundle(project.folder, `only-${half}.js`, out);
        for (const other of HALVES)
          assert.equal(await project.copies(other, out), other === half ? 1 : 0, `${other} in ${half}`);
      }
    });
  }

  test("esbuild, for workerd", async () => {
    for (const half of HALVES) {
      const out = await bundleWorker(project, `only-${half}.js`, ["workerd"]);
      for (const other of HALVES)
        assert.equal(await project.copies(other, out), other === half ? 1 : 0, `${other} in ${half}`);
    }
  });
});

/** What a bundle of `code` holds of the package, as text. */
async function bundled(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: project.folder },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    external: ["@opentelemetry/api"],
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

const SOURCES = join(import.meta.dirname, "..", "..", "pkg-template", "src", "stores");
const STORES = readdirSync(SOURCES);

/** What makes a store, as it stands in a bundle. */
function made(file: string): RegExp {
  const [, name] = /^export function (\w+Store)\(/m.exec(readFileSync(join(SOURCES, file), "utf8")) ?? [];
  assert.ok(name, `${file} exports a function that makes a store`);
  return new RegExp(`function ${name}\\(`);
}

describe("an entry pulls in nothing that is another's", () => {
  /** What each part of the package has and no other. */
  const MARKS: Record<string, RegExp> = {
    ...Object.fromEntries(STORES.map((file) => [`stores/${file.replace(/\.ts$/, "")}`, made(file)])),
    "store-kit": /storeCases = \[/,
    otel: /function otel\(/,
    "sdk-v1": /function sdkTaskStore\(/,
    "tasks-extension": /function extensionTaskStore\(/,
    client: /TaskClient = class|class TaskClient/,
    server: /TaskServer = class|class TaskServer/,
    core: /WebAssembly/,
  };
  for (const entry of Object.keys(MARKS).filter((name) =>
    /^stores\/|^store-kit$|^otel$|^sdk-v1$|^tasks-extension$/.test(name),
  )) {
    test(entry, async () => {
      const text = await bundled(`export * from "mcp-longhaul/${entry}";`);
      assert.deepEqual(
        Object.keys(MARKS).filter((name) => MARKS[name]!.test(text)),
        [entry],
      );
    });
  }

  test("while the main entry has both halves, one store and the core", async () => {
    const text = await bundled(`export * from "mcp-longhaul";`);
    assert.deepEqual(
      Object.keys(MARKS).filter((name) => MARKS[name]!.test(text)),
      ["stores/memory", "client", "server", "core"],
    );
  });

  test("and one that is imported for nothing leaves nothing", async () => {
    for (const entry of [
      "mcp-longhaul",
      ...Object.keys(MARKS)
        .filter((name) => !/^(client|server|core)$/.test(name))
        .map((name) => `mcp-longhaul/${name}`),
    ]) {
      assert.doesNotMatch(await bundled(`import "${entry}";`), /[^\s/]/, entry);
    }
  });
});

describe("a page without a bundler", () => {
  const dist = "/node_modules/mcp-longhaul/dist";
  /** What a page of `code` prints, and the files of the package that it asks for. */
  async function page(code: string): Promise<{ printed: string; files: string[] }> {
    await writeFile(join(project.folder, "page.html"), `<!doctype html><script type="module">${code}</script>`);
    const served = await serveFolder(project.folder);
    try {
      const printed = await printedBy(browser, `${served.url}page.html`, 1);
      return {
        printed,
        files: served.asked
          .filter((path) => path.startsWith(dist))
          .map((path) => path.slice(dist.length + 1))
          .sort(),
      };
    } finally {
      await served.close();
    }
  }

  for (const [half, name] of [
    ["client", "TaskClient"],
    ["server", "TaskServer"],
  ]) {
    test(`loads the ${half}'s half alone`, async () => {
      const transport = "{ start() {}, send() {}, close() {} }";
      const { printed, files } = await page(
        `import { ${name} } from "${dist}/browser/${half}.js";
      new ${name}().attach(${transport}); console.log("attached");`,
      );
      assert.equal(printed, "attached\n");
      assert.deepEqual(files, [`browser/${half}.js`, "browser/shared.js"]);
    });
  }

  test("takes a store as it is", async () => {
    const { printed, files } = await page(`
      import { indexedDbStore } from "${dist}/stores/indexeddb.js";
      const store = indexedDbStore("tasks");
      await store.put({ owner: "alice", id: "a", version: 1, createdAt: 1, dueAt: null, state: "w", payload: "{}" });
      console.log((await store.get("alice", "a")).payload);
    `);
    assert.equal(printed, "{}\n");
    assert.ok(!files.some((file) => /wasm|browser/.test(file)), files.join());
  });
});

describe("where the wasm cannot be had, the error says what to do", () => {
  test("a page whose Content-Security-Policy forbids it, and one that allows it", async () => {
    const out = join(project.folder, "out", "csp");
    await bundlers.esbuild(project.folder, "app.js", out);
    await writeFile(join(out, "app.html"), '<!doctype html><script src="app.js"></script>');
    for (const [policy, expected] of [
      ["script-src 'self'", /^wasm: .*Content-Security-Policy's script-src allow 'wasm-unsafe-eval'/],
      ["script-src 'self' 'wasm-unsafe-eval'", new RegExp(`^${EXPECTED.v2}$`)],
    ] as const) {
      const served = await serveFolder(out, { "content-security-policy": policy });
      try {
        assert.match(
          await printedBy(browser, `${served.url}app.html`, expected.source.startsWith("^wasm") ? 1 : 2),
          expected,
        );
      } finally {
        await served.close();
      }
    }
  });

  test("a Worker that was bundled without the condition for it", async () => {
    const out = await bundleWorker(project, "worker.js", ["worker"]);
    assert.match(
      await askWorker(out, "worker.js"),
      /^wasm: .*forbids compiling from bytes, let .* the condition "workerd" or "edge-light", or call provideWasm\(\)/,
    );
  });

  test("a bundle that leaves it to provideWasm, which was not called", async () => {
    const out = await bundleWorker(project, "worker.js", ["mcp-longhaul:manual"]);
    for (const half of HALVES) assert.equal(await project.copies(half, out), 0, half);
    assert.match(
      await askWorker(out, "worker.js"),
      /^wasm: .*call provideWasm\(\{ (client|server) \}\) with the compiled mcp-longhaul\/\1\.wasm/,
    );
    for (const app of ["app.js", await project.commonJs()])
      assert.match(await project.run(node(20), "--conditions=mcp-longhaul:manual", app), /^wasm: .*call provideWasm/);
  });
});

test("provideWasm takes the modules that a Worker imports itself", async () => {
  const out = await bundleWorker(project, "provided.js", ["mcp-longhaul:manual"]);
  for (const half of HALVES) assert.equal(await project.copies(half, out), 1, half);
  assert.equal(await askWorker(out, "provided.js"), EXPECTED.v2);
});

test("provideWasm says of the wrong module that it does not fit", async () => {
  const code = `
    import { readFileSync } from "node:fs";
    import { TaskClient, TaskServer, provideWasm } from "mcp-longhaul";
    import { run } from "./sdk.js";
    const wrong = readFileSync(new URL(import.meta.resolve("mcp-longhaul/client.wasm")));
         provideWasm({ server: new WebAssembly.Module(wrong) });
    await run().catch(({ code, message }) => console.log(code, message));
  `;
  await writeFile(join(project.folder, "wrong.js"), code);
  assert.match(await project.run(node(24), "wrong.js"), /^wasm .*does not start.*this very version/);
});
