import client from "mcp-tasks/client.wasm";
import server from "mcp-tasks/server.wasm";
import { provideWasm } from "mcp-tasks";
import worker from "./worker.js";

provideWasm({ client, server });

export default worker;
