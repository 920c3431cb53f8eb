import { TaskServer } from "mcp-longhaul";

globalThis.kept = new TaskServer();
