// The server of client-end-to-end.test.ts on a real pipe; both generations.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { TaskServer } from "mcp-longhaul";
import { tools } from "./client-tools.ts";
import { attached } from "./harness/servers.ts";

const tasks = new TaskServer({ defaults: { task: "always", support: "required", pollInterval: 20 } });
serveStdio(() => attached("v2", tasks, tools) as never);
