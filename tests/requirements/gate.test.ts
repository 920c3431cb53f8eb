// The gate against small trees, each with one thing wrong.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, suite, test } from "node:test";
import { fileURLToPath } from "node:url";

const gate = fileURLToPath(new URL("gate.mjs", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "requirement-gate-"));
after(() => rmSync(work, { recursive: true, force: true }));

type Row = Record<string, unknown>;
const due = (id: string, more: Row = {}): Row => ({ id, step: "now", title: `What ${id} asks for`, ...more });
const later = (id: string): Row => due(id, { step: "then" });
const waived = (id: string, reason: unknown = "No test can observe this from outside."): Row =>
  due(id, { waived: reason });

let trees = 0;
/** Runs the gate on a tree of these requirements and files. */
function run(requirements: Row[], files: Record<string, string> = {}, ...args: string[]) {
  const root = join(work, String(trees++));
  const manifest = {
    sections: { CAP: "capabilities", H: "hard cases" },
    due: { now: "this step" },
    later: { then: "a later one" },
    requirements,
  };
  for (const [path, text] of Object.entries({
    "tests/requirements/manifest.json": JSON.stringify(manifest),
    ...files,
  })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [gate, "--root", root, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

function passes(...args: Parameters<typeof run>): string {
  const { status, stdout, stderr } = run(...args);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  return stdout;
}

function fails(fault: RegExp, ...args: Parameters<typeof run>): void {
  const { status, stderr } = run(...args);
  assert.equal(status, 1, stderr);
  assert.match(stderr, fault);
  assert.match(stderr, /requirements: 1 fault$/m);
}

const cites = (id: string, path = "tests/sdk/a.test.ts"): Record<string, string> => ({
  [path]: `test("${id}: it holds", () => {});\n`,
});

suite("what passes", () => {
  test("cited, planned and waived requirements", () => {
    const out = passes([due("G25-CAP-01"), later("X-CAP-01"), waived("G26-CAP-01"), due("H01")], {
      ...cites("G25-CAP-01"),
      "tests/core/race.rs": "/// H01: one of them wins.\n#[test]\nfn race() {}\n",
    });
    assert.match(out, /^CAP capabilities +1 +· +1 +1 +3$/m);
    assert.match(out, /^H +hard cases +1 +· +· +· +1$/m);
    assert.match(out, /^total +2 +· +1 +1 +4$/m);
  });

  test("a requirement cited before its step", () =>
    assert.match(passes([later("H01")], cites("H01")), /^total +1 +· +· +· +1$/m));

  test("an open one with --report", () =>
    assert.match(passes([due("H01")], {}, "--report"), /^total +· +1 +· +· +1$/m));

  test("--list names requirements, titles and files", () => {
    const rows = [due("G25-CAP-01"), later("H01"), waived("H02")];
    assert.match(
      passes(rows, cites("G25-CAP-01"), "--list", "covered"),
      /^G25-CAP-01 +What G25-CAP-01 asks for\n +tests\/sdk\/a\.test\.ts$/m,
    );
    assert.match(passes(rows, cites("G25-CAP-01"), "--list", "planned"), /^H01 +What H01 asks for\n +then$/m);
    assert.match(
      passes(rows, cites("G25-CAP-01"), "--list", "waived"),
      /^H02 +What H02 asks for\n +No test can observe this/m,
    );
    assert.match(passes([due("H03")], {}, "--report", "--list", "open"), /^H03 +What H03 asks for$/m);
    assert.notEqual(run(rows, {}, "--list", "done").status, 0);
  });
});

suite("what counts as a citation", () => {
  const places: Record<string, string> = {
    "a test in tests": "tests/client/deep/poll.mts",
    "a script in tests": "tests/conformance/run.mjs",
    "a test module of the crate": "src/wire/tests.rs",
  };
  for (const [name, path] of Object.entries(places))
    test(name, () => void passes([due("H01")], { [path]: "// H01\n" }));

  test("a unit test in a source file of the crate", () =>
    void passes([due("H01")], { "src/a.rs": "fn a() {}\n#[cfg(test)]\nmod tests { /* H01 */ }\n" }));

  test("several in one title", () =>
    void passes([due("G25-CAP-01"), due("H01"), due("H02")], cites("G25-CAP-01, H01/H02")));

  const strangers: Record<string, Record<string, string>> = {
    "the code of the crate": { "src/a.rs": "// H01\nfn a() {}\n" },
    "code that is not the crate's": { "src/a.ts": "// H01\n" },
    "the gate's own folder": { "tests/requirements/a.test.ts": "// H01\n" },
    benchmarks: { "tests/bench/a.ts": "// H01\n" },
    dependencies: { "tests/packaging/node_modules/a/index.js": "// H01\n" },
    prose: { "tests/README.md": "H01\n" },
    "a skipped test": { "tests/a.test.ts": 'test.skip("H01", () => {});\ntest.todo("H01");\n' },
    "a part of another word": { "tests/a.test.ts": "// H012 AH01 X-H01 H01a\n" },
  };
  for (const [name, files] of Object.entries(strangers))
    test(`not: ${name}`, () => fails(/^H01 is due and no test cites it: What H01 asks for$/m, [due("H01")], files));
});

suite("what fails", () => {
  test("a requirement that is due and that no test cites", () =>
    fails(/^G25-CAP-01 is due and no test cites it/m, [due("G25-CAP-01")]));

  test("a requirement that tests cite only in part", () => {
    const parts = { ...cites("H01 (part)"), ...cites("H01 (part)", "tests/stores/kit.ts") };
    fails(
      /^H01 is due .* proves the whole of it, only tests\/sdk\/a\.test\.ts \(part\), tests\/stores\/kit\.ts \(part\)$/m,
      [due("H01")],
      parts,
    );
    passes([due("H01")], { ...parts, ...cites("H01", "tests/sdk/b.test.ts") });
    passes([due("H01")], cites("H01: whole, then H01 (part)"));
    fails(/cites H95/, [later("H01")], cites("H95 (part)"));
  });

  for (const path of ["src/a.rs", "pkg-template/src/server/a.ts", "docs/decisions/a.md"]) {
    test(`a citation in ${path} of an id that does not exist`, () =>
      fails(new RegExp(`^${path}:2: cites R-05, which the manifest does not know$`, "m"), [later("H01")], {
        [path]: "// H01\n// R-05\n",
      }));
  }

  for (const id of ["G25-CAP-02", "G25-CAP-1", "G25-CAP-001", "G27-CAP-01", "X-CAPS-01", "H95", "R-05"]) {
    test(`a citation of ${id}, which does not exist`, () => {
      fails(
        new RegExp(`^tests/sdk/a\\.test\\.ts:1: cites ${id}, which the manifest does not know$`, "m"),
        [later("G25-CAP-01")],
        cites(id),
      );
    });
  }

  test("an unknown citation in a unit test, at its line", () => {
    fails(/^src\/a\.rs:3: cites H95,/m, [later("H01"), later("H94")], {
      "src/a.rs": "fn a() {} // H94\n#[cfg(test)]\nmod tests { /* H95 */ }\n",
    });
  });

  test("an unknown citation, also with --report", () => fails(/cites H95/, [due("H01")], cites("H95"), "--report"));

  for (const text of ["H01..05", "H01-05", "H01–05", "H01/02", "H01…H05", "H01 to H02"]) {
    test(`ids written short: ${text}`, () =>
      fails(
        /tests\/sdk\/a\.test\.ts:1: write each id in full/,
        [later("H01"), later("H02"), later("H05")],
        cites(text),
      ));
  }

  test("a waived requirement that is cited", () =>
    fails(/^manifest: H01 is waived, but tests\/sdk\/a\.test\.ts cites it$/m, [waived("H01")], cites("H01")));

  for (const reason of ["", "  ", "n/a", "later", true, null]) {
    test(`a waiver for the reason ${JSON.stringify(reason)}`, () =>
      fails(/^manifest: H01 is waived without a reason/m, [waived("H01", reason)]));
  }

  test("a duplicate", () => fails(/^manifest: H01 is listed twice$/m, [later("H01"), later("H01")]));
  test("an unknown step", () =>
    fails(/^manifest: H01 belongs to no step: soon$/m, [due("H01", { step: "soon" })], cites("H01")));
  test("a missing title", () => fails(/^manifest: H01 has no title$/m, [due("H01", { title: " " })], cites("H01")));
  test("a misspelt member", () =>
    fails(/^manifest: H01 has an unknown member, waive$/m, [due("H01", { waive: "No." })], cites("H01")));
  test("a malformed id", () => fails(/^manifest: G25-CAP-1 is not an id$/m, [later("G25-CAP-1")]));
  test("an unknown section", () =>
    fails(/^manifest: G25-XYZ-01 is of an unknown section, XYZ$/m, [later("G25-XYZ-01")]));
  test("a missing manifest", () =>
    assert.notEqual(spawnSync(process.execPath, [gate, "--root", join(work, "nothing")]).status, 0));
});
