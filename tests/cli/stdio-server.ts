// A server on a pipe: `v1` is of the older generation alone, `v2` of both.
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer } from "mcp-longhaul";
import { attached } from "../sdk/harness/servers.ts";
import { HOSTILE, tools } from "./tools.ts";

const tasks = new TaskServer({ defaults: { task: "always", pollInterval: 20 } });
process.stderr.write(`${HOSTILE}\n`);
if (process.argv[2] === "v2") serveStdio(() => attached("v2", tasks, tools) as never);
else await attached("v1", tasks, tools).connect(new StdioServerTransport() as never);
