import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

export default defineConfig({
  title: "mcp-longhaul",
  description: "Durable MCP Tasks for every JavaScript runtime",
  lang: "en",
  transformHead: ({ siteData }) => [["link", { rel: "icon", href: `${siteData.base}icon.svg` }]],
  outDir: fileURLToPath(new URL("../../../build/www-guides", import.meta.url)),
  cacheDir: fileURLToPath(new URL("../../../build/vitepress", import.meta.url)),
  // The playground and the console are made beside the guides.
  ignoreDeadLinks: [/\/(playground|console|api)\//],
  markdown: { theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" } },
  themeConfig: {
    nav: [
      { text: "Guides", link: "/guides/" },
      { text: "API", link: "/api/", target: "_self" },
      { text: "Playground", link: "/playground/", target: "_self" },
      { text: "Console", link: "/console/", target: "_self" },
    ],
    sidebar: [
      {
        text: "Begin",
        items: [
          { text: "What it is", link: "/guides/" },
          { text: "A server", link: "/guides/server" },
          { text: "A client", link: "/guides/client" },
        ],
      },
      {
        text: "Go on",
        items: [
          { text: "Storage and many processes", link: "/guides/storage" },
          { text: "Asking the user", link: "/guides/asking" },
          { text: "A client that survives", link: "/guides/journal" },
          { text: "Agents", link: "/guides/agents" },
          { text: "Work in steps, and who is told", link: "/guides/steps" },
          { text: "Security and operations", link: "/guides/operations" },
          { text: "Testing your own server", link: "/guides/testing" },
          { text: "How it works", link: "/guides/how-it-works" },
        ],
      },
    ],
    search: { provider: "local" },
  },
});
