// The playground in Firefox and WebKit: a task that survives a killed server, and a question that survives a reload.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Browser, type BrowserName, launch, type Page, unavailable } from "../engines/browser.ts";
import { openSite } from "./pages.ts";

async function press(page: Page, name: string): Promise<void> {
  await until(
    page,
    `the button ${name}`,
    (wanted) => {
      const buttons = [...document.querySelectorAll("button")];
      const button = buttons.find(({ textContent, disabled }) => textContent === wanted && !disabled);
      button?.click();
      return button !== undefined;
    },
    name,
  );
}

async function says(page: Page, words: string): Promise<void> {
  await until(page, `"${words}"`, (wanted) => document.body.textContent?.includes(wanted) === true, words);
}

async function until(page: Page, what: string, holds: (argument: string) => boolean, argument: string): Promise<void> {
  for (const late = Date.now() + 40_000; Date.now() < late; await pause(100)) {
    if (await page.evaluate(holds, argument).catch(() => false)) return;
  }
  assert.fail(`Waited in vain for ${what}: ${await page.evaluate(() => document.body.textContent?.slice(0, 1_500))}`);
}

for (const name of ["Firefox", "WebKit"] satisfies BrowserName[]) {
  describe(`the playground in ${name}`, { skip: unavailable(name) ?? false }, () => {
    let site: { url: string; close(): Promise<void> };
    let browser: Browser;
    before(async () => {
      site = await openSite();
      browser = await launch(name);
    });
    after(async () => {
      await browser?.close();
      await site?.close();
    });

    test("a task goes on where it was when its server is killed", async () => {
      const page = await browser.open(`${site.url}playground/`);
      await press(page, "Paint a fractal");
      await says(page, "band 3 of 20");
      await press(page, "Kill the server");
      await says(page, "killed");
      await press(page, "Start it again");
      await says(page, "240 × 240 points");
      await page.close();
    });

    test("a question waits through a reload, and its task ends", async () => {
      const page = await browser.open(`${site.url}playground/`);
      await press(page, "Ask me something");
      await says(page, "Who confirms the deployment?");
      await page.reload();
      await says(page, "Who confirms the deployment?");
      await press(page, "Decline");
      await says(page, "the deployment is not confirmed.");
      await page.close();
    });
  });
}
