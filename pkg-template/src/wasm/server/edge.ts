// For edge runtimes whose bundler wants to be told that a module is meant.
import module from "../generated/server.wasm?module";

/** The compiled half. */
export function wasmModule(): WebAssembly.Module {
  return module;
}
