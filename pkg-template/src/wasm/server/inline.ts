// The default loader: the wasm as a text in a module, so that no bundler, page or runtime has to find a file.
import { toBytes } from "../byte-text.ts";
import { compile } from "../compile.ts";
import { wasm } from "../generated/server-text.ts";

let compiled: WebAssembly.Module | undefined;

/** The compiled half. The first call compiles it; nothing happens when this module is imported. */
export function wasmModule(): WebAssembly.Module {
  return (compiled ??= compile(() => toBytes(wasm)));
}
