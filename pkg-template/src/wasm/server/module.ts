// For workerd, which forbids compiling from bytes: the runtime or its bundler hands over the compiled module.
import module from "../generated/server.wasm";

/** The compiled half. */
export function wasmModule(): WebAssembly.Module {
  return module;
}
