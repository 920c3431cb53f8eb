// The part of `npm run frameworks` that is quick: one recipe of the page, on the smallest of the packages; and that the
// page and the list of recipes agree.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { RECIPES } from "./recipes.ts";
import { PAGE, runRecipe } from "./run.ts";

test("the page has a block for each recipe, and no other", () => {
  const blocks = [...readFileSync(PAGE, "utf8").matchAll(/^```ts (\S+)\.ts$/gm)].map(([, name]) => name);
  assert.deepEqual(
    blocks,
    RECIPES.map(({ name }) => name),
  );
});

test("a tool outlives its host's timeout as a task, attached or registered", { timeout: 200_000 }, async () => {
  const recipe = RECIPES.find(({ name }) => name === "mcp-remote");
  assert(recipe);
  const { attached, registered, alone } = await runRecipe(recipe, 4000);
  for (const outcome of [attached, registered]) {
    assert.equal(outcome?.rendered, true, outcome?.output);
    assert.equal(outcome.asTask, true);
    assert.equal(outcome.deployed, true);
  }
  assert.equal(alone.rendered, false);
});
