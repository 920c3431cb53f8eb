// What was built, read: what no entry may import, what the wasm may ask for, and that importing does nothing.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const pkg = join(import.meta.dirname, "..", "..", "pkg");
const dist = join(pkg, "dist");
const files = (await readdir(dist, { recursive: true })).map((name) => name.replaceAll("\\", "/")).sort();
const code = files.filter((name) => /\.c?js$/.test(name));
const { exports: entries } = JSON.parse(await readFile(join(pkg, "package.json"), "utf8")) as {
  exports: Record<string, unknown>;
};
/** What users import, as they write it. */
const names = Object.keys(entries)
  .filter((path) => !/\.(wasm|json)$/.test(path))
  .flatMap((path) =>
    path === "./stores/*"
      ? files.filter((name) => /^stores\/[\w-]+\.js$/.test(name)).map((name) => `./${name.replace(/\.js$/, "")}`)
      : [path],
  )
  .map((path) => path.replace(/^\./, "mcp-longhaul"));

test("every entry is known here", () => {
  const stores = readdirSync(join(pkg, "..", "pkg-template", "src", "stores"))
    .sort()
    .map((name) => `mcp-longhaul/stores/${name.replace(/\.ts$/, "")}`);
  assert.ok(stores.length >= 6);
  assert.deepEqual(names, [
    "mcp-longhaul",
    ...stores,
    "mcp-longhaul/store-kit",
    "mcp-longhaul/sdk-v1",
    "mcp-longhaul/tasks-extension",
    "mcp-longhaul/client-tasks",
    "mcp-longhaul/webhooks",
    "mcp-longhaul/client-kit",
    "mcp-longhaul/admin",
    "mcp-longhaul/journal",
    "mcp-longhaul/attach-class",
    "mcp-longhaul/register",
    "mcp-longhaul/otel",
    "mcp-longhaul/browser",
    "mcp-longhaul/browser/client",
    "mcp-longhaul/browser/server",
  ]);
});

