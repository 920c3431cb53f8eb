// The package as it is shipped, both halves in one page: a client and a server of SDK v2, in each generation, and what
// becomes of their tasks.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "../engines/browser.ts";
import { type PageServer, servePage } from "../engines/page-server.ts";
import type { PageStory } from "./story-page.ts";

declare const tellStory: PageStory;

export function storyTests(browser: () => Browser): void {
  let server: PageServer;
  let page: Page;
  before(async () => {
    server = await servePage(join(import.meta.dirname, "story-page.ts"));
    page = await browser().open(server.url);
  });
  after(async () => {
    await page?.close();
    await server?.close();
  });

  for (const generation of ["2025-11-25", "2026-07-28"] as const) {
    test(`${generation}: tasks are created, followed, asked for input, cancelled, and give their results`, async () => {
      const { protocol, slow, ask, endless, errors } = await page.evaluate(
        (generation) => tellStory(generation),
        generation,
      );
      assert.equal(protocol, generation);
      assert.match(slow.taskId!, /^[\w-]+$/);
      assert.deepEqual([slow.statuses.at(-1), slow.text, slow.readAgain], ["completed", "slow", "slow"]);
      assert.deepEqual(ask, { questions: ["who?"], text: "hello Ada" });
      assert.deepEqual(endless, { outcome: "cancelled", handlerStopped: true });
      assert.deepEqual(errors, []);
    });
  }
}
