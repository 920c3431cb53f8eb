// The default loader: the wasm as text in a JavaScript module, so that no bundler has to find a file, and a small one.
import { compile } from "../compile.ts";
import { decode } from "../decode.ts";
import { characters, text } from "../generated/client-bytes.ts";

let compiled: WebAssembly.Module | undefined;

/** The compiled half. The first call compiles it; nothing happens when this module is imported. */
export function wasmModule(): WebAssembly.Module {
  return (compiled ??= compile(decode(characters, text)));
}
