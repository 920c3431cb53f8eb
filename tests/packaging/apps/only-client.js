import { TaskClient } from "mcp-tasks";

globalThis.kept = new TaskClient();
