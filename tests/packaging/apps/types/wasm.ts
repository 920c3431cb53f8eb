// Only ES modules can import wasm.
import { provideWasm } from "mcp-tasks";
import client from "mcp-tasks/client.wasm";
import server from "mcp-tasks/server.wasm";

export const modules: { server: WebAssembly.Module; client: WebAssembly.Module } = { server, client };
provideWasm(modules);
