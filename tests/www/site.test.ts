// The website in Chromium: playground and console, what they survive, who can use them, and what the policy lets in.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "puppeteer-core";
import { memoryStore, TaskServer } from "mcp-longhaul";
import { filesIn } from "../../scripts/tools.mjs";
import { site as built } from "../../scripts/www.mjs";
import { launchChromium } from "../engines/chromium.ts";
import { latch } from "../sdk/harness/g26.ts";
import { entryV2 } from "../sdk/harness/http.ts";
import { attached, text } from "../sdk/harness/servers.ts";
import * as z from "zod";
import { openSite, openTab, press, says, SHOTS } from "./pages.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe("the website", { concurrency: false }, () => {
  let site: { url: string; close(): Promise<void> };
  let browser: Browser;
  before(async () => {
    site = await openSite();
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
  });

  /** A visitor of its own: nothing is kept from another. */
  async function visit(
    t: TestContext,
    path: string,
  ): Promise<{ page: Page; faults: string[]; again(): Promise<Page> }> {
    const context = await browser.createBrowserContext();
    t.after(() => context.close());
    const { page, faults } = await openTab(context as never, site.url + path);
    const again = async (): Promise<Page> => {
      const other = await openTab(context as never, site.url + path);
      return other.page;
    };
    return { page, faults, again };
  }

  /** What axe finds, light and dark. */
  async function accessible(page: Page): Promise<void> {
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      // By the protocol, which the page's policy does not bind.
      const session = await page.createCDPSession();
      await session.send("Runtime.evaluate", { expression: AXE });
      await session.detach();
      const found = await page.evaluate(async () => {
        const { violations } = await (window as never as { axe: { run(): Promise<any> } }).axe.run();
        return violations.map((fault: any) => `${fault.id}: ${fault.nodes[0].html}`.slice(0, 300));
      });
      assert.deepEqual(found, [], scheme);
    }
  }

  test("a task goes on where it was when its server is killed in the middle", async (t) => {
    const { page, faults } = await visit(t, "playground/");
    await press(page, "Paint a fractal");
    await says(page, /band 4 of 20/);
    await page.screenshot({ path: join(SHOTS, "playground-light.png") });
    await press(page, "Kill the server");
    await says(page, /killed/);
    await press(page, "Start it again");
    await says(page, /240 × 240 points/, 30_000);
    const painted = await page.evaluate(() => {
      const canvas = document.querySelector("canvas") as HTMLCanvasElement;
      const { data } = (canvas.getContext("2d") as CanvasRenderingContext2D).getImageData(0, 0, 240, 240);
      return data.filter((value, index) => index % 4 === 3 && value === 255).length;
    });
    assert.equal(painted, 240 * 240);
    await accessible(page);
    assert.deepEqual(
      faults.filter((fault) => !fault.includes("server is")),
      [],
    );
  });

  test("a reload in the middle loses nothing, and a question is asked again to whoever comes back", async (t) => {
    const { page, faults } = await visit(t, "playground/");
    await press(page, "Ask me something");
    await says(page, /Who confirms the deployment/);
    await accessible(page);
    await page.screenshot({ path: join(SHOTS, "question.png") });
    await page.reload();
    await says(page, /Who confirms the deployment/);
    const name = await page.waitForSelector("#root_name");
    await name?.type("Ada");
    await press(page, "Send");
    await says(page, /Ada confirms the deployment, perhaps/);
    await page.reload();
    await says(page, /Ada confirms the deployment, perhaps/);
    assert.deepEqual(faults, []);
  });

  test("a second tab sees the task, and follows it when the first one is closed", async (t) => {
    const { page, again } = await visit(t, "playground/");
    await press(page, "Paint a fractal");
    await says(page, /band 2 of 20/);
    const other = await again();
    await says(other, /followed by another tab/);
    await page.close();
    await says(other, /followed by this tab/, 10_000);
    await says(other, /240 × 240 points/, 30_000);
  });

  test("the console runs a server's tools, answers, cancels, and shows results that are hostile as text", async (t) => {
    const gate = latch();
    const tasks = new TaskServer({
      tools: { slow: { task: "always" }, ask: { task: "always" } },
      defaults: { pollInterval: 50 },
    });
    const http = await entryV2(
      () =>
        attached("v2", tasks, {
          slow: async (_: unknown, { task }: any) => {
            await task?.status("half way");
            await gate.promise;
            return text("done");
          },
          ask: async (_: unknown, { ask }: any) =>
            text(
              JSON.stringify(
                await ask("elicitation/create", { mode: "form", message: "<b>who?</b>", requestedSchema: SCHEMA }),
              ),
            ),
          add: {
            input: z.object({ a: z.number(), b: z.number().optional() }),
            work: ({ a, b = 1 }: any) => text(`= ${a + b}`),
          },
          bad: () => ({
            content: [
              { type: "text", text: "<img src=x onerror=alert(1)>" },
              { type: "resource_link", uri: "javascript:alert(1)", name: "click me" },
              { type: "image", mimeType: "image/svg+xml", data: "PHN2Zz4=" },
            ],
            structuredContent: { __proto__: { polluted: true }, constructor: "x" },
          }),
        }) as never,
    );
    const cors = await proxied(http.url);
    t.after(async () => {
      await cors.close();
      await http.close();
      await tasks.close();
    });
    const { page, faults } = await visit(t, "console/");
    await accessible(page);
    const address = await page.waitForSelector("input[type=url]");
    await address?.type(cors.url);
    await press(page, "Connect");
    await says(page, /connected[\s\S]*2026-07-28/);

    await press(page, "add");
    const a = await page.waitForSelector("#root_a");
    await a?.type("41");
    await press(page, "Run");
    await choose(page, "add");
    await says(page, /= 42/);

    await press(page, "bad");
    await press(page, "Run");
    await choose(page, "bad");
    await says(page, /<img src=x onerror=alert\(1\)>/);
    assert.equal(await page.evaluate(() => document.querySelectorAll("a[href^=javascript]").length), 0);

    await press(page, "ask");
    await press(page, "Run");
    await says(page, /<b>who\?<\/b>/);
    await accessible(page);
    const name = await page.waitForSelector("#root_name");
    await name?.type("Eve");
    await press(page, "Send");
    await choose(page, "ask");
    await says(page, /"name":"Eve"/);

    await press(page, "slow");
    await press(page, "Run");
    await choose(page, "slow");
    await says(page, /half way/);
    await page.reload();
    await press(page, "Connect");
    await choose(page, "slow");
    await says(page, /followed by this tab/);
    await accessible(page);
    await page.screenshot({ path: join(SHOTS, "console-light.png") });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    await page.screenshot({ path: join(SHOTS, "console-dark.png") });
    await press(page, "Cancel the task");
    await says(page, /cancelled/);
    assert.deepEqual(faults, []);
  });

  test("the console goes on after its network and its server were away", async (t) => {
    const store = memoryStore();
    let gate = latch();
    const serve = async (port = 0) => {
      const tasks = new TaskServer({
        store,
        lease: 1_000,
        clockSkew: 0,
        tools: { slow: { task: "always", onLost: "restart", pollInterval: 100 } },
        server: () => make() as never,
      });
      const slow = async (_: unknown, { task }: any) => {
        await task?.status("at work");
        await gate.promise;
        return text("done at last");
      };
      const make = () => attached("v2", tasks, { slow });
      const http = await entryV2(() => make() as never);
      const cors = await proxied(http.url, port);
      tasks.start();
      const close = async () => {
        await cors.close();
        await http.close();
        await tasks.close();
      };
      return { url: cors.url, close };
    };
    const first = await serve();
    const { page } = await visit(t, "console/");
    await (await page.waitForSelector("input[type=url]"))?.type(first.url);
    await press(page, "Connect");
    await press(page, "slow");
    await press(page, "Run");
    await choose(page, "slow");
    await says(page, /at work/);
    await page.setOfflineMode(true);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await page.setOfflineMode(false);
    await says(page, /followed by this tab/);
    await first.close();
    const second = await serve(Number(new URL(first.url).port));
    t.after(() => second.close());
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    gate.resolve();
    gate = latch();
    await says(page, /done at last/, 60_000);
  });

  test("both pages fit a phone, and the console's first load is small", async (t) => {
    for (const path of ["playground/", "console/", "", "guides/", "guides/storage"]) {
      const { page } = await visit(t, path);
      await page.setViewport({ width: 360, height: 740, isMobile: true, deviceScaleFactor: 2 });
      await page.reload();
      await new Promise((resolve) => setTimeout(resolve, 500));
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 360, `${path} is ${width} wide`);
      if (path === "playground/") await page.screenshot({ path: join(SHOTS, "playground-phone.png") });
    }
    const { page } = await visit(t, "console/");
    const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    const sizes = loaded
      .filter((name) => /\.(js|css)$/.test(name))
      .map((name) => gzipSync(readFileSync(join(built, new URL(name).pathname.replace("/some/where/", "")))).length);
    const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1024;
    assert.ok(sizes.length >= 3 && kilobytes <= 250, `${kilobytes} KB`);
  });

  test("every page of the guides keeps to the policy, and no link in it leads nowhere", async (t) => {
    // Of the API reference, whose pages are all made alike, one of each kind.
    const pages = filesIn(built).filter((file) => file.endsWith(".html") && !/\/api\/(?!index|modules)/.test(file));
    assert.ok(pages.length > 10);
    for (const file of pages) {
      const path = file.slice(built.length + 1);
      if (path === "404.html") continue;
      const { page, faults } = await visit(t, path.replace(/index\.html$/, ""));
      const links = await page.evaluate(() => [...document.links].map(({ href }) => href));
      for (const link of new Set(links.filter((href) => href.startsWith(site.url)))) {
        const { status } = await fetch(link);
        assert.equal(status, 200, `${path}: ${link}`);
      }
      assert.deepEqual(faults, [], path);
      await page.close();
    }
  });
});

