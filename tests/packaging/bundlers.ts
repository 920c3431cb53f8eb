// apps/bundlers.js, which imports what is there only after `installTools`.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { installTools } from "./tools.ts";

/** Bundles an entry of a project into a folder. */
export type Bundler = (root: string, entry: string, outDir: string) => Promise<void>;

interface Bundlers {
  readonly esbuild: Bundler;
  readonly vite: Bundler;
  readonly webpack: Bundler;
  readonly rollup: Bundler;
  serveWithVite(root: string): Promise<{ readonly url: string; close(): Promise<void> }>;
}

installTools();
export const { serveWithVite, ...bundlers } = (await import(
  pathToFileURL(join(import.meta.dirname, "apps", "bundlers.js")).href
)) as Bundlers;
