// The site as it is built, under a folder of its own and a strict policy, for tests in browsers.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Browser, Page } from "puppeteer-core";
import { buildSite, serveSite } from "../../scripts/www.mjs";

export const BASE = "/some/where/";
export const SHOTS: string = join(import.meta.dirname, "..", "..", "build", "screenshots");

export async function openSite(): Promise<{ url: string; close(): Promise<void> }> {
  await buildSite(BASE);
  if (!existsSync(SHOTS)) mkdirSync(SHOTS, { recursive: true });
  return serveSite({ base: BASE });
}

/** A tab, and whatever was wrong in it. */
export async function openTab(browser: Browser, url: string): Promise<{ page: Page; faults: string[] }> {
  const faults: string[] = [];
  const page = await browser.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`),
    );
  });
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(url);
  return { page, faults };
}

/** Presses the button of this name, once it can be. */
export async function press(page: Page, name: string): Promise<void> {
  const button = await page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`, { timeout: 15_000 });
  await page.waitForFunction((one) => !(one as HTMLButtonElement).disabled, { timeout: 15_000 }, button);
  await button?.click();
}

/** Waits until the page says this. */
export async function says(page: Page, words: RegExp, ms = 20_000): Promise<string> {
  let text = "";
  for (const until = Date.now() + ms; Date.now() < until; await pause(50)) {
    // biome-ignore lint/performance/useDomNodeTextContent: what is hidden is not said
    text = await page.evaluate(() => document.body.innerText).catch(() => "");
    if (words.test(text)) return text;
  }
  throw new Error(`The page does not say ${words}, but: ${text.slice(0, 2_000)}`);
}