const SCHEMA = { type: "object", properties: { name: { type: "string", title: "Your name" } }, required: ["name"] };

/** Chooses the newest task of this name in the list. */
async function choose(page: Page, name: string): Promise<void> {
  const row = await page.waitForSelector(`::-p-xpath(//*[@role="option"][.//*[@class="name"][text()="${name}"]])`, {
    timeout: 15_000,
  });
  await row?.click();
}

/** A server that lets pages of other origins ask it. */
async function proxied(target: string, port = 0): Promise<{ url: string; close(): Promise<void> }> {
  const { createServer } = await import("node:http");
  const { Readable } = await import("node:stream");
  const headers = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "*",
    "access-control-allow-methods": "*",
    "access-control-expose-headers": "*",
  };
  const server = createServer(async (request, response) => {
    if (request.method === "OPTIONS") return void response.writeHead(204, headers).end();
    const stop = new AbortController();
    response.on("close", () => stop.abort());
    try {
      const { host: _host, connection: _connection, "content-length": _length, ...rest } = request.headers;
      const answer = await fetch(target, {
        method: request.method ?? "GET",
        headers: rest as Record<string, string>,
        ...(request.method === "POST" && { body: Readable.toWeb(request) as never, duplex: "half" }),
        signal: stop.signal,
      } as RequestInit);
      response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), ...headers });
      if (answer.body === null) return void response.end();
      for await (const chunk of answer.body) response.write(chunk);
      response.end();
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/mcp`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
