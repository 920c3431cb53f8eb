// The rules of the source, each against a small tree that breaks it: those of scripts/source-rules.mjs, and what
// biome.jsonc makes of Biome.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, suite, test } from "node:test";
// @ts-expect-error: it has no types.
import { generationsElsewhere, longLines, privateWords, rustCircles } from "../../scripts/source-rules.mjs";

type Rule = (files: ReadonlyMap<string, string>) => string[];
const check = (rule: unknown, files: Record<string, string>): string[] =>
  (rule as Rule)(new Map(Object.entries(files)));

suite("rules of our own", () => {
  test("a line of 121 characters is too long, in code alone", () => {
    const exempt = `import { a } from "${"a".repeat(118)}";`;
    const text = `${exempt}\n// ${"é".repeat(117)}\n// ${"é".repeat(118)}\n`;
    assert.deepEqual(check(longLines, { "src/a.rs": text, "a.md": text }), [
      "src/a.rs:3: 121 characters, and 120 are the most",
    ]);
  });

  test("a private word comes back", () => {
    const found = check(privateWords, { "src/a.rs": "fn hush() {}\nfn hushed() {}", "scripts/a.mjs": "hush" });
    assert.deepEqual(found, ["src/a.rs:1: say close_idle_streams, not hush"]);
  });

  test("a generation is known outside of wire/", () => {
    const text = 'if (call.generation === 26) {}\n// at most 25\nconst first = "2025-11-25";\nconst most = 25;';
    const imports = 'import { shown } from "../wire/g26.ts";';
    assert.equal(check(generationsElsewhere, { "pkg-template/src/server/sources.ts": imports }).length, 1);
    assert.equal(check(generationsElsewhere, { "pkg-template/src/wire/revisions.ts": imports }).length, 0);
    const found = check(generationsElsewhere, {
      "pkg-template/src/wire/g26.ts": text,
      "pkg-template/src/server/calls.ts": text,
      "tests/a.ts": text,
    });
    assert.deepEqual(found, [
      "pkg-template/src/server/calls.ts:1: ask the revision, which wire/ knows",
      "pkg-template/src/server/calls.ts:3: ask the revision, which wire/ knows",
    ]);
  });

  const modules = {
    "src/lib.rs": "pub mod task;\npub mod wire;\npub mod receiver;",
    "src/task.rs": "use std::rc::Rc;\npub struct Task;",
    "src/wire.rs": "use crate::task::{self, Task};",
    "src/receiver/mod.rs": "mod call;\nmod slot;\nuse call::Call;\npub use slot::{Slot, SlotId as Id};",
    "src/receiver/call.rs": "use super::slot::Slot;\nuse crate::{task::Task, wire};",
    "src/receiver/slot.rs": "#[cfg(test)]\nmod tests {\n    use super::super::call::Call;\n}\n",
  };
  test("modules that lead one way pass, whatever their tests use", () => {
    assert.deepEqual(check(rustCircles, modules), []);
  });
  test("modules that use each other are told with the way round", () => {
    const [way] = check(rustCircles, { ...modules, "src/task.rs": "use crate::{\n    id,\n    wire::Generation,\n};" });
    assert.equal(way, "src: crate::task, crate::wire use each other: crate::task → crate::wire → crate::task");
  });
  test("a part that uses the whole it is part of closes a circle, by `use` or by a path", () => {
    for (const text of ["use super::Receiver;", "fn f(r: &super::Receiver) {}", "use crate::receiver::{Receiver};"]) {
      const [way] = check(rustCircles, { ...modules, "src/receiver/slot.rs": text });
      assert.match(way ?? "", /crate::receiver → crate::receiver::slot → crate::receiver$/, text);
    }
  });
});

suite("rules of Biome", () => {
  const root = join(import.meta.dirname, "..", "..");
  const work = mkdtempSync(join(tmpdir(), "source-rules-"));
  after(() => rmSync(work, { recursive: true, force: true }));
  const { bin } = JSON.parse(readFileSync(join(root, "node_modules/@biomejs/biome/package.json"), "utf8"));
  const biome = join(root, "node_modules/@biomejs/biome", bin.biome);

  let trees = 0;
  /** What Biome says of these files, as `rule path`, with the settings of this repository. */
  function findings(files: Record<string, string>): string[] {
    const tree = join(work, String(trees++));
    const settings = readFileSync(join(root, "biome.jsonc"), "utf8").replace(
      '"vcs": { "enabled": true',
      '"vcs": { "enabled": false',
    );
    for (const [path, text] of Object.entries({ ...files, "biome.jsonc": settings })) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    const { stdout } = spawnSync(process.execPath, [biome, "check", "--error-on-warnings", "--reporter=github", "."], {
      cwd: tree,
      encoding: "utf8",
    });
    return [...stdout.matchAll(/^::\w+ title=([^,]*),file=([^,]*)/gm)]
      .map(([, rule, path]) => `${rule} ${path?.replaceAll("\\", "/").replace(/^.*?(?=pkg-template|tests)/, "")}`)
      .sort();
  }

  test("files that import each other are told, types too", () => {
    const files = {
      "pkg-template/src/client/a.ts": 'import type { B } from "./b.ts";\nexport interface A {\n  b: B;\n}\n',
      "pkg-template/src/client/b.ts": 'import type { A } from "./a.ts";\nexport interface B {\n  a: A;\n}\n',
    };
    assert.deepEqual(
      findings(files),
      ["a", "b"].map((name) => `lint/suspicious/noImportCycles pkg-template/src/client/${name}.ts`),
    );
  });

  test("format, unused names and promises that nobody waits for", () => {
    assert.deepEqual(findings({ "tests/a.ts": 'import { join } from "node:path";\nexport  const a = 1;\n' }), [
      "format tests/a.ts",
      "lint/correctness/noUnusedImports tests/a.ts",
    ]);
    const floating = "async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n";
    assert.deepEqual(findings({ "tests/a.ts": floating }), ["lint/nursery/noFloatingPromises tests/a.ts"]);
  });
});
