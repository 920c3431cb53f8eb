import { TaskClient } from "mcp-longhaul";

globalThis.kept = new TaskClient();
