// Runs a test binary of `cargo test --target wasm32-wasip1`; .cargo/config.toml names this file.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [file, ...rest] = process.argv.slice(2);
// A panic ends the program at once, so what the test harness had captured until then would be lost.
const wasi = new WASI({ version: "preview1", args: [file, ...rest, "--nocapture"], env: process.env });
const { instance } = await WebAssembly.instantiate(await readFile(file), wasi.getImportObject());
try {
  process.exitCode = wasi.start(instance);
} catch (error) {
  console.error(`The test above panicked (${error.message}); the tests after it have not run.`);
  process.exitCode = 1;
}
