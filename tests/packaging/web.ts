// Serves a folder to a browser as it is, and tells what a page there prints.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";
import type { Browser } from "puppeteer-core";

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

export interface FileServer {
  readonly url: string;
  /** The paths of the files that were asked for. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** @param headers sent with every file */
export async function serveFolder(folder: string, headers: Record<string, string> = {}): Promise<FileServer> {
  const asked: string[] = [];
  const server = createServer(async ({ url = "/" }, response) => {
    asked.push(url);
    const file = normalize(join(folder, decodeURIComponent(new URL(url, "http://localhost").pathname)));
    const body = file.startsWith(folder + sep) ? await readFile(file).catch(() => undefined) : undefined;
    if (body === undefined) return response.writeHead(url === "/favicon.ico" ? 204 : 404).end();
    response
      .writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...headers })
      .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The first lines that a page prints with `console.log`. Rejects with what the page fails with instead. */
export async function printedBy(browser: Browser, url: string, lines: number): Promise<string> {
  const page = await browser.newPage();
  try {
    return await new Promise<string>((resolve, reject) => {
      const printed: string[] = [];
      const others: string[] = [];
      const timer = setTimeout(
        () =>
          reject(new Error(`${url} printed only ${JSON.stringify(printed)} and complained ${JSON.stringify(others)}`)),
        60_000,
      );
      page.on("pageerror", (error) => reject(error));
      page.on("console", (message) => {
        if (message.type() !== "log") return void others.push(message.text());
        printed.push(message.text());
        if (printed.length < lines) return;
        clearTimeout(timer);
        resolve(printed.map((line) => `${line}\n`).join(""));
      });
      page.goto(url).catch(reject);
    });
  } finally {
    await page.close();
  }
}
