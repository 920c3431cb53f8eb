// A short run of both fuzzers: stories that are always the same, and those of the day.
import { test } from "node:test";
import { ATTACKS, attack, seedOfTheDay } from "./fuzz.ts";
import { longestBlock } from "./watch.ts";

/** All of them together take less than half a minute. */
const EACH = 1_000;

for (const one of ATTACKS) {
  test(one.name, async (t) => {
    const day = seedOfTheDay();
    const stories = (await attack(one, 1, EACH)) + (await attack(one, day, EACH));
    t.diagnostic(`${stories} stories of the seeds 1 and ${day}; the event loop stood still for ${longestBlock()} ms at most`);
  });
}
