// The recipes of docs/frameworks.md: on which packages each runs, and what is special about its framework.

export interface Recipe {
  readonly title: string;
  /** The code block, and the folder in which it runs. */
  readonly name: string;
  readonly packages: readonly string[];
  /** Whether the framework can ask its user. */
  readonly asks: boolean;
  /** Whether it reaches its server over HTTP. */
  readonly http?: true;
  /** Whether it runs in workerd. */
  readonly worker?: true;
  readonly quirk: string;
}

const SDK_V1 = "@modelcontextprotocol/sdk@1.32.2";
const CLIENT_V2 = "@modelcontextprotocol/client@2.4.0";
const OPENAI_COMPATIBLE = "@ai-sdk/openai-compatible@3.0.92";

export const RECIPES: readonly Recipe[] = [
  {
    title: "Vercel AI SDK",
    name: "ai-sdk",
    packages: ["ai@7.0.173", "@ai-sdk/mcp@2.0.99", OPENAI_COMPATIBLE, "zod@4.6.7"],
    asks: true,
    quirk: "A client of its own: attach its transport; `register` does not find it",
  },
  {
    title: "LangChain.js",
    name: "langchain",
    packages: [
      "langchain@1.5.14",
      "@langchain/mcp-adapters@1.1.4",
      "@langchain/core@1.4.0",
      "@langchain/openai@1.6.0",
      SDK_V1,
    ],
    asks: false,
    quirk: "`defaultToolTimeout` aborts a signal, so it ends tasks too; the model sees `_meta` of results",
  },
  {
    title: "OpenAI Agents",
    name: "openai-agents",
    packages: ["@openai/agents@0.20.0", "openai@6.49.0", CLIENT_V2, "zod@4.6.7"],
    asks: false,
    quirk: 'Refuses tools that run only as tasks (`support: "required"`) by itself',
  },
  {
    title: "Mastra",
    name: "mastra",
    packages: [
      "@mastra/mcp@2.0.0",
      "@mastra/core@1.71.0",
      OPENAI_COMPATIBLE,
      "@modelcontextprotocol/client@2.0.0",
      "zod@4.6.7",
    ],
    asks: true,
    quirk: "Depends on version 2.0.0 of SDK v2 exactly: have that one",
  },
  {
    title: "Strands Agents",
    name: "strands",
    packages: ["@strands-agents/sdk@1.19.0", "openai@6.49.0", SDK_V1],
    asks: true,
    quirk: "`mcp.client` is the SDK's; with `tasksConfig` SDK v1 follows tasks itself, for 5 minutes",
  },
  {
    title: "TanStack AI",
    name: "tanstack",
    packages: ["@tanstack/ai@0.58.0", "@tanstack/ai-mcp@0.2.5", "@tanstack/ai-openai@0.23.1", SDK_V1, "zod@4.6.7"],
    asks: false,
    quirk: 'No timeout to set: the SDK\'s 60 s; leaves tools out that run only as tasks (`support: "required"`)',
  },
  {
    title: "Cloudflare Agents",
    name: "cloudflare",
    packages: ["agents@0.32.0", CLIENT_V2, "zod@4.6.7"],
    asks: true,
    http: true,
    worker: true,
    quirk:
      "With a schema as second parameter `mcp.callTool` passes `callTool` of the client by: `until-task` has no effect",
  },
  {
    title: "Google GenAI",
    name: "genai",
    packages: ["@google/genai@3.3.0", SDK_V1],
    asks: true,
    quirk: "Calls with SDK v1's parameters: a client of SDK v2 would lose the timeout",
  },
  {
    title: "Anthropic SDK",
    name: "anthropic",
    packages: ["@anthropic-ai/sdk@1.14.0", CLIENT_V2],
    asks: true,
    quirk: "No timeout to set: the SDK's 60 s",
  },
  {
    title: "mcp-remote",
    name: "mcp-remote",
    packages: ["mcp-remote@0.15.1", CLIENT_V2],
    asks: true,
    http: true,
    quirk: "Its client makes the header `Mcp-Name` of `params.name`, which requests about tasks carry for it",
  },
];
