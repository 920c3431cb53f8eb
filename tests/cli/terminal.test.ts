// The terminal view at a terminal: questions are asked there, and lines live. `script` (util-linux) makes the terminal.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Program } from "./program.ts";

const skip = spawnSync("script", ["--version"]).status !== 0 && "there is no `script` here";
const stdio = (kind: string) => `"${process.execPath}" "${join(import.meta.dirname, "stdio-server.ts")}" ${kind}`;

describe("at a terminal", { skip }, () => {
  let program: Program;
  before(async () => (program = await Program.install()));
  after(() => program.remove());

  for (const kind of ["v1", "v2"]) {
    test(`every kind of field is asked for, and asked again where it does not fit (${kind})`, async () => {
      const running = program.atTerminal("call", "order", "--stdio", stdio(kind));
      await running.said(/What shall it be\?.*Answer\? y: yes, n: decline, l: later \[y\]/s);
      const says: [RegExp, string][] = [
        [/Your name \(text\)/, "A\n"],
        [/at least 2 characters.*Your name/s, "Ada\n"],
        [/count \(whole number\)/, "12\n"],
        [/9 or less/, "3\n"],
        [/weight \(number\)/, "1.5\n"],
        [/gift \(y\/n\) \[false\]/, "\n"],
        [/1 {2}Red.*2 {2}Green.*colour \(one of them\)/s, "2\n"],
        [/1 {2}Small.*size/s, "Large\n"],
        [/extras \(some of them, with commas\)/, "1, card\n"],
      ];
      running.type("y\n");
      for (const [asked, answer] of says) {
        await running.said(asked);
        running.type(answer);
      }
      const { code, stdout } = await running;
      assert.equal(code, 0);
      const [json] = /\{"name.*\}/.exec(stdout)!;
      const rest = { count: 3, weight: 1.5, gift: false, colour: "green", size: "l", extras: ["bow", "card"] };
      assert.deepEqual(JSON.parse(json!), { name: "Ada", ...rest });
    });

    test(`nobody consents to a page by pressing return (${kind})`, async () => {
      const later = program.atTerminal("call", "page", "--stdio", stdio(kind));
      await later.said(/page of example\.com.*Do you agree to open it\? y: yes, n: no, l: later \[l\]/s);
      later.type("\n");
      assert.equal((await later).code, 3);
      const agreed = program.atTerminal("call", "page", "--stdio", stdio(kind));
      await agreed.said(/Do you agree/);
      agreed.type("y\n");
      const { code, stdout } = await agreed;
      assert.equal(code, 0);
      assert.match(stdout, /^accept\r$/m);
    });

    test(`Ctrl-C at a question leaves the task, Ctrl-D the question (${kind})`, async () => {
      for (const [key, exit] of [
        ["\u0003", 130],
        ["\u0004", 3],
      ] as const) {
        const running = program.atTerminal("call", "ask", "--stdio", stdio(kind));
        await running.said(/Answer\?/);
        running.type(key);
        const { code, stdout } = await running;
        assert.equal(code, exit, stdout);
        assert.match(stdout, /The task goes on/);
      }
    });
  }

  test("no server is left behind", async () => {
    const { code, stdout } = await program.atTerminal("call", "pid", "--stdio", stdio("v1"));
    assert.equal(code, 0);
    const [, pid] = /^(\d+)\r$/m.exec(stdout)!;
    assert.throws(() => process.kill(Number(pid), 0), { code: "ESRCH" });
  });

  test("a task has one line, which is written again", async () => {
    const { stdout } = await program.atTerminal("call", "add", "--args", '{"a":1,"b":2}', "--stdio", stdio("v2"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a line is written again.
    assert.match(stdout, /working.*\u001b\[1A\r\u001b\[J.*completed.*\r\n3\r\n/s);
  });
});
