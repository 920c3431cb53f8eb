// What every browser runs: the core's tests, the whole package in a page, and the store that keeps tasks in a browser.
import { after, before, describe } from "node:test";
import { type Browser, type BrowserName, launch, unavailable } from "../engines/browser.ts";
import { coreTests } from "./core.ts";
import { indexedDbTests } from "./indexeddb.ts";
import { storyTests } from "./story.ts";
import { Verdict } from "./verdict.ts";

export function runsIn(name: BrowserName): void {
  describe(name, { skip: unavailable(name) ?? false }, () => {
    const verdict = new Verdict(name);
    let browser: Browser;
    before(async () => {
      browser = await launch(name);
      verdict.version = browser.version;
    });
    after(async () => {
      verdict.write();
      await browser?.close();
    });
    for (const [suite, tests] of Object.entries({ core: coreTests, story: storyTests, indexedDb: indexedDbTests })) {
      describe(suite, () => tests(() => browser, verdict.counts(suite), name));
    }
  });
}
