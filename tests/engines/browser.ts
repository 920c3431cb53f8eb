// Chromium, Firefox and WebKit behind one small interface: the ones on the path, or Debian's.
import puppeteer, { type Browser as Driven, type Page as DrivenPage } from "puppeteer-core";
import { launchChromium } from "./chromium.ts";
import { program } from "./packages.ts";
import { launchWebKit } from "./webkit.ts";

export type BrowserName = "Chromium" | "Firefox" | "WebKit";

export interface Browser {
  readonly version: string;
  /**
   * A new page with this document, once its scripts have run. All pages share a profile, which ends with the browser.
   */
  open(url: string): Promise<Page>;
  /**
   * The same in a profile of its own, in which the document's origin can store so many bytes. Only Chromium's protocol
   * offers it.
   */
  openWithQuota?(url: string, bytes: number): Promise<Page>;
  close(): Promise<void>;
}

export interface Page {
  /** Runs a function there, which sees nothing of what surrounds it here. Its argument and result cross as JSON. */
  evaluate<R, A = undefined>(action: (argument: A) => R | Promise<R>, argument?: A): Promise<R>;
  /** Loads the document anew. What still runs there is gone, and its `evaluate` rejects. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** What a driver has to offer for a {@link Page}. */
export interface Tab {
  goto(url: string): Promise<unknown>;
  /** The value of an expression whose promise gives a text. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<unknown>;
}

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

/** A page on a tab. */
export async function load(tab: Tab, url: string): Promise<Page> {
  await tab.goto(url);
  return {
    async evaluate(action, argument) {
      return JSON.parse((await tab.evaluate(expression(action, argument))) as string).value;
    },
    reload: async () => void (await tab.goto(url)),
    close: async () => void (await tab.close()),
  };
}

/** A call as an expression, whose promise gives `{ value }` as JSON; without `value` where that is `undefined`. */
export function expression<R, A>(action: (argument: A) => R, argument?: A): string {
  return `(async () => JSON.stringify({ value: await (${action})(${JSON.stringify(argument) ?? ""}) }))()`;
}
