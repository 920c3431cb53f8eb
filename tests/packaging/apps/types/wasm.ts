// Only ES modules can import wasm.
import { provideWasm } from "mcp-longhaul";
import client from "mcp-longhaul/client.wasm";
import server from "mcp-longhaul/server.wasm";

export const modules: { server: WebAssembly.Module; client: WebAssembly.Module } = { server, client };
provideWasm(modules);
