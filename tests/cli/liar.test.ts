// Whatever a server says, a command ends, with an exit code of the table and without a stack trace.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Program } from "./program.ts";

describe("a server that lies", () => {
  let program: Program;
  before(async () => (program = await Program.install()));
  after(() => program.remove());

  const CASES: readonly (readonly [lie: string, command: readonly string[], exits: readonly number[]])[] = [
    ["tools", ["tools"], [6]],
    ["name", ["tools"], [0]],
    ["rows", ["list"], [0]],
    ["pages", ["list"], [0]],
    ["id", ["call", "x"], [0, 6]],
    ["status", ["call", "x"], [6]],
    ["message", ["call", "x"], [0, 6]],
    ["content", ["call", "x"], [0, 6]],
    ["huge", ["call", "x"], [0, 6]],
    ["dies", ["call", "x"], [6]],
    ["deep", ["call", "x"], [0]],
    ["form-deep", ["call", "x"], [3, 7]],
    ["form-list", ["call", "x"], [3, 7]],
    ["form-many", ["call", "x"], [3, 7]],
    ["form-choices", ["call", "x", "--answer", "name=choice 7"], [3]],
    ["form-names", ["call", "x", "--answer", "other=1"], [3]],
  ];
  for (const [lie, command, exits] of CASES) {
    for (const more of [[], ["--json"]]) {
      test(`a command ends with a code of its table (${lie}, ${more.at(0) ?? "for people"})`, async () => {
        const server = `"${process.execPath}" "${join(import.meta.dirname, "liar.ts")}" ${lie}`;
        // What is long has to be read, however busy the machine is.
        const timeout = lie === "huge" ? "30" : "3";
        const { code, stdout, stderr } = await program.run(
          ...command,
          "--timeout",
          timeout,
          ...more,
          "--stdio",
          server,
        );
        assert.ok(exits.includes(code as number), `${code}: ${stderr.slice(0, 1000)}${stdout.slice(0, 1000)}`);
        // A question that the SDK's client refuses is never asked here: the task is left when the time is over.
        assert.ok([...stderr.matchAll(/ working /g)].length < 4, "the same is said again and again");
        assert.doesNotMatch(stdout + stderr, /^ +at |node:internal|Node\.js v/m);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
        assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        if (more.length > 0) for (const text of stdout.split("\n").slice(0, -1)) JSON.parse(text);
      });
    }
  }
});
