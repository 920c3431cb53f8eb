// For edge runtimes whose bundler wants to be told that a module is meant.
import module from "../generated/server.wasm?module";
import { ofThisRealm } from "../realm.ts";

/** The compiled half. */
export function wasmModule(): WebAssembly.Module {
  return ofThisRealm(module);
}
