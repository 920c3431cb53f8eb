// Every command of package.json: `node scripts/run.mjs <command> […]`. Sets up what is missing, then runs the command
// with Node 24. This file and set-up run on Node 20.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setup } from "./setup.mjs";
import { Failure, modernNode, root, run, say, seconds } from "./tools.mjs";

const SHIPPED = "wasm32-unknown-unknown";
const program =
  (...parts) =>
  async (parameters) => {
    const { build } = await import("./build.mjs");
    await build();
    const file = join(root, ...parts);
    if (!existsSync(file)) throw new Failure(`${parts.join("/")} does not exist yet`);
    await run(process.execPath, [...process.execArgv, file, ...parameters]);
  };
const commands = {
  build: { targets: [SHIPPED], start: async () => (await import("./build.mjs")).build() },
  api: { targets: [SHIPPED], start: async () => (await import("./pack.mjs")).updateApi() },
  codes: {
    targets: [],
    start: () =>
      run("cargo", ["test", "--quiet", "--locked", "--test=core_tests", "codes"], { env: { CODES: "write" } }),
  },
  pack: { targets: [SHIPPED], start: async () => (await import("./pack.mjs")).pack() },
  test: { targets: [SHIPPED, "wasm32-wasip1"], start: async () => (await import("./test.mjs")).test() },
  simulate: {
    targets: ["wasm32-wasip1"],
    start: async (parameters) => (await import("./simulate.mjs")).simulate(parameters),
  },
  interop: { targets: [SHIPPED], start: program("tests", "interop", "index.ts") },
  ranges: { targets: [SHIPPED], start: program("tests", "ranges", "index.ts") },
  frameworks: { targets: [SHIPPED], start: program("tests", "frameworks", "index.ts") },
  fuzz: { targets: [SHIPPED], start: program("tests", "fuzz", "index.ts") },
  demo: { targets: [SHIPPED], start: program("demo", "index.ts") },
  bench: { targets: [SHIPPED], start: program("tests", "bench", "index.ts") },
  conformance: { targets: [SHIPPED], start: program("tests", "conformance", "run.mjs") },
  www: { targets: [SHIPPED], start: async (parameters) => (await import("./www.mjs")).serve(parameters) },
  "www:build": {
    targets: [SHIPPED],
    start: async ([base]) => (await import("./www.mjs")).buildSite(base),
  },
  walks: { targets: [SHIPPED], start: program("tests", "bench", "walks.ts") },
  "fixture-server": { targets: [SHIPPED], start: program("tests", "conformance", "fixture-server.ts") },
};

const [name, ...parameters] = process.argv.slice(2);
const command = commands[name];
try {
  if (!command) throw new Failure(`commands: ${Object.keys(commands).join(", ")}`);
  await setup(command.targets);
  const node = modernNode();
  if (node !== process.execPath) {
    // It has said itself what went wrong.
    await run(node, process.argv.slice(1)).catch(() => (process.exitCode = 1));
  } else {
    await command.start(parameters);
    say(`${name}: done in ${seconds()}`);
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`\n${name}: ${error.message}`);
  process.exitCode = 1;
}
