// Chromium, Firefox and WebKit behind one small interface: the ones on the path, or Debian's.
import puppeteer, { type Browser as Driven, type Page as DrivenPage } from "puppeteer-core";
import { launchChromium } from "./chromium.ts";
import { program } from "./packages.ts";
import { type Browser, load, type Page } from "./tab.ts";
import { launchWebKit } from "./webkit.ts";

export type { Browser, Page } from "./tab.ts";
export type BrowserName = "Chromium" | "Firefox" | "WebKit";

/** Why a browser cannot be had on this system at all; otherwise `undefined`. */
export function unavailable(name: BrowserName): string | undefined {
  return name === "WebKit" && process.platform !== "linux"
    ? `WebKit can be driven on Linux only, as WebKitGTK; this is ${process.platform}.`
    : undefined;
}

export async function launch(name: BrowserName): Promise<Browser> {
  switch (name) {
    case "Chromium": {
      const driven = await launchChromium();
      return { ...(await browser(driven)), openWithQuota: (url, bytes) => openWithQuota(driven, url, bytes) };
    }
    case "Firefox":
      return browser(
        await puppeteer.launch({
          browser: "firefox",
          executablePath: program(["firefox", "firefox-esr"], "firefox-esr"),
          timeout: 60_000,
        }),
      );
    case "WebKit":
      return launchWebKit();
  }
}

async function browser(driven: Driven): Promise<Browser> {
  return {
    version: (await driven.version()).replace(/^.*\//, ""),
    open: async (url) => load(await driven.newPage(), url),
    close: () => driven.close(),
  };
}

async function openWithQuota(driven: Driven, url: string, quotaSize: number): Promise<Page> {
  const context = await driven.createBrowserContext();
  const tab: DrivenPage = await context.newPage();
  const session = await tab.createCDPSession();
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize });
  const page = await load(tab, url);
  return { ...page, close: () => context.close() };
}
