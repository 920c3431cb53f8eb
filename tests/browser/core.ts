// The Rust tests of the core, as wasm, in a worker of the browser: the programs that
// `cargo test --target wasm32-wasip1` runs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { Browser, Page } from "../engines/browser.ts";
import { type PageServer, servePage } from "../engines/page-server.ts";
import type { PageCoreTests } from "./core-page.ts";

declare const runCoreTests: PageCoreTests;

export function coreTests(browser: () => Browser): void {
  let programs: Map<string, string>;
  let server: PageServer;
  let page: Page;
  before(async () => {
    programs = new Map((await testPrograms()).map((file) => [`/${basename(file)}`, file]));
    server = await servePage(join(import.meta.dirname, "core-page.ts"), programs);
    page = await browser().open(server.url);
  });
  after(async () => {
    await page?.close();
    await server?.close();
  });

  test("every test of the core that there is natively passes as wasm in a worker", async (t) => {
    const counts = { passed: 0, ignored: 0 };
    for (const program of programs.keys()) {
      const { code, output } = await page.evaluate((program) => runCoreTests(program), program);
      // A test that panics ends its program, which then says no result.
      assert.equal(code, 0, `${program} ended with ${code}:\n${output.slice(-4_000)}`);
      const [, passed, ignored] = /^test result: ok\. (\d+) passed; 0 failed; (\d+) ignored/m.exec(output) ?? [];
      counts.passed += Number(passed);
      counts.ignored += Number(ignored);
    }
    t.diagnostic(`${counts.passed} passed, ${counts.ignored} ignored`);
    assert.ok(counts.passed > 0);
    assert.equal(counts.passed + counts.ignored, await countNatively());
  });
}

const run = promisify(execFile);
const TESTS = ["test", "--locked", "--lib", "--tests"];
const OPTIONS = { cwd: join(import.meta.dirname, "..", ".."), maxBuffer: 2 ** 26 };

/** Builds them, unless they are fresh. */
async function testPrograms(): Promise<string[]> {
  const { stdout } = await run(
    "cargo",
    [...TESTS, "--target=wasm32-wasip1", "--no-run", "--message-format=json"],
    OPTIONS,
  );
  const messages = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { executable?: string | null });
  return messages.flatMap(({ executable }) => executable ?? []);
}

async function countNatively(): Promise<number> {
  const { stdout } = await run("cargo", [...TESTS, "--", "--list", "--format=terse"], OPTIONS);
  return stdout.match(/: test$/gm)?.length ?? 0;
}
