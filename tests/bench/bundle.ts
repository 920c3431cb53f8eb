// What a bundle costs whoever downloads it.
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

/** The SDKs, which are the host's own. */
export const SDK: readonly string[] = [
  "@modelcontextprotocol/client",
  "@modelcontextprotocol/server",
  "@modelcontextprotocol/core",
  "@modelcontextprotocol/sdk",
];

/** Some exports, bundled and minified as for a browser; in bytes. */
export async function bundle(contents: string, external: readonly string[]): Promise<{ gzip: number; brotli: number }> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external: external.flatMap((name) => [name, `${name}/*`]),
    loader: { ".wasm": "file" },
    outdir: "out",
    write: false,
    logLevel: "silent",
  });
  const sum = (compress: (bytes: Uint8Array) => Uint8Array) =>
    outputFiles.reduce((total, { contents }) => total + compress(contents).length, 0);
  return { gzip: sum((bytes) => gzipSync(bytes, { level: 9 })), brotli: sum((bytes) => brotliCompressSync(bytes)) };
}
