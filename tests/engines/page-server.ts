// Serves one module to a browser, bundled from TypeScript as a host would bundle it.
import { build } from "esbuild";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";

export interface PageServer {
  /** Of a page that loads the module. */
  readonly url: string;
  close(): Promise<void>;
}

/** `files`: what else the page may ask for, wasm each, by its path. */
export async function servePage(entry: string, files: ReadonlyMap<string, string> = new Map()): Promise<PageServer> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    sourcemap: "inline",
    sourceRoot: pathToFileURL(entry).href,
    logLevel: "silent",
  });
  const script = outputFiles[0]!.contents;
  const server = createServer(({ url = "" }, response) => {
    const file = files.get(url);
    if (file !== undefined) return void createReadStream(file).pipe(response.writeHead(200, { "content-type": "application/wasm" }));
    const [type, body] = url === "/module.js" ? ["text/javascript", script] : ["text/html", '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/module.js"></script>'];
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
