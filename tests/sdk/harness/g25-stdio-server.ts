// A server on standard input and output: `v1` with SDK v1's transport, `v2` with SDK v2's `serveStdio`.
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer } from "mcp-longhaul";
import { FORM } from "./g25.ts";
import { type Tools, attached, text } from "./servers.ts";

const tasks = new TaskServer({ defaults: { task: "always" } });
const tools: Tools = {
  quick: () => text("quick"),
  heavy: ({ size, fill }) => text(String(fill).repeat(size)),
  ask: async (_args, { ask }) => text((await ask("elicitation/create", FORM)).action),
  slow: async (_args, { signal }) => {
    await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
  },
};

if (process.argv[2] === "v2") serveStdio(() => attached("v2", tasks, tools) as never);
else await attached("v1", tasks, tools).connect(new StdioServerTransport() as never);
