import { checkNames } from "../options-check.ts";
import { ofThisRealm } from "./realm.ts";

/**
 * The compiled halves of the core, for {@link provideWasm}: `mcp-longhaul/server.wasm` and `mcp-longhaul/client.wasm`
 * of this version.
 */
export interface WasmModules {
  /** What `TaskServer` needs. */
  readonly server?: WebAssembly.Module;
  /** What `TaskClient` needs. */
  readonly client?: WebAssembly.Module;
}

/** What was handed over so far. */
export const provided: { server?: WebAssembly.Module; client?: WebAssembly.Module } = {};

/**
 * Hands over compiled wasm, for a platform where code cannot be compiled from bytes and none of the package's own
 * loaders fits. Nowhere else is it needed. Call it before the first `new TaskServer()` or `attach`; a half that is
 * already in use stays. With the condition `mcp-longhaul:manual`, a bundler leaves the package's own wasm out. Where a
 * module does not fit this version, the first use throws a `TaskError` with the code `wasm`.
 */
export function provideWasm(modules: WasmModules): void {
  checkNames("provideWasm", modules, { server: true, client: true });
  if (modules.server !== undefined) provided.server = ofThisRealm(modules.server);
  if (modules.client !== undefined) provided.client = ofThisRealm(modules.client);
}
