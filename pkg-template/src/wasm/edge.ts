// For edge runtimes whose bundler wants to be told that a module is meant.
import module from "./generated/core.wasm?module";

/** The compiled core. */
export function wasmModule(): WebAssembly.Module {
  return module;
}
