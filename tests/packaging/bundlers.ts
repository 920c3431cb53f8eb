// apps/bundlers.js, which imports what is there only after `installTools`.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { installTools } from "./tools.ts";

/** Bundles an entry of a project into a folder. */
export type Bundler = (root: string, entry: string, outDir: string) => Promise<void>;

installTools();
export const bundlers = (await import(pathToFileURL(join(import.meta.dirname, "apps", "bundlers.js")).href)) as Record<"esbuild" | "vite" | "webpack" | "rollup", Bundler>;
