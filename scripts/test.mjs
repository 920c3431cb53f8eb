// `npm test`: everything, in the order in which a mistake shows soonest. All Node test files run, whatever fails in
// them; otherwise the first step that fails ends it.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { WASM, wasmFlags } from "./build.mjs";
import { checkSource } from "./check-source.mjs";
import { matrix, verdicts } from "./matrix.mjs";
import { pack } from "./pack.mjs";
import { modernPath, root, run, runPackage, say, step } from "./tools.mjs";

export async function test() {
  await step("source", checkSource);
  await step("package", pack);
  await step("core tests, native", () => run("cargo", ["test", "--locked"]));
  await step("core tests, wasm", () =>
    run("cargo", ["test", "--locked", "--target=wasm32-wasip1", "--lib", "--tests"], { env: { PATH: modernPath } }),
  );
  if (await hasClippy())
    await step("clippy", async () =>
      run("cargo", ["clippy", "--quiet", "--locked", ...WASM], { env: await wasmFlags() }),
    );
  else say("clippy is not installed: left out");
  await step("types of tests and demo", () => runPackage("typescript", "tsc", ["-p", root]));
  rmSync(verdicts, { recursive: true, force: true });
  await step("node tests", () =>
    run(process.execPath, ["--test", "--test-concurrency=2", "--test-timeout=300000", "tests/**/*.test.ts"]),
  );
  // Elsewhere a browser or an old Node is missing, and the tests that need it say so.
  if (process.platform === "linux") {
    matrix({ check: true });
    // Whether it still measures, not what.
    await step("bench", () =>
      run(process.execPath, [join(root, "tests", "bench", "index.ts"), "--quick"], { capture: true }),
    );
  }
  await step("requirements", () => run(process.execPath, [join(root, "tests", "requirements", "gate.mjs")]));
  await step("conformance", () => run(process.execPath, [join(root, "tests", "conformance", "run.mjs")]));
}

async function hasClippy() {
  try {
    await run("cargo", ["clippy", "--version"], { capture: true });
    return true;
  } catch {
    return false;
  }
}
