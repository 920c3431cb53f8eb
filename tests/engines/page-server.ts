// Serves one module to a browser, bundled from TypeScript as a host would bundle it.
import { build } from "esbuild";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface PageServer {
  /** Of a page that loads the module. */
  readonly url: string;
  /**
   * For a browser that nobody drives: what the next page with an expression behind the `#` of its address finds its
   * value to be.
   */
  told(): Promise<string>;
  close(): Promise<void>;
}

const TELL = `if (location.hash) {
  const told = eval(decodeURIComponent(location.hash.slice(1)));
  fetch("/", { method: "POST", body: await told.catch((error) => JSON.stringify({ error: String(error) })) });
}`;

/** `files`: what else the page may ask for, wasm each, by its path. */
export async function servePage(entry: string, files: ReadonlyMap<string, string> = new Map()): Promise<PageServer> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "silent",
  });
  const script = outputFiles[0]!.contents;
  const page = `<!doctype html><link rel="icon" href="data:,">
<script type="module" src="/module.js"></script>
<script type="module">${TELL}</script>`;
  const waiting: ((told: string) => void)[] = [];
  const server = createServer(async (request, response) => {
    const { url = "", method } = request;
    if (method === "POST") {
      const told = await text(request);
      response.writeHead(204).end();
      return waiting.shift()?.(told);
    }
    const file = files.get(url);
    if (file !== undefined)
      return void createReadStream(file).pipe(response.writeHead(200, { "content-type": "application/wasm" }));
    const [type, body] = url === "/module.js" ? ["text/javascript", script] : ["text/html", page];
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    told: () => new Promise((resolve) => waiting.push(resolve)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
