// The default loader: the wasm as hex in a JavaScript module, so that no bundler, page or runtime has to find a file.
import { fromHex } from "../hex.ts";
import { compile } from "../compile.ts";
import { hex } from "../generated/client-hex.ts";

let compiled: WebAssembly.Module | undefined;

/** The compiled half. The first call compiles it; nothing happens when this module is imported. */
export function wasmModule(): WebAssembly.Module {
  return (compiled ??= compile(() => fromHex(hex)));
}
