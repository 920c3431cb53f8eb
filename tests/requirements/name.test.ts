// The package is named in one place of the shipped sources, and its former name is nowhere.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";

const root = join(import.meta.dirname, "../..");
const files = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trim().split("\n");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const { name } = JSON.parse(read("package.json")) as { name: string };

/** The lines of a source that are no comments, each with its place. */
function* code(file: string): Generator<[place: string, line: string]> {
  for (const [at, line] of read(file).split("\n").entries())
    if (!/^\s*(\/\/|\/\*|\*)/.test(line)) yield [`${file}:${at + 1}`, line];
}

/** String literals of these sources that spell the name out. */
function strays(sources: readonly string[]): string[] {
  const spelled = new RegExp(`["'\`].*${name.replace("-", "[-_]")}`);
  return sources.flatMap((file) => [...code(file)].filter(([, line]) => spelled.test(line)).map(([place]) => place));
}

suite("the name of the package", () => {
  test("TypeScript spells it in name.ts alone", () => {
    const sources = files.filter((file) => /^pkg-template\/src\/.*\.ts$/.test(file));
    assert.deepEqual(strays(sources.filter((file) => !/src\/(name\.ts|cli\/)/.test(file))), []);
    // The terminal view imports the package as its users do.
    const imports = /\b(?:from |import\()["'][\w/-]+["']/;
    const view = sources.filter((file) => file.includes("src/cli/"));
    assert.deepEqual(
      view.flatMap((file) => [...code(file)]).filter(([, line]) => line.includes(name) && !imports.test(line)),
      [],
    );
    assert.match(read("pkg-template/src/name.ts"), new RegExp(`NAME = "${name}"`));
  });

  test("Rust takes it from Cargo.toml", () => {
    assert.deepEqual(strays(files.filter((file) => /^src\/.*\.rs$/.test(file))), []);
    assert.match(read("Cargo.toml"), new RegExp(`^name = "${name}"$`, "m"));
  });

  test("its former name is in no file, and names none", () => {
    const former = new RegExp(["mcp", "tasks"].join("-") + "|" + ["mcp", "tasks::"].join("_"), "i");
    assert.deepEqual(
      files.filter((file) => former.test(file)),
      [],
    );
    const texts = files.filter((file) => !/\.(tgz|png|wasm|db)$/.test(file));
    assert.deepEqual(
      texts.filter((file) => former.test(read(file))),
      [],
    );
  });
});
