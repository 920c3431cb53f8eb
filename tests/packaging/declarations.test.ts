// The declarations as users compile them: every entry, nothing skipped, with no more of a library than they need.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { pack } from "./tarball.ts";

const execute = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const compiler = join(root, "node_modules", "typescript");

describe("the declarations compile", { timeout: 120_000 }, () => {
  let project: string;
  let entries: string[];

  before(async () => {
    mkdirSync(join(root, "build"), { recursive: true });
    project = mkdtempSync(join(root, "build", "types-")); // where the peers are found
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await execute("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", await pack(project)], {
      cwd: project,
      shell: process.platform === "win32",
    });
    const { targets } = await import(join(root, "scripts", "exports.mjs"));
    const folder = join(project, "node_modules", "mcp-longhaul");
    const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    entries = [
      ...new Set((targets({ exports }, folder) as { key: string }[]).map(({ key }) => `mcp-longhaul${key.slice(1)}`)),
    ].filter((name) => !name.endsWith(".json"));
    assert.ok(entries.length >= 11 && entries.includes("mcp-longhaul/stores/redis"), entries.join());
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  async function compile(name: string, extension: string, options: object, names: readonly string[]): Promise<void> {
    const file = join(project, `${name}.${extension}`);
    const imported = names.map((entry, index) =>
      extension === "cts"
        ? `import entry${index} = require("${entry}");`
        : `import * as entry${index} from "${entry}";`,
    );
    const used = names.map((_, index) => `void entry${index};`);
    writeFileSync(file, [...imported, ...used].join("\n"));
    const strict = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      target: "ES2022",
    };
    const config = join(project, `${name}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions: { ...strict, ...options }, files: [file] }));
    const { bin } = JSON.parse(readFileSync(join(compiler, "package.json"), "utf8")) as { bin: { tsc: string } };
    const { stdout } = await execute(process.execPath, [join(compiler, bin.tsc), "-p", config]).catch(
      (error: { stdout: string }) => error,
    );
    assert.equal(stdout, "");
  }

  const browser = { lib: ["ES2022", "DOM"], types: [] };
  test("in a browser, through a bundler", () =>
    compile("bundler", "ts", { ...browser, module: "ESNext", moduleResolution: "bundler" }, entries));
  test("as a module", () => compile("module", "mts", { ...browser, module: "NodeNext" }, entries));
  test("as CommonJS", () => compile("script", "cts", { ...browser, module: "NodeNext" }, entries));
  const node = {
    lib: ["ES2022"],
    types: ["node"],
    typeRoots: [join(root, "node_modules", "@types")],
    module: "NodeNext",
  };
  test("in Node, without the DOM", () => compile("node", "mts", node, entries));
  test("and would not without the globals that they name", () =>
    assert.rejects(compile("bare", "mts", { ...node, types: [] }, entries), /AbortSignal/));
});