describe("what an entry reaches", () => {
  for (const [platform, conditions] of Object.entries({
    "a browser": ["browser"],
    workerd: ["workerd", "worker"],
    "an edge runtime": ["edge-light"],
    "whoever provides the wasm": ["mcp-longhaul:manual"],
  })) {
    test(`in ${platform} is nothing of Node, and nothing of others but what an entry is for`, async () => {
      for (const name of names) {
        const { metafile } = await build({
          stdin: { contents: `export * from "${name}";`, resolveDir: pkg },
          bundle: true,
          write: false,
          metafile: true,
          format: "esm",
          platform: "neutral",
          conditions,
          plugins: [
            {
              name: "leave what is another's",
              setup: ({ onResolve }) =>
                onResolve({ filter: /^[^.#]|\.wasm/ }, ({ path }) =>
                  /^mcp-longhaul/.test(path) || path === "<stdin>" ? undefined : { path, external: true },
                ),
            },
          ],
        });
        const foreign = Object.values(metafile.inputs).flatMap(({ imports }) =>
          imports.filter(({ external }) => external).map(({ path }) => basename(path)),
        );
        const allowed = name === "mcp-longhaul/otel" ? /^api$/ : /^(client|server)\.wasm(\?module)?$/;
        assert.deepEqual(
          foreign.filter((path) => !allowed.test(path)),
          [],
          name,
        );
        if (platform === "a browser" || platform.startsWith("whoever"))
          assert.deepEqual(
            foreign.filter((path) => path.includes(".wasm")),
            [],
            name,
          );
      }
    });
  }

  test("is never code made from text", async () => {
    const made: string[] = [];
    // A method that is called so is a client's of Redis.
    for (const name of code)
      if (/(?<!\.)\beval\s*\(|\bFunction\s*\(/.test(await readFile(join(dist, name), "utf8"))) made.push(name);
    assert.deepEqual(made, []);
  });
});

test("the wasm asks for nothing but its glue", async () => {
  for (const half of ["client", "server"]) {
    const module = new WebAssembly.Module(await readFile(join(dist, "wasm", "generated", `${half}.wasm`)));
    const glue = await readFile(join(dist, "wasm", "generated", `${half}.js`), "utf8");
    const imports = WebAssembly.Module.imports(module);
    assert.ok(imports.length > 0);
    assert.deepEqual([...new Set(imports.map(({ module }) => module))], [`./${half}_bg.js`]);
    for (const { name } of imports) assert.ok(glue.includes(name), `${half}.js has no ${name}`);
  }
});

/** Loads the modules that it is given, with all that has effects, or differs from run to run, trapped. */
const TRAPPED = `
const trap = (object, name) => {
  const get = () => { throw new Error(name + " is used at import"); };
  Object.defineProperty(object, name, { get, configurable: true });
};
const given = process.argv.slice(1);
const { createRequire } = process.getBuiltinModule("node:module");
const require = createRequire(process.cwd() + "/");
const { exit } = process;
const timers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"];
    for (const name of ["WebAssembly", "crypto", "performance", "fetch", ...timers, "BroadcastChannel", "console"])
      trap(globalThis, name);
trap(Math, "random");
trap(Date, "now");
const before = Reflect.ownKeys(globalThis).length;
let loaded = 0;
for (const file of given) {
  if (file.endsWith(".cjs")) require(file);
  else await import(file);
  loaded++;
}
if (Reflect.ownKeys(globalThis).length !== before) throw new Error("a global is new");
process.stdout.write(String(loaded));
`;

test("nothing happens when a module is imported", async () => {
  // Node cannot load the modules that name a .wasm, nor the one that needs a package of the user's; they hold nothing
  // more. `register` is imported for what it does, and the terminal view is a program.
  const modules = code
    .filter((name) => !/wasm\/\w+\/(module|edge)\.js$|^(otel|register(-commonjs)?|cli\/main)\./.test(name))
    .map((name) => join(dist, name));
  assert.ok(modules.length > 40);
  const urls = modules.map((file) => (file.endsWith(".cjs") ? file : pathToFileURL(file).href));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "--eval",
    TRAPPED,
    ...urls,
  ]);
  assert.equal(stderr, "");
  assert.equal(stdout, String(modules.length));
});

test("nothing awaits when a module is imported, so that `require` takes ES modules too", async () => {
  const script = `for (const file of process.argv.slice(1)) require(file); console.log("done")`;
  const modules = [
    "index.js",
    "otel.js",
    "store-kit.js",
    "browser/index.js",
    ...files.filter((name) => /^stores\/[\w-]+\.js$/.test(name)),
  ].map((name) => join(dist, name));
  const { stdout } = await promisify(execFile)(process.execPath, ["--eval", script, ...modules]);
  assert.equal(stdout, "done\n");
});

test("a store's refusal is understood when it comes from another copy of the package", async () => {
  const script = `
    const { TaskClient, TaskServer } = await import(process.argv[1]);
    const { memoryStore } = process.getBuiltinModule("node:module").createRequire(process.argv[1])("./index.cjs");
    const { Client } = await import("@modelcontextprotocol/client");
    const { InMemoryTransport, McpServer } = await import("@modelcontextprotocol/server");
    const server = new McpServer({ name: "s", version: "1" });
    server.registerTool("greet", {}, () => ({ content: [] }));
    const [near, far] = InMemoryTransport.createLinkedPair();
    await new TaskServer({ task: "always", store: memoryStore({ maxTasks: 1 }) }).attach(server).connect(far);
    const client = new TaskClient().attach(new Client({ name: "c", version: "1" }));
    await client.connect(near);
    await client.callTool({ name: "greet" });
    await client.callTool({ name: "greet" }).catch(({ data, message }) => console.log(data?.reason ?? message));
    process.exit();
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", script, pathToFileURL(join(dist, "index.js")).href],
    { cwd: import.meta.dirname },
  );
  assert.equal(stdout, "task_limit\n");
});
