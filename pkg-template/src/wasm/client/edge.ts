// For edge runtimes with a bundler that must be told to take the file for a module.
import module from "../generated/client.wasm?module";
import { ofThisRealm } from "../realm.ts";

/** The compiled half. */
export function wasmModule(): WebAssembly.Module {
  return ofThisRealm(module);
}
