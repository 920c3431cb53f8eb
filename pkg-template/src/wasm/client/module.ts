// For workerd, which forbids compiling from bytes: the runtime or its bundler hands over the compiled module.
import module from "../generated/client.wasm";

/** The compiled half. */
export function wasmModule(): WebAssembly.Module {
  return module;
}
