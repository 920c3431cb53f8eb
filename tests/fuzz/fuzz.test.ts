// A short run of both fuzzers, whose stories are always the same: what fails here failed because of a change. Long runs
// find the rest.
import { test } from "node:test";
import { ATTACKS, attack } from "./fuzz.ts";
import { longestBlock } from "./watch.ts";

/** All of them together take less than half a minute. */
const EACH = 2_000;

for (const one of ATTACKS) {
  test(one.name, async (t) => {
    const stories = await attack(one, 1, EACH);
    t.diagnostic(`${stories} stories of the seed 1; the event loop stood still for ${longestBlock()} ms at most`);
  });
}
