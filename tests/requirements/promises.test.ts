// Each promise of the threat model names the tests that prove it, and these are there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
/** A link to a test: its name, and its file. */
const LINK = /\[((?:[^\]`]|`[^`]*`)+)\]\(\.\.\/(tests\/[^)]+)\)/g;

/** What is wrong with a page of promises. `file` reads what it links to. */
function faults(page: string, file: (path: string) => string): string[] {
  const promises = page
    .slice(page.indexOf("## Promises"))
    .split("\n")
    .filter((line) => /^\| (?!Promise \||-)/.test(line));
  return promises.flatMap((line) => {
    const promise = line.split(" | ")[0]?.slice(2) ?? "";
    const links = [...line.matchAll(LINK)];
    if (links.length === 0) return [`no test proves "${promise}"`];
    return links.flatMap(([, name = "", path = ""]) =>
      isIn(name, path, file) ? [] : [`"${promise}": ${path} has no test "${name}"`],
    );
  });
}

function isIn(name: string, path: string, file: (path: string) => string): boolean {
  let text: string;
  try {
    text = file(path);
  } catch {
    return false;
  }
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("`", "\\\\?`");
  const title = path.endsWith(".rs")
    ? `#\\[test\\]\\s+fn ${pattern}\\(`
    : `\\b(?:test|it|describe|suite)\\(\\s*(["\`]?)${pattern}\\1,`;
  return new RegExp(title).test(text);
}

test("every promise of the threat model has a test", () => {
  const page = read("docs/threat-model.md");
  assert.ok([...page.matchAll(LINK)].length > 40);
  assert.deepEqual(faults(page, read), []);
});

test("a promise without a test, and a test that is gone, are noticed", () => {
  const file = (path: string): string => (path === "tests/a.test.ts" ? 'test("it holds", () => {});' : assert.fail());
  const page = (row: string): string => `## Promises\n| Promise | Proven by |\n|---|---|\n${row}\n`;
  assert.deepEqual(faults(page("| P | [it holds](../tests/a.test.ts) |"), file), []);
  assert.deepEqual(faults(page("| P | by reading |"), file), ['no test proves "P"']);
  assert.equal(faults(page("| P | [it hold](../tests/a.test.ts) |"), file).length, 1);
  assert.equal(faults(page("| P | [it holds](../tests/b.test.ts) |"), file).length, 1);
});
