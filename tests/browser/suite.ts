// What every browser runs: the core's tests, the whole package in a page, and the store that keeps tasks in a browser.
import { after, before, describe, type TestContext } from "node:test";
import { type Browser, type BrowserName, launch, unavailable } from "../engines/browser.ts";
import { coreTests } from "./core.ts";
import { indexedDbTests } from "./indexeddb.ts";
import { storyTests } from "./story.ts";
import type { Column } from "../engines/matrix.ts";
import { tellMatrix } from "./verdict.ts";

const SUITES: readonly {
  name: string;
  columns: readonly Column[];
  tests(browser: () => Browser, name: BrowserName): void;
}[] = [
  { name: "core", columns: ["core's tests"], tests: coreTests },
  { name: "story", columns: ["SDK v2, 2025-11-25", "SDK v2, 2026-07-28"], tests: storyTests },
  { name: "indexedDb", columns: ["IndexedDB"], tests: indexedDbTests },
];

export function runsIn(name: BrowserName): void {
  describe(name, { skip: unavailable(name) ?? false }, () => {
    let browser: Browser;
    before(async (t) => {
      browser = await launch(name);
      (t as TestContext).diagnostic(`${name} ${browser.version}`);
    });
    after(() => browser?.close());
    for (const { name: suite, columns, tests } of SUITES) {
      describe(suite, () => {
        tellMatrix(name, columns);
        tests(() => browser, name);
      });
    }
  });
}
