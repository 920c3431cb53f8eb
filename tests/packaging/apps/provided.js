import client from "mcp-longhaul/client.wasm";
import server from "mcp-longhaul/server.wasm";
import { provideWasm } from "mcp-longhaul";
import worker from "./worker.js";

provideWasm({ client, server });

export default worker;
