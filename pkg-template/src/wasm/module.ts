// For workerd, which forbids compiling from bytes: the runtime or its bundler hands over the compiled module.
import module from "./generated/core.wasm";

/** The compiled core. */
export function wasmModule(): WebAssembly.Module {
  return module;
}
