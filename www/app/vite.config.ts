import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// Both pages take whatever folder they are served from: every address in them is relative.
export default defineConfig({
  root: here("."),
  base: "./",
  esbuild: { jsx: "automatic" },
  resolve: {
    alias: [
      { find: /^mcp-longhaul$/, replacement: here("../../pkg/dist/index.js") },
      { find: /^mcp-longhaul\/(.*)$/, replacement: here("../../pkg/dist/$1.js") },
    ],
  },
  worker: { format: "es" },
  build: {
    outDir: here("../../build/www-app"),
    emptyOutDir: true,
    target: "es2022",
    // A strict policy allows no inlined files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { playground: here("playground/index.html"), console: here("console/index.html") } },
  },
});
