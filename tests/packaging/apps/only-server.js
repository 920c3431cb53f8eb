import { TaskServer } from "mcp-tasks";

globalThis.kept = new TaskServer();
