// Patterns of forms: they mean what they mean in ECMAScript, and no text takes long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { matches } from "../../pkg-template/src/server/pattern.ts";
import { World, accept, form, text, type Tool } from "./harness/g26.ts";

test("X-INP-01: a pattern means what the platform's engine says it means", () => {
  const patterns = [
    "",
    "^$",
    "^a+$",
    "^a*?b$",
    "a|b",
    "^(?:ab|cd){2,3}$",
    "x{2}",
    "x{0}y",
    "(?:){3}",
    "()",
    "^(a*)*$",
    "^(a|b|)+c$",
    "(^a|b$)+",
    "^[\\w.]+@[\\w.]+\\.[a-z]{2,}$",
    "^(\\w+\\s?)*$",
    "\\s+$",
    "^\\d{4}-\\d{2}$",
    "\\bfoo\\b",
    "\\Bo",
    "^[^\\]a]+$",
    "^[a-z\\-_]*$",
    "^\\p{L}+$",
    "^\\u{1F600}$",
    "^\\uD83D\\uDE00$",
    "^\\x41\\u0042$",
    "^.$",
    "^\\.$",
    "^\\/a$",
    "^\\cA$",
    "^\\0$",
    "[\\b]",
    "(?<year>\\d)x",
    "^[\\s\\S]*$",
    "^(?:a?){3}a{3}$",
  ];
  const texts = [
    "",
    "a",
    "aa",
    "aaa",
    "aaaaaaa",
    "b",
    "ab",
    "ababab",
    "abac",
    "xx",
    "y",
    "1x",
    "/a",
    "AB",
    "foo",
    "a foo b",
    "foob",
    "2020-11",
    "x@y.zz",
    "a@b.c",
    "é",
    "éa",
    "😀",
    "\ud83d",
    "\n",
    " ",
    "\u00a0",
    "\u2028",
    "a b c",
    "]",
    "-_",
    "\u0001",
    "\0",
    "\b",
  ];
  for (const pattern of patterns) {
    for (const value of texts)
      assert.equal(matches(pattern, value), new RegExp(pattern, "u").test(value), JSON.stringify([pattern, value]));
  }
});

test("X-INP-01: what cannot be told in a time that pattern and text bound is left to the handler", () => {
  for (const pattern of [
    "^(?=a)",
    "(?!a)",
    "(?<=a)b",
    "(a)\\1",
    "(?<n>a)\\k<n>",
    "((a{100}){100}){100}",
    "(?:){1000000000}",
    "[",
    "a".repeat(5000),
  ]) {
    assert.equal(matches(pattern, "ab"), undefined, pattern.slice(0, 20));
  }
});

test("X-INP-01, X-LIM-02: no answer to a form blocks the server, whatever its pattern", async () => {
  const began = performance.now();
  const slow: [pattern: string, value: string][] = [
    ["\\s+$", `${" ".repeat(80_000)}x`],
    ["^(\\w+\\s?)*$", `${"a".repeat(30_000)}!`],
    ["(x+x+)+y", "x".repeat(1_000_000)],
  ];
  for (const [pattern, value] of slow) {
    let world: World;
    const work: Tool = async (_, ctx) => {
      const answer = await world.tasks.current(ctx)?.requireInput(form("?", { v: { type: "string", pattern } }));
      return text(JSON.stringify(answer));
    };
    await using _ = (world = await World.open({ tools: { work }, tasks: { task: "always" } }));
    const id = await world.start("work");
    const [key] = Object.keys((await world.until(id, "input_required")).inputRequests) as [string];
    assert.equal((await world.update(id, { [key]: accept({ v: value }) })).error?.code, -32602);
  }
  // An engine with backtracking takes half a minute for the first and for ever for the second.
  assert.ok(performance.now() - began < 10_000);
});
